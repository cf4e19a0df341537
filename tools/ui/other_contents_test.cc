#include "hoist/tools/ui/other_contents.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OtherContentsTest : public ::testing::Test {
 protected:
  using Entries = std::vector<std::pair<std::string, ValueId>>;

  ValueId Dict(const Entries& entries) {
    std::vector<ValueId> items;
    for (const auto& [key, value] : entries) {
      items.push_back(graph_->AddString(key));
      items.push_back(value);
    }
    return graph_->AddItems(ValueKind::kDict, std::move(items));
  }
  ValueId Tensor(std::string name) {
    TensorEntry entry;
    entry.name = std::move(name);
    entry.spec = *ContiguousSpec(DType::kFloat32, {256});
    entry.storage = static_cast<int>(catalog_.tensors.size());
    catalog_.tensors.push_back(std::move(entry));
    return graph_->Add(
        {.kind = ValueKind::kTensor,
         .data = static_cast<int64_t>(catalog_.tensors.size()) - 1});
  }
  ValueId List(std::vector<ValueId> items) {
    return graph_->AddItems(ValueKind::kList, std::move(items));
  }
  std::vector<std::string> Lines(ValueId root) {
    catalog_.values = graph_;
    catalog_.root_id = root;
    const auto rows = TensorRows(catalog_);
    use_ = SortByUse(catalog_);
    std::vector<std::string> lines;
    for (const ContentLine& line : OtherContents(catalog_, rows, use_)) {
      lines.push_back(absl::StrCat(line.name, " | ", line.text));
    }
    return lines;
  }

  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
  Catalog catalog_;
  TensorsByUse use_;
};

TEST_F(OtherContentsTest, OfAStateDictThereAreNone) {
  EXPECT_THAT(Lines(Dict({{"a.weight", Tensor("a.weight")}})), IsEmpty());
  EXPECT_THAT(use_.model, ElementsAre(0));
}

TEST_F(OtherContentsTest, OfATrainingCheckpoint) {
  const ValueId optimizer =
      Dict({{"state", Dict({{"0", Tensor("optimizer.state.0")}})},
            {"param_groups", List({})}});
  EXPECT_THAT(Lines(Dict({{"model", Dict({{"w", Tensor("model.w")}})},
                          {"optimizer", optimizer},
                          {"epoch", graph_->AddInt(7)}})),
              ElementsAre("optimizer | optimizer state: 1 tensor, 1.00 KiB",
                          "epoch | 7"));
  EXPECT_THAT(use_.optimizer, ElementsAre(0));
  EXPECT_THAT(use_.model, ElementsAre(1));
}

TEST_F(OtherContentsTest, FindsOptimizersInLists) {
  const ValueId optimizer =
      Dict({{"state", Dict({{"0", Tensor("optimizer_states.0.state.0")}})},
            {"param_groups", List({})}});
  EXPECT_THAT(
      Lines(Dict({{"optimizer_states", List({optimizer})}})),
      ElementsAre("optimizer_states | optimizer state: 1 tensor, 1.00 KiB"));
}

TEST_F(OtherContentsTest, AModelThatIsCalledOptimizerIsAModel) {
  EXPECT_THAT(
      Lines(Dict({{"optimizer", Dict({{"w", Tensor("optimizer.w")}})}})),
      IsEmpty());
  EXPECT_THAT(use_.model, ElementsAre(0));
}

TEST_F(OtherContentsTest, NamesTheClassOfAWholeModel) {
  const ValueId model = graph_->Add({.kind = ValueKind::kOpaque,
                                     .type = graph_->AddClass("yolo", "Model"),
                                     .data = ValueGraph::Items()});
  Tensor("model.w");
  EXPECT_THAT(Lines(Dict({{"model", model}})),
              ElementsAre("model | yolo.Model object"));
  EXPECT_THAT(Lines(model), ElementsAre("(root) | yolo.Model object"));
}

TEST_F(OtherContentsTest, NamesAreSafeToShow) {
  EXPECT_THAT(Lines(Dict({{"\x1b[2J", graph_->AddInt(1)}})),
              ElementsAre("\\x1b[2J | 1"));
}

TEST_F(OtherContentsTest, StandsCycles) {
  const ValueId list = List({});
  std::get<ValueGraph::Items>(graph_->node(list).data).push_back(list);
  EXPECT_THAT(Lines(list), ElementsAre("0 | list(1)"));
}

}  // namespace
}  // namespace hoist
