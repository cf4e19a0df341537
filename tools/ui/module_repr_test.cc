#include "hoist/tools/ui/module_repr.h"

#include <fstream>

#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

constexpr char kFolder[] = "checkpoint/testdata/torch-2.11/";

TEST(ModuleReprTest, IsWhatPythonPrints) {
  const std::string path = std::string(kFolder) + "modules_printed";
  std::ifstream in(path + ".expected.json");
  const auto expected = nlohmann::json::parse(in);
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path + ".pt"));
  const Value root = checkpoint.catalog().root();
  ASSERT_TRUE(IsModule(root));
  std::istringstream lines(ModuleRepr(root));
  std::string line;
  for (const auto& want : expected["print"]) {
    ASSERT_TRUE(std::getline(lines, line)) << want;
    EXPECT_EQ(line, want);
  }
  EXPECT_FALSE(std::getline(lines, line)) << line;
}

class ModuleTest : public ::testing::Test {
 protected:
  // A module of class "my.Net" with these children: name and id in turn.
  ValueId Module(std::vector<ValueId> children) {
    const ValueId empty = graph_.AddItems(ValueKind::kDict, {});
    const ValueId state = graph_.AddItems(
        ValueKind::kDict,
        {graph_.AddString("_parameters"), empty, graph_.AddString("_buffers"),
         empty, graph_.AddString("_modules"),
         graph_.AddItems(ValueKind::kDict, std::move(children))});
    return graph_.Add({.kind = ValueKind::kOpaque,
                       .type = graph_.AddClass("my", "Net"),
                       .state = state,
                       .data = ValueGraph::Items()});
  }
  std::string Repr(ValueId id) { return ModuleRepr(Value(&graph_, id)); }

  ValueGraph graph_;
};

TEST_F(ModuleTest, TheClassNeedNotBeKnown) {
  EXPECT_EQ(Repr(Module({graph_.AddString("a"), Module({})})),
            "Net(\n  (a): Net()\n)\n");
}

TEST_F(ModuleTest, NamesAreMadeSafe) {
  EXPECT_EQ(Repr(Module({graph_.AddString("a\x1b[31m"), Module({})})),
            "Net(\n  (a\\x1b[31m): Net()\n)\n");
}

TEST_F(ModuleTest, ThatContainsItselfEnds) {
  const ValueId module = Module({graph_.AddString("self"), 0});
  const ValueId children =
      Value(&graph_, module).state().Find("_modules")->id();
  std::get<ValueGraph::Items>(graph_.node(children).data)[1] = module;
  EXPECT_NE(Repr(module).find("..."), std::string::npos);
}

TEST_F(ModuleTest, SharedWithoutEndIsCut) {
  ValueId module = Module({});
  for (int i = 0; i < 50; ++i) {
    module =
        Module({graph_.AddString("a"), module, graph_.AddString("b"), module});
  }
  EXPECT_NE(Repr(module).find("..."), std::string::npos);
}

TEST_F(ModuleTest, OtherValuesAreNoModules) {
  EXPECT_FALSE(IsModule(Value(&graph_, graph_.AddInt(1))));
  EXPECT_FALSE(IsModule(Value(&graph_, graph_.AddItems(ValueKind::kDict, {}))));
}

}  // namespace
}  // namespace hoist
