#include "hoist/checkpoint/migrate/rename_rule.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RenameRule Rule(absl::string_view text) {
  auto rule = RenameRule::Parse(text);
  HOIST_EXPECT_OK(rule);
  return *rule;
}

std::string Renamed(absl::string_view rule, absl::string_view name) {
  return Rule(rule).Apply(name).value_or("-");
}

void ExpectRefused(absl::string_view text, const char* message) {
  EXPECT_THAT(RenameRule::Parse(text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

TEST(RenameRuleTest, GlobsKeepWhatTheirWildcardsFound) {
  EXPECT_EQ(Renamed("encoder.*=backbone.*", "encoder.0.w"), "backbone.0.w");
  EXPECT_EQ(Renamed("encoder.*=backbone.*", "xencoder.0.w"), "-");
  EXPECT_EQ(Renamed("a.*.b.*=c.*.d.*", "a.0.b.b.w"), "c.0.d.b.w");
  EXPECT_EQ(Renamed("layer?.*=blocks.?.*", "layer3.w"), "blocks.3.w");
  EXPECT_EQ(Renamed("*.?=?.*", "ab.c"), "c.ab");
  EXPECT_EQ(Renamed("b[0-2].*=x.*", "b1.w"), "x.w");
  EXPECT_EQ(Renamed("b[!0-2].*=x.*", "b1.w"), "-");
  EXPECT_EQ(Renamed("[]x]*=y*", "]w"), "yw");
  EXPECT_EQ(Renamed("a+(b)=c", "a+(b)"), "c");
  EXPECT_EQ(Renamed("\\d=c", "\\d"), "c");
}

TEST(RenameRuleTest, AGlobMeansALayerToo) {
  EXPECT_EQ(Renamed("fc=head", "fc"), "head");
  EXPECT_EQ(Renamed("fc=head", "fc.weight"), "head.weight");
  EXPECT_EQ(Renamed("fc=head", "fc2.weight"), "-");
  EXPECT_EQ(Renamed("blocks.*.fc=blocks.*.head", "blocks.3.fc.weight"),
            "blocks.3.head.weight");
}

TEST(RenameRuleTest, NamesAreBytes) {
  EXPECT_EQ(Renamed("a?=b?", "a\xff"), "b\xff");
  EXPECT_EQ(Renamed("a*=b*", "a\n\xc3"), "b\n\xc3");
}

TEST(RenameRuleTest, SubstitutionsAreAsInSed) {
  EXPECT_EQ(Renamed("s/^layers\\.(\\d+)\\./blocks.\\1./", "layers.12.w"),
            "blocks.12.w");
  EXPECT_EQ(Renamed("s/a/b/", "aa"), "ba");
  EXPECT_EQ(Renamed("s/a/b/g", "aa"), "bb");
  EXPECT_EQ(Renamed("s|a/b|c/d|", "a/b"), "c/d");
  EXPECT_EQ(Renamed("s/a\\/b/c\\/d/", "a/b"), "c/d");
  EXPECT_EQ(Renamed("s/x//", "axb"), "ab");
  // No separators: a name.
  EXPECT_EQ(Renamed("state=net", "state.w"), "net.w");
}

TEST(RenameRuleTest, WhatIsNoRuleIsRefused) {
  const absl::Status status = RenameRule::Parse("encoder").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("says not what becomes what")));
  EXPECT_THAT(HintOf(status), HasSubstr("GLOB=REPLACEMENT"));
  ExpectRefused("=a", "says not");
  ExpectRefused("a=", "says not");
  ExpectRefused("s/a/b/x", "says not");
  ExpectRefused("a.*=b.*.*", "has more of * than \"a.*\"");
  ExpectRefused("a.?=b.*", "has more of *");
  ExpectRefused("a[0-1=b", "a set does not end: \"[0-1\"");
  ExpectRefused("a[z-a]=b", "is none");
  ExpectRefused("a=b[01]", "has a set");
  ExpectRefused("s/(/b/", "is no regular expression");
  ExpectRefused("s/(a)/\\2/", "is no replacement");
}

TEST(RenameRuleTest, TheReverseGivesTheNamesBack) {
  const std::pair<const char*, const char*> kCases[] = {
      {"encoder.*=backbone.*", "encoder.0.w"},
      {"*.?=?.*", "ab.c"},
      {"fc=head", "fc.weight"},
      {"s/^layers\\.(\\d+)\\.(\\w+)/\\2.blocks.\\1/", "layers.12.fc.w"},
      {"s/a\\.b/c+(d)/", "x.a.b.y"},
      {"s/([^]x]+)y$/z\\1/", "1y"},
      {"s/a\\\\b/c/", "a\\b"},
      {"s/a/b\\\\c/", "a"},
  };
  for (const auto& [text, name] : kCases) {
    const RenameRule rule = Rule(text);
    const auto renamed = rule.Apply(name);
    ASSERT_TRUE(renamed.has_value()) << text;
    HOIST_ASSERT_OK_AND_ASSIGN(const RenameRule reverse, rule.Reverse());
    EXPECT_EQ(reverse.Apply(*renamed).value_or("-"), name)
        << text << " " << reverse.text();
  }
  const RenameRule strip = RenameRule::Prefix("module.", "");
  EXPECT_EQ(strip.Apply("module.fc").value_or("-"), "fc");
  EXPECT_FALSE(strip.Apply("module.").has_value());
  EXPECT_FALSE(strip.Apply("fc").has_value());
  EXPECT_EQ(strip.Reverse()->Apply("fc").value_or("-"), "module.fc");
}

TEST(RenameRuleTest, WhatHasNoReverseSaysWhy) {
  const std::pair<const char*, const char*> kCases[] = {
      {"a.*.*=b.*", "has more of *"},
      {"a[01].*=b.*", "has a set"},
      {"s/a.b/c/", "more than text with groups"},
      {"s/(a(b))/\\1/", "more than text with groups"},
      {"s/(?:a)/b/", "more than text with groups"},
      {"s/a+/b/", "more than text with groups"},
      {"s/a/b/g", "several times"},
      {"s/(a)/\\1\\1/", "twice"},
      {"s/(a)/\\0/", "\\0"},
      {"s/(a)/b/", "a group is not in its replacement"},
  };
  for (const auto& [text, why] : kCases) {
    EXPECT_THAT(Rule(text).Reverse(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << text;
  }
}

TEST(RenameTensorsTest, RulesComeOneAfterTheOther) {
  TestParts test;
  const CheckpointParts parts =
      test.Parts(test.StateDict({{"a.w", {1}}, {"b.w", {1}}}, {{"a", 1}}));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const CheckpointParts renamed,
      RenameTensors(parts, {Rule("a=c"), Rule("*.w=*.v")}));
  EXPECT_THAT(NamesOf(renamed), ElementsAre("c.v", "b.v"));
  EXPECT_THAT(RenameTensors(parts, {Rule("x=y")}),
              StatusIs(absl::StatusCode::kNotFound, "\"x=y\" means no tensor"));
}

std::vector<TensorEntry> Entries(const std::vector<std::string>& names) {
  std::vector<TensorEntry> tensors;
  for (const std::string& name : names) {
    tensors.push_back({.name = name});
  }
  return tensors;
}

TEST(RenameEntriesTest, RulesComeOneAfterTheOther) {
  auto tensors = Entries({"module.a.w", "module.b.w", "c", "c"});
  const RenameRule rules[] = {Rule("module.*=*"), Rule("s/^a/x/")};
  HOIST_ASSERT_OK(RenameEntries(rules, tensors));
  EXPECT_EQ(tensors[0].name, "x.w");
  EXPECT_EQ(tensors[1].name, "b.w");
  // Those of one name may keep having one.
  EXPECT_EQ(tensors[3].name, "c");
}

TEST(RenameEntriesTest, RefusesRulesForNothingAndNamesForTwo) {
  auto tensors = Entries({"a", "b"});
  EXPECT_THAT(RenameEntries({{Rule("c=d")}}, tensors),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("c=d")));
  EXPECT_THAT(RenameEntries({{Rule("a=b")}}, tensors),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Tensors a and b would both be named b")));
}

}  // namespace
}  // namespace hoist
