#include "hoist/tools/ui/catalog_view.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CatalogViewTest : public ::testing::Test {
 protected:
  void AddTensor(std::string name, std::vector<int64_t> shape, int storage) {
    TensorEntry entry;
    entry.name = std::move(name);
    entry.spec = *ContiguousSpec(DType::kFloat32, std::move(shape));
    entry.storage = storage;
    catalog_.storages.resize(
        std::max(catalog_.storages.size(), static_cast<size_t>(storage) + 1));
    catalog_.storages[storage].size_bytes =
        static_cast<uint64_t>(*LogicalBytes(entry.spec));
    catalog_.tensors.push_back(std::move(entry));
  }
  std::string Show(const Terminal& terminal = {}) {
    catalog_.values = graph_;
    return CatalogView(catalog_, "m.pt", catalog_.warnings, terminal);
  }

  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
  Catalog catalog_;
};

TEST_F(CatalogViewTest, ShowsModulesAsPythonPrintsThem) {
  const ValueId empty = graph_->AddItems(ValueKind::kDict, {});
  const ValueId state = graph_->AddItems(
      ValueKind::kDict,
      {graph_->AddString("_parameters"), empty, graph_->AddString("_buffers"),
       empty, graph_->AddString("_modules"), empty});
  const ValueId module =
      graph_->Add({.kind = ValueKind::kOpaque,
                   .type = graph_->AddClass("my.models", "Net"),
                   .state = state,
                   .data = ValueGraph::Items()});
  catalog_.root_id =
      graph_->AddItems(ValueKind::kDict, {graph_->AddString("ema"), module});
  EXPECT_THAT(Show(), HasSubstr("\nModule ema\n  Net()\n"));
  catalog_.root_id = module;
  EXPECT_THAT(Show(), HasSubstr("\nModule\n  Net()\n  A whole model of class "
                                "my.models.Net, which is not needed"));
}

TEST_F(CatalogViewTest, SaysWhatItWasSavedOn) {
  AddTensor("a", {1}, 0);
  EXPECT_THAT(Show(), Not(HasSubstr("saved on")));
  AddTensor("b", {1}, 1);
  catalog_.tensors[0].location = "cuda:3";
  catalog_.tensors[1].location = "cuda:3";
  EXPECT_THAT(Show(), HasSubstr("saved on cuda:3 (2 tensors); where"));
  catalog_.tensors[0].location = "cuda:0";
  EXPECT_THAT(Show(),
              HasSubstr("saved on cuda:0 (1 tensor), cuda:3 (1 tensor)"));
}

TEST_F(CatalogViewTest, ShowsWhatIsInAFile) {
  catalog_.files = {{.path = "m.pt", .size_bytes = 2048}};
  catalog_.format_version = "3";
  catalog_.producer = "PyTorch";
  AddTensor("embed.weight", {100, 10}, 0);
  AddTensor("bn.weight", {10}, 1);
  AddTensor("bn.running_mean", {10}, 2);
  AddTensor("head.weight", {100, 10}, 0);
  catalog_.root_id = graph_->AddItems(
      ValueKind::kDict, {graph_->AddString("epoch"), graph_->AddInt(7)});
  catalog_.metadata = {{"byteorder", "big"}, {"serialization_id", "123"}};
  catalog_.warnings = {"something odd"};
  EXPECT_EQ(Show(),
            "m.pt  2.00 KiB\n"
            "PyTorch zip archive, version 3, written by PyTorch, "
            "big-endian\n"
            "\n"
            "embed.weight    [100, 10]  float32  1,000\n"
            "bn                                     10\n"
            "  weight        [10]       float32     10\n"
            "  running_mean  [10]       float32     10\n"
            "head.weight     [100, 10]  float32  1,000  = embed.weight\n"
            "\n"
            "Totals\n"
            "  float32  3 tensors  1,020 elements  3.98 KiB\n"
            "  1,010 parameters, and 10 elements of buffers\n"
            "  tied: head.weight = embed.weight, counted once\n"
            "\n"
            "Also in this file\n"
            "  epoch  7\n"
            "\n"
            "warning: something odd\n");
}

TEST_F(CatalogViewTest, ShowsTheMetadataThatUsersWrite) {
  catalog_.format = Format::kSafetensors;
  catalog_.metadata = {{"format", "pt"}};
  EXPECT_THAT(Show(), HasSubstr("\nMetadata\n  format  pt\n"));
}

TEST_F(CatalogViewTest, SaysWhatSharedStoragesTake) {
  AddTensor("all", {4}, 0);
  AddTensor("a_slice", {2}, 0);
  catalog_.storages[0].size_bytes = 1024;
  EXPECT_THAT(Show(), HasSubstr("  1.00 KiB in memory, as "));
}

TEST_F(CatalogViewTest, GroupsOpaqueObjectsByClass) {
  const auto object = [this] {
    return graph_->Add({.kind = ValueKind::kOpaque,
                        .type = graph_->AddClass("m", "Layer"),
                        .data = ValueGraph::Items()});
  };
  catalog_.root_id =
      graph_->AddItems(ValueKind::kList, {object(), object(), object()});
  EXPECT_THAT(Show(), HasSubstr("  m.Layer  at 0 and 2 other places\n"));
}

TEST_F(CatalogViewTest, SaysThatThereAreNoTensors) {
  EXPECT_THAT(Show(), HasSubstr("No tensors\n"));
}

TEST_F(CatalogViewTest, ALongTreeIsCutOnATerminalOnly) {
  for (int i = 0; i < 500; ++i) {
    AddTensor(absl::StrCat("t", i, "x"), {1}, i);
  }
  EXPECT_THAT(Show(), HasSubstr("\nt499x "));
  const std::string text = Show({.is_terminal = true, .width = 80});
  EXPECT_THAT(text, Not(HasSubstr("t499x")));
  EXPECT_THAT(text, HasSubstr("hoist inspect m.pt | less"));
}

TEST_F(CatalogViewTest, EscapesWhatComesFromTheFile) {
  const std::string evil = "\x1b]0;x\a";
  AddTensor(evil, {1}, 0);
  AddTensor(absl::StrCat(evil, "2"), {1}, 0);
  catalog_.producer = evil;
  catalog_.format_version = evil;
  catalog_.format = Format::kSafetensors;
  catalog_.metadata = {{evil, evil}};
  catalog_.warnings = {evil};
  catalog_.root_id = graph_->AddItems(
      ValueKind::kDict, {graph_->AddString(evil),
                         graph_->Add({.kind = ValueKind::kOpaque,
                                      .type = graph_->AddClass(evil, evil),
                                      .data = ValueGraph::Items()})});
  EXPECT_THAT(Show(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Show(), Not(HasSubstr("\a")));
}

}  // namespace
}  // namespace hoist
