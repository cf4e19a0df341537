#include "hoist/benchmarks/generated_checkpoint.h"

#include "gtest/gtest.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

// What the benchmarks load is whole, and of the size that was asked for.
TEST(GeneratedCheckpointTest, BothFormatsLoad) {
  constexpr uint64_t kBytes = uint64_t{40} << 20;
  for (const std::string& content :
       {GenerateTorchZip(kBytes), GenerateSafetensors(kBytes)}) {
    const TemporaryFile file(content);
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                               Checkpoint::Open(file.path()));
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
    EXPECT_GE(loaded.report.bytes, kBytes);
    EXPECT_LT(loaded.report.bytes, 2 * kBytes);
    EXPECT_EQ(loaded.tensors.size(), 9u);
    EXPECT_EQ(loaded.tensors.Find("layers.2.weight")->shape(),
              (std::vector<int64_t>{2048, 2048}));
  }
}

}  // namespace
}  // namespace hoist
