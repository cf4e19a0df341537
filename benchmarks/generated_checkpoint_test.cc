#include "hoist/benchmarks/generated_checkpoint.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr uint64_t kBytes = uint64_t{40} << 20;

struct Expected {
  Contents contents;
  size_t tensors;
  std::string name;
  std::vector<int64_t> shape;
};

class GeneratedCheckpointTest : public ::testing::TestWithParam<Expected> {};

// What the benchmarks load is whole, and of the size that was asked for.
TEST_P(GeneratedCheckpointTest, EveryFormatHoldsTheSame) {
  for (const auto generate :
       {GenerateTorchZip, GenerateTorchLegacy, GenerateSafetensors}) {
    const TemporaryFile file(generate(GetParam().contents, kBytes));
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                               Checkpoint::Open(file.path()));
    EXPECT_TRUE(checkpoint.catalog().warnings.empty());
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
    EXPECT_GT(loaded.report.bytes, kBytes * 9 / 10);
    EXPECT_LT(loaded.report.bytes, 2 * kBytes);
    EXPECT_EQ(loaded.tensors.size(), GetParam().tensors);
    const Tensor* const tensor = loaded.tensors.Find(GetParam().name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->shape(), GetParam().shape);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, GeneratedCheckpointTest,
    ::testing::Values(
        Expected{Contents::kLarge, 9, "layers.2.weight", {2048, 2048}},
        Expected{Contents::kSmall, 20'000, "layers.19999.weight", {524}},
        Expected{Contents::kTraining,
                 4,
                 "optimizer.state.0.exp_avg_sq",
                 {2048, 2048}}));

}  // namespace
}  // namespace hoist
