#include "hoist/tools/ui/inspect_json.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

Catalog OneTensor(std::string name) {
  Catalog catalog;
  catalog.format_version = "3";
  auto values = std::make_shared<ValueGraph>();
  catalog.root_id = values->Add({.kind = ValueKind::kOpaque,
                                 .type = values->AddClass("argparse", "N"),
                                 .data = ValueGraph::Items()});
  catalog.values = values;
  TensorEntry tensor;
  tensor.name = std::move(name);
  tensor.spec = *ContiguousSpec(DType::kBfloat16, {10, 5});
  tensor.storage = 0;
  tensor.storage_offset = 4;
  tensor.requires_grad = true;
  catalog.tensors = {tensor};
  catalog.metadata = {{"format", "pt"}};
  catalog.warnings = {"careful"};
  return catalog;
}

TEST(InspectJsonTest, HasTheFieldsInTheOrderThatIsDocumented) {
  EXPECT_EQ(
      JsonText(InspectJson(OneTensor("fc.weight"), "a/b.pt", nullptr)),
      R"({"schema":"hoist.inspect/1","path":"a/b.pt","format":"torch_zip",)"
      R"("format_version":"3","tensors":[{"name":"fc.weight",)"
      R"("dtype":"bfloat16","shape":[10,5],"strides":[5,1],"nbytes":100,)"
      R"("storage":0,"storage_offset":4,"location":"cpu",)"
      R"("requires_grad":true,"persistent":true}],)"
      R"("objects":[{"path":"","class":"argparse.N"}],)"
      R"("metadata":{"format":"pt"},"warnings":["careful"]})"
      "\n");
}

TEST(InspectJsonTest, DigestsAreNullWithoutData) {
  Catalog catalog = OneTensor("a");
  catalog.tensors.push_back(catalog.tensors[0]);
  catalog.tensors[1].storage.reset();
  catalog.tensors[1].location = "meta";
  const Digests digests = {"00ff", std::nullopt};
  const Json tensors = InspectJson(catalog, "a.pt", &digests)["tensors"];
  EXPECT_EQ(tensors[0]["sha256"], "00ff");
  EXPECT_TRUE(tensors[1]["sha256"].is_null());
  EXPECT_TRUE(tensors[1]["storage"].is_null());
  EXPECT_EQ(tensors[1]["location"], "meta");
  EXPECT_EQ(tensors[0].back(), "00ff");
}

TEST(InspectJsonTest, ScalarsHaveEmptyShapes) {
  Catalog catalog = OneTensor("a");
  catalog.tensors[0].spec = *ContiguousSpec(DType::kInt64, {});
  const Json tensor = InspectJson(catalog, "a.pt", nullptr)["tensors"][0];
  EXPECT_EQ(tensor["shape"].dump(), "[]");
  EXPECT_EQ(tensor["nbytes"], 8);
}

TEST(InspectJsonTest, IsValidForAnyName) {
  const std::string text = JsonText(
      InspectJson(OneTensor("\x1b\n\xff\xed\xa0\x80"), "\xfe", nullptr));
  const Json parsed = Json::parse(text);
  EXPECT_TRUE(parsed["tensors"][0]["name"].get<std::string>().starts_with(
      "\x1b\n\xef\xbf\xbd"));
  EXPECT_EQ(parsed["path"], "\xef\xbf\xbd");
}

TEST(InspectJsonTest, EqualMetadataKeysAreOneMember) {
  Catalog catalog = OneTensor("a");
  catalog.metadata = {{"k", "1"}, {"other", "x"}, {"k", "2"}};
  EXPECT_EQ(InspectJson(catalog, "a", nullptr)["metadata"].dump(),
            R"({"k":"2","other":"x"})");
  catalog.metadata = {};
  EXPECT_EQ(InspectJson(catalog, "a", nullptr)["metadata"].dump(), "{}");
}

}  // namespace
}  // namespace hoist
