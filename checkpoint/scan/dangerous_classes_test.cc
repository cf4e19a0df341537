#include "hoist/checkpoint/scan/dangerous_classes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DangerousClassesTest, EachOnceInTheOrderOfTheFile) {
  ValueGraph graph;
  graph.AddClass("posix", "system");
  graph.AddClass("collections", "OrderedDict");
  graph.AddClass("builtins", "eval");
  graph.AddClass("posix", "system");
  graph.AddClass("my.module", "Thing");
  EXPECT_THAT(DangerousClasses(graph),
              ElementsAre("posix.system", "builtins.eval"));
}

TEST(DangerousClassesTest, HoweverTheNameIsParted) {
  ValueGraph graph;
  graph.AddClass("collections.abc", "os.system");
  graph.AddClass("torch.hub", "load");
  graph.AddClass("torch", "hub.load");
  EXPECT_THAT(DangerousClasses(graph),
              ElementsAre("collections.abc.os.system", "torch.hub.load",
                          "torch.hub.load"));
}

TEST(DangerousClassesTest, TorchsOwnAreNone) {
  ValueGraph graph;
  for (const char* name : {"_rebuild_tensor_v2", "_rebuild_parameter"}) {
    graph.AddClass("torch._utils", name);
  }
  graph.AddClass("torch.nn.modules.linear", "Linear");
  graph.AddClass("builtins", "set");
  EXPECT_THAT(DangerousClasses(graph), IsEmpty());
}

}  // namespace
}  // namespace hoist
