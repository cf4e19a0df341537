#include "hoist/tools/ui/opaque_objects.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

class OpaqueObjectsTest : public ::testing::Test {
 protected:
  ValueId Opaque(absl::string_view name, ValueId state = ValueGraph::kNoneId,
                 ValueGraph::Items arguments = {}) {
    return graph_.Add({.kind = ValueKind::kOpaque,
                       .type = graph_.AddClass("m", name),
                       .state = state,
                       .data = std::move(arguments)});
  }
  ValueId Dict(std::vector<std::pair<std::string, ValueId>> entries) {
    std::vector<ValueId> items;
    for (const auto& [key, value] : entries) {
      items.push_back(graph_.AddString(key));
      items.push_back(value);
    }
    return graph_.AddItems(ValueKind::kDict, std::move(items));
  }
  std::vector<std::string> Find(ValueId root, size_t max_path_bytes = 1000) {
    std::vector<std::string> found;
    const OpaqueObjects all =
        FindOpaqueObjects(Value(&graph_, root), max_path_bytes);
    for (const OpaqueObject& object : all.objects) {
      found.push_back(absl::StrCat(object.path, ": ", object.class_name));
    }
    if (all.is_truncated) {
      found.push_back("truncated");
    }
    return found;
  }

  ValueGraph graph_;
};

TEST_F(OpaqueObjectsTest, NamesThemByTheirKeys) {
  const ValueId list =
      graph_.AddItems(ValueKind::kList, {graph_.AddInt(1), Opaque("C")});
  EXPECT_THAT(Find(Dict({{"args", Opaque("A")}, {"b", Dict({{"c", list}})}})),
              ElementsAre("args: m.A", "b.c.1: m.C"));
  EXPECT_THAT(Find(Opaque("Root")), ElementsAre(": m.Root"));
  EXPECT_THAT(Find(graph_.AddInt(1)), ElementsAre());
}

TEST_F(OpaqueObjectsTest, LooksIntoObjects) {
  const ValueId inner = Opaque("Inner");
  EXPECT_THAT(Find(Dict({{"a", Opaque("A", Dict({{"x", inner}}))}})),
              ElementsAre("a: m.A", "a.x: m.Inner"));
  EXPECT_THAT(Find(Dict({{"a", Opaque("A", ValueGraph::kNoneId,
                                      {Opaque("Argument")})}})),
              ElementsAre("a: m.A", "a.0: m.Argument"));
}

TEST_F(OpaqueObjectsTest, NamesLayersAsAStateDictDoes) {
  const ValueId modules = Dict({{"fc", Opaque("Linear")}});
  const ValueId state = Dict({{"_parameters", Dict({})},
                              {"_buffers", Dict({})},
                              {"_modules", modules},
                              {"config", Opaque("Config")}});
  EXPECT_THAT(Find(Opaque("Net", state)),
              ElementsAre(": m.Net", "fc: m.Linear", "config: m.Config"));
}

TEST_F(OpaqueObjectsTest, VisitsSharedObjectsAndCyclesOnce) {
  const ValueId shared = Opaque("S");
  const ValueId list = graph_.AddItems(ValueKind::kList, {shared, shared});
  std::get<ValueGraph::Items>(graph_.node(list).data).push_back(list);
  graph_.node(shared).state = list;
  EXPECT_THAT(Find(list), ElementsAre("0: m.S"));
}

TEST_F(OpaqueObjectsTest, DepthCostsNoStackAndPathsAreLimited) {
  ValueId object = ValueGraph::kNoneId;
  for (int i = 0; i < 200'000; ++i) {
    object = Opaque("D", ValueGraph::kNoneId, {object});
  }
  EXPECT_EQ(Find(object, 1000).back(), "truncated");
  ValueId list = Opaque("Last");
  for (int i = 0; i < 200'000; ++i) {
    list = graph_.AddItems(ValueKind::kList, {list});
  }
  EXPECT_EQ(Find(list, 1'000'000).size(), 1u);
}

}  // namespace
}  // namespace hoist
