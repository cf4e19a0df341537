#include "hoist/checkpoint/migrate/module_moves.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(MovedModulesTest, ModulesGoWhereTheirKeysGo) {
  EXPECT_THAT(
      MovedModules({"", "net", "net.0", "net.1", "net.1.act"},
                   {{"net.0.weight", "body.0.weight"},
                    {"net.0.bias", "body.0.bias"},
                    {"net.1.weight", "body.2.weight"}}),
      ElementsAre(Optional(std::string("")), Optional(std::string("body")),
                  Optional(std::string("body.0")),
                  Optional(std::string("body.2")),
                  Optional(std::string("body.2.act"))));
}

TEST(MovedModulesTest, APrefixIsAModuleMoreOrLess) {
  EXPECT_THAT(MovedModules({"", "module", "module.fc"},
                           {{"module.fc.weight", "fc.weight"}}),
              ElementsAre(Optional(std::string("")), Optional(std::string("")),
                          Optional(std::string("fc"))));
  EXPECT_THAT(MovedModules({"", "fc"}, {{"fc.weight", "module.fc.weight"}}),
              ElementsAre(Optional(std::string("module")),
                          Optional(std::string("module.fc"))));
}

TEST(MovedModulesTest, AKeyOfAnotherNameStaysInItsModule) {
  EXPECT_THAT(MovedModules({"norm"}, {{"norm.gamma", "norm.weight"}}),
              ElementsAre(Optional(std::string("norm"))));
}

TEST(MovedModulesTest, WhatHasLostAllKeysIsGone) {
  EXPECT_THAT(MovedModules({"", "a", "a.b", "c"}, {{"a.b.w", std::nullopt},
                                                   {"a.v", std::nullopt},
                                                   {"c.w", "c.w"}}),
              ElementsAre(Optional(std::string("")), std::nullopt, std::nullopt,
                          Optional(std::string("c"))));
  EXPECT_THAT(MovedModules({""}, {{"w", std::nullopt}}),
              ElementsAre(Optional(std::string(""))));
}

TEST(MovedModulesTest, WhatIsSplitStays) {
  EXPECT_THAT(MovedModules({"a"}, {{"a.v", "b.v"}, {"a.w", "c.w"}}),
              ElementsAre(Optional(std::string("a"))));
}

}  // namespace
}  // namespace hoist
