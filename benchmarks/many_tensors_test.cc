#include "hoist/benchmarks/many_tensors.h"

#include "gtest/gtest.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr int kCount = 1003;

// All formats describe the same tensors, and their files have the bytes.
TEST(ManyTensorsTest, AreTheSameInAllFormats) {
  for (const ManyTensorsFile& generated :
       {ManyTensorsTorchZip(kCount), ManyTensorsTorchLegacy(kCount),
        ManyTensorsSafetensors(kCount)}) {
    const TemporaryFile file(generated.content);
    HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                               Checkpoint::Open(file.path()));
    EXPECT_TRUE(checkpoint.catalog().warnings.empty());
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded, Load(checkpoint));
    EXPECT_EQ(loaded.tensors.size(), size_t{kCount});
    EXPECT_EQ(
        loaded.tensors.Find("model.layers.99.mlp.up_proj.weight")->shape(),
        (std::vector<int64_t>{16, 8}));
    EXPECT_EQ(
        loaded.tensors.Find("model.layers.100.self_attn.q_proj.bias")->shape(),
        (std::vector<int64_t>{8}));
    for (const auto& [offset, size] : generated.descriptions) {
      EXPECT_LE(offset + size, generated.content.size());
    }
  }
}

TEST(ManyTensorsTest, TheFirstDescriptionOfAZipIsItsPickle) {
  const ManyTensorsFile file = ManyTensorsTorchZip(kCount);
  const auto [offset, size] = file.descriptions[0];
  EXPECT_EQ(file.content.substr(offset, size), ManyTensorsPickle(kCount));
  // A directory begins with an entry.
  EXPECT_EQ(file.content.substr(file.descriptions[1].first, 4), "PK\1\2");
}

}  // namespace
}  // namespace hoist
