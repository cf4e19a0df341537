#include "hoist/checkpoint/load/read_ceiling.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/counting_file.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

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
  EXPECT_EQ(file->bytes(), 3 * kMiB + 100 + 3);
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
