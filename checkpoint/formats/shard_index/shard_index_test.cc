#include "hoist/checkpoint/formats/shard_index/shard_index.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ShardIndexTest, ReadsAnIndex) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const ShardIndex index,
      ParseShardIndex(
          R"({"metadata": {"total_size": 24.0, "format": "pt", "n": 3,
              "nested": {"a": 1}},
              "weight_map": {"b": "2.bin", "a": "1.bin", "c": "2.bin"}})"));
  EXPECT_THAT(
      index.weight_map,
      ElementsAre(Pair("b", "2.bin"), Pair("a", "1.bin"), Pair("c", "2.bin")));
  EXPECT_THAT(index.Files(), ElementsAre("1.bin", "2.bin"));
  EXPECT_EQ(index.total_size_bytes, 24);
  EXPECT_THAT(index.metadata,
              ElementsAre(Pair("format", "pt"), Pair("n", "3")));
}

TEST(ShardIndexTest, MetadataIsOptional) {
  HOIST_ASSERT_OK_AND_ASSIGN(const ShardIndex index,
                             ParseShardIndex(R"({"weight_map": {}})"));
  EXPECT_FALSE(index.total_size_bytes.has_value());
  EXPECT_TRUE(index.Files().empty());
}

TEST(ShardIndexTest, RefusesWhatIsNoIndex) {
  for (const std::string text :
       {"", "[]", "{", "{}", R"({"weight_map": 3})",
        R"({"weight_map": {"a": 3}})", R"({"weight_map": {"a": ""}})",
        R"({"weight_map": {"a": "b\u0000c"}})"}) {
    EXPECT_THAT(ParseShardIndex(text), StatusIs(absl::StatusCode::kDataLoss))
        << text;
  }
}

TEST(ShardIndexTest, RefusesATensorInTwoFiles) {
  EXPECT_THAT(ParseShardIndex(R"({"weight_map": {"a": "1", "a": "2"}})"),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("\"a\" is there twice"),
                             HasSubstr("\"1\" and \"2\""))));
}

TEST(ShardIndexTest, RefusesFilesOutsideTheFolder) {
  for (const std::string file :
       {"/etc/passwd", "../x", "a/../../x", "..", "a\\\\..\\\\x", "\\\\x"}) {
    EXPECT_THAT(
        ParseShardIndex(
            absl::StrCat(R"({"weight_map": {"a": ")", file, "\"}}")),
        StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("leads out")))
        << file;
  }
  HOIST_EXPECT_OK(ParseShardIndex(R"({"weight_map": {"a": "sub/..x"}})"));
}

}  // namespace
}  // namespace hoist
