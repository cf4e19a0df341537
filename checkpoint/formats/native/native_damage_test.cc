// No byte of a file can change without being noticed, unless nothing is meant
// by it; and no part of one is taken for a whole.

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/formats/native/native_reader.h"
#include "hoist/checkpoint/formats/native/native_writer.h"
#include "hoist/checkpoint/formats/native/sample_checkpoint.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

struct Kind {
  const char* name;
  int version;
  bool compress;
};

class NativeDamageTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    const SampleCheckpoint sample = MakeSmallCheckpoint();
    WriteOptions options;
    options.native_version = GetParam().version;
    options.compress = GetParam().compress;
    const auto file_system = NewPosixFileSystem();
    const TempDirectory directory;
    HOIST_ASSERT_OK(WriteNative(sample.catalog, sample.files, *file_system,
                                directory.path("m.hoist"), options,
                                kMinChunkBytes)
                        .status());
    bytes_ = directory.Read("m.hoist");
    HOIST_ASSERT_OK_AND_ASSIGN(catalog_, ReadNative(MemoryFile(bytes_)));
    ASSERT_EQ(catalog_.storages.size(), 2);
    ASSERT_GT(catalog_.storages[0].chunks.size(), 2);
    ASSERT_EQ(catalog_.storages[0].encoded_bytes.has_value(),
              GetParam().compress);
  }

  // Opens and loads all of `bytes`, verified.
  static absl::Status LoadAll(const std::string& bytes) {
    const absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::Open(std::make_shared<MemoryFile>(bytes));
    return checkpoint.ok() ? Load(*checkpoint).status() : checkpoint.status();
  }

  // The name of the tensor whose bytes have that place; empty for none.
  std::string TensorAt(size_t at) const {
    for (const TensorEntry& tensor : catalog_.tensors) {
      const StorageEntry& storage = catalog_.storages[*tensor.storage];
      if (at >= storage.offset_bytes &&
          at < storage.offset_bytes + storage.stored_bytes()) {
        return tensor.name;
      }
    }
    return "";
  }
  // The place of the index, which is behind all data.
  size_t IndexOffset() const {
    size_t end = 0;
    for (const StorageEntry& storage : catalog_.storages) {
      end =
          std::max<size_t>(end, storage.offset_bytes + storage.stored_bytes());
    }
    return (end + 63) / 64 * 64;
  }

  std::string bytes_;
  Catalog catalog_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, NativeDamageTest,
                         ::testing::Values(Kind{"Version1", 1, false},
                                           Kind{"Version2", 2, false},
                                           Kind{"Encoded", 2, true}),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

TEST_P(NativeDamageTest, EveryByte) {
  HOIST_ASSERT_OK(LoadAll(bytes_));
  size_t padding = 0;
  for (size_t at = 0; at < bytes_.size(); ++at) {
    std::string damaged = bytes_;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    const absl::Status status = LoadAll(damaged);
    const std::string tensor = TensorAt(at);
    if (!tensor.empty()) {
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kDataLoss,
                                   HasSubstr(absl::StrCat("tensor ", tensor))))
          << at;
    } else if (at < kNativeMagic.size()) {
      // No such file any more.
      ASSERT_FALSE(status.ok()) << at;
    } else if (at < 64 || at >= IndexOffset()) {
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kDataLoss)) << at;
    } else {
      // What aligns the next storage, or the index.
      ASSERT_EQ(bytes_[at], 0) << at;
      HOIST_ASSERT_OK(status);
      ++padding;
    }
  }
  EXPECT_LT(padding, 4096 * 2);
}

TEST_P(NativeDamageTest, EveryLength) {
  for (size_t size = kNativeMagic.size(); size < bytes_.size(); ++size) {
    ASSERT_THAT(LoadAll(bytes_.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")))
        << size;
  }
  EXPECT_THAT(LoadAll(bytes_.substr(0, bytes_.size() - 1)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("cut off")));
}

TEST_P(NativeDamageTest, JoinedFiles) {
  EXPECT_THAT(LoadAll(bytes_ + bytes_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("it had")));
  EXPECT_THAT(LoadAll(bytes_ + '\0'),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("appended")));
  EXPECT_THAT(LoadAll(bytes_ + std::string(64, '\0')),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("appended")));
}

// The end of a file behind the start of another of the same size, whose
// tensors have the same places.
TEST_P(NativeDamageTest, MixedUpFiles) {
  std::string other = bytes_;
  const size_t at = catalog_.storages[1].offset_bytes;
  other[at] = static_cast<char>(~other[at]);
  const std::string mixed =
      other.substr(0, IndexOffset()) + bytes_.substr(IndexOffset());
  EXPECT_THAT(LoadAll(mixed),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("bytes")));
}

}  // namespace
}  // namespace hoist
