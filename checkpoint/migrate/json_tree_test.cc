#include "hoist/checkpoint/migrate/json_tree.h"

#include <string>

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string PositionOf(const JsonTree& tree) {
  return std::to_string(tree.position.line) + ":" +
         std::to_string(tree.position.column);
}

void ExpectRefused(const std::string& text, const std::string& start,
                   const std::string& message = "") {
  EXPECT_THAT(ParseJsonTree(text),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::AllOf(StartsWith(start), HasSubstr(message))))
      << text;
}

TEST(JsonTreeTest, EveryValueKnowsItsPlace) {
  HOIST_ASSERT_OK_AND_ASSIGN(const JsonTree tree, ParseJsonTree(R"(
  {"a": [1,-2 ,
    3.5], "b":{"c":true},
    "d" :"x\ny", "e": null})"));
  EXPECT_EQ(PositionOf(tree), "2:3");
  const JsonTree& a = *tree.Find("a");
  EXPECT_EQ(PositionOf(a), "2:9");
  EXPECT_EQ(PositionOf(a.items[0]), "2:10");
  EXPECT_EQ(a.items[0].integer, 1);
  EXPECT_EQ(PositionOf(a.items[1]), "2:12");
  EXPECT_EQ(a.items[1].integer, -2);
  EXPECT_EQ(PositionOf(a.items[2]), "3:5");
  EXPECT_EQ(a.items[2].number, 3.5);
  EXPECT_EQ(PositionOf(*tree.Find("b")->Find("c")), "3:20");
  EXPECT_EQ(tree.Find("b")->Find("c")->integer, 1);
  EXPECT_EQ(tree.keys[2].second.line, 4);
  EXPECT_EQ(tree.keys[2].second.column, 5);
  EXPECT_EQ(PositionOf(*tree.Find("d")), "4:10");
  EXPECT_EQ(tree.Find("d")->text, "x\ny");
  EXPECT_EQ(tree.Find("e")->kind, JsonTree::Kind::kNull);
  EXPECT_EQ(tree.Find("f"), nullptr);
}

TEST(JsonTreeTest, ErrorsPointAtTheirPlace) {
  ExpectRefused("", "1:1: No JSON");
  ExpectRefused("{\n  \"a\": }", "2:8: No JSON");
  ExpectRefused("{\"a\": 1} x", "1:10: No JSON");
  ExpectRefused("{\"a\": 1,\n \"a\": 2}", "2:2: ", "\"a\" is there twice");
  ExpectRefused("[\n99999999999999999999]", "2:1: ", "more than 64 bits");
  ExpectRefused("[9223372036854775808]", "1:2: ", "more than 64 bits");
  ExpectRefused("[1e999]", "1:", "No JSON");
  ExpectRefused("[\"\xff\"]", "1:", "No JSON");
  ExpectRefused(std::string(33, '['), "1:33: ", "More than 32");
  ExpectRefused(std::string((1 << 20) + 1, ' '), "1:1: ", "1048577 bytes");
}

}  // namespace
}  // namespace hoist
