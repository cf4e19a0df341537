#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

// The files that the reference implementation wrote, against what it says is in
// them.
class SafetensorsGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  SafetensorsGoldenTest()
      : stem_(std::string("checkpoint/testdata/safetensors-0.8/") +
              GetParam()) {}

  const std::string stem_;
};

std::string HashOf(const RandomAccessFile& file, const StorageEntry& storage) {
  std::vector<uint8_t> bytes(storage.size_bytes);
  HOIST_EXPECT_OK(file.ReadAt(storage.offset_bytes, absl::MakeSpan(bytes)));
  Sha256 hash;
  hash.Update(bytes);
  return hash.FinishHex();
}

TEST_P(SafetensorsGoldenTest, SaysWhatTheReferenceSays) {
  std::ifstream expected_file(stem_ + ".expected.json");
  ASSERT_TRUE(expected_file.good());
  const auto expected = nlohmann::json::parse(expected_file);
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file, OpenFile(stem_ + ".safetensors"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, ReadSafetensors(*file));

  EXPECT_EQ(std::string(FormatName(catalog.format)),
            expected["format"].get<std::string>());
  ASSERT_EQ(catalog.tensors.size(), expected["tensors"].size());
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    ASSERT_EQ(tensor.storage, static_cast<int>(i));
    nlohmann::json found;
    found["name"] = tensor.name;
    found["dtype"] = std::string(DTypeName(tensor.spec.dtype));
    found["shape"] = tensor.spec.shape;
    found["strides"] = tensor.spec.strides;
    found["nbytes"] = LogicalBytes(tensor.spec).value();
    found["storage_offset"] = tensor.storage_offset;
    found["requires_grad"] = tensor.requires_grad;
    found["location"] = tensor.location;
    found["sha256"] = HashOf(*file, catalog.storages[i]);
    EXPECT_EQ(found, expected["tensors"][i]);
    EXPECT_EQ(catalog.root().key(i).AsString(), tensor.name);
    EXPECT_EQ(catalog.root().value(i).AsIndex(), static_cast<int>(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, SafetensorsGoldenTest,
                         ::testing::Values("all_dtypes", "empty",
                                           "handwritten_header", "no_metadata",
                                           "only_metadata", "shapes",
                                           "state_dict", "tensors_1001"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

TEST(SafetensorsGoldenMetadataTest, IsThere) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file,
      OpenFile("checkpoint/testdata/safetensors-0.8/state_dict.safetensors"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, ReadSafetensors(*file));
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"format", "pt"}, {"note", "größe"}};
  auto found = catalog.metadata;
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace hoist
