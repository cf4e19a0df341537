#include "hoist/tools/ui/plain_entries.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

class PlainEntriesTest : public ::testing::Test {
 protected:
  ValueId Dict(const std::vector<std::pair<const char*, ValueId>>& entries) {
    std::vector<ValueId> items;
    for (const auto& [key, value] : entries) {
      items.push_back(graph_->AddString(key));
      items.push_back(value);
    }
    return graph_->AddItems(ValueKind::kDict, std::move(items));
  }
  ValueId List(std::vector<ValueId> items) {
    return graph_->AddItems(ValueKind::kList, std::move(items));
  }
  ValueId TensorNamed(const char* name) {
    TensorEntry tensor;
    tensor.name = name;
    catalog_.tensors.push_back(tensor);
    return graph_->Add({.kind = ValueKind::kTensor, .data = int64_t{0}});
  }
  std::vector<std::pair<std::string, std::string>> EntriesOf(ValueId root) {
    catalog_.root_id = root;
    catalog_.values = graph_;
    std::vector<std::pair<std::string, std::string>> entries;
    for (PlainEntry& entry : PlainEntries(catalog_)) {
      entries.emplace_back(std::move(entry.name), std::move(entry.text));
    }
    return entries;
  }

  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
  Catalog catalog_;
};

TEST_F(PlainEntriesTest, AreWhatHasNoTensors) {
  const ValueId group = Dict({{"lr", graph_->AddString("low")}});
  const ValueId root = Dict(
      {{"model", Dict({{"weight", TensorNamed("model.weight")}})},
       {"epoch", graph_->AddInt(3)},
       {"optimizer", Dict({{"state", List({TensorNamed("optimizer.state.0"),
                                           graph_->AddInt(7)})},
                           {"param_groups", List({group})}})},
       {"sizes", List({graph_->AddInt(1), graph_->AddInt(2)})}});
  EXPECT_THAT(EntriesOf(root),
              ElementsAre(Pair("epoch", "3"), Pair("optimizer.state.1", "7"),
                          Pair("optimizer.param_groups", "[{'lr': 'low'}]"),
                          Pair("sizes", "[1, 2]")));
}

TEST_F(PlainEntriesTest, OfTheRootItself) {
  EXPECT_THAT(EntriesOf(graph_->AddInt(7)), ElementsAre(Pair("", "7")));
  EXPECT_THAT(EntriesOf(List({graph_->AddInt(7)})),
              ElementsAre(Pair("", "[7]")));
  EXPECT_THAT(EntriesOf(Dict({})), IsEmpty());
  EXPECT_THAT(EntriesOf(TensorNamed("")), IsEmpty());
}

TEST_F(PlainEntriesTest, AreSafeToShow) {
  TensorNamed("t");
  EXPECT_THAT(EntriesOf(Dict({{"a\x1b", graph_->AddString("b\x1b[2J")},
                              {"t", TensorNamed("t.0")}})),
              ElementsAre(Pair("a\\x1b", "'b\\x1b[2J'")));
}

TEST_F(PlainEntriesTest, EndWhereValuesContainThemselves) {
  const ValueId list = List({graph_->AddInt(1), TensorNamed("0.0.1")});
  std::get<ValueGraph::Items>(graph_->node(list).data).push_back(list);
  EXPECT_THAT(
      EntriesOf(List({list})),
      ElementsAre(Pair("0.0", "1"), Pair("0.2", StartsWith("[1, <torch.T"))));
}

TEST_F(PlainEntriesTest, LongNamesEndTheList) {
  const std::string name(size_t{1} << 20, 'x');
  std::vector<ValueId> items(1000, graph_->AddInt(1));
  items.push_back(TensorNamed((name + ".1000").c_str()));
  const auto entries = EntriesOf(Dict({{name.c_str(), List(items)}}));
  EXPECT_GT(entries.size(), 30u);
  EXPECT_LT(entries.size(), 100u);
}

}  // namespace
}  // namespace hoist
