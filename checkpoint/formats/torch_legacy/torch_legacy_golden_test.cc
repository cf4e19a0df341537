#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/torch_legacy/torch_legacy_reader.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using Json = nlohmann::json;

// The files that PyTorch wrote, against what it says is in them.
class TorchLegacyGoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchLegacyGoldenTest, SaysWhatPyTorchSays) {
  const std::string stem =
      std::string("checkpoint/testdata/torch-2.11/") + GetParam();
  std::ifstream expected_file(stem + ".expected.json");
  ASSERT_TRUE(expected_file.good());
  const Json expected = Json::parse(expected_file);
  HOIST_ASSERT_OK_AND_ASSIGN(std::shared_ptr<const RandomAccessFile> file,
                             OpenFile(stem + ".pt"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, ReadTorchLegacy(*file));
  EXPECT_EQ(std::string(FormatName(catalog.format)), expected["format"]);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto digests,
      TensorDigests(catalog, absl::MakeConstSpan(&file, 1), nullptr));
  ASSERT_EQ(catalog.tensors.size(), expected["tensors"].size());
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    const Json found = {{"name", tensor.name},
                        {"dtype", std::string(DTypeName(tensor.spec.dtype))},
                        {"shape", tensor.spec.shape},
                        {"strides", tensor.spec.strides},
                        {"nbytes", LogicalBytes(tensor.spec).value()},
                        {"storage_offset", tensor.storage_offset},
                        {"requires_grad", tensor.requires_grad},
                        {"location", tensor.location},
                        {"sha256", digests[i].value_or("")}};
    EXPECT_EQ(found, expected["tensors"][i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, TorchLegacyGoldenTest,
                         ::testing::Values("legacy_state_dict", "legacy_views",
                                           "legacy_whole_module"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace hoist
