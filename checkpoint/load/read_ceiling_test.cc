#include "hoist/checkpoint/load/read_ceiling.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// Another file, of which it is counted what is read.
class CountingFile : public RandomAccessFile {
 public:
  explicit CountingFile(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  const std::string& path() const override { return file_->path(); }
  uint64_t size_bytes() const override { return file_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    read_bytes_ += out.size();
    return file_->ReadAt(offset, out);
  }
  uint64_t read_bytes() const { return read_bytes_; }

 private:
  const std::shared_ptr<const RandomAccessFile> file_;
  mutable std::atomic<uint64_t> read_bytes_ = 0;
};

TEST(ReadCeilingTest, ReadsWhatALoadWouldAndComparesNothing) {
  TestCheckpoint checkpoint({TestBytes(3 * kMiB, 1), TestBytes(100, 2)});
  // Damage is not its affair.
  checkpoint.catalog.storages[0].crc32 = 1;
  const auto file = std::make_shared<CountingFile>(checkpoint.files[0]);
  checkpoint.files[0] = file;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const double ceiling,
      ReadCeiling(checkpoint.catalog, checkpoint.files, {}));
  EXPECT_GT(ceiling, 0);
  // And the gap between the two.
  EXPECT_EQ(file->read_bytes(), 3 * kMiB + 100 + 3);
}

TEST(ReadCeilingTest, OfNothingIsNothing) {
  const TestCheckpoint checkpoint(std::vector<std::string>{});
  HOIST_ASSERT_OK_AND_ASSIGN(
      const double ceiling,
      ReadCeiling(checkpoint.catalog, checkpoint.files, {}));
  EXPECT_EQ(ceiling, 0);
}

TEST(ReadCeilingTest, ErrorsAreThoseOfALoad) {
  const TestCheckpoint checkpoint({TestBytes(kMiB, 1)});
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_THAT(
      ReadCeiling(checkpoint.catalog, checkpoint.files, {.cancel = &cancel})
          .status(),
      StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace hoist
