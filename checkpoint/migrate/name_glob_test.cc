#include "hoist/checkpoint/migrate/name_glob.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

GlobMatch MatchOf(absl::string_view pattern, absl::string_view name) {
  const auto glob = NameGlob::Parse(pattern);
  EXPECT_TRUE(glob.ok()) << glob.status();
  const auto match = glob->Match(name);
  EXPECT_TRUE(match) << pattern << " " << name;
  return match.value_or(GlobMatch{});
}

bool Matches(absl::string_view pattern, absl::string_view name) {
  return NameGlob::Parse(pattern)->Match(name).has_value();
}

TEST(NameGlobTest, StarsAreAsShortAsPossible) {
  EXPECT_THAT(MatchOf("h.*.*.weight", "h.0.attn.q.weight").wildcards,
              ElementsAre("0", "attn.q"));
  EXPECT_THAT(MatchOf("*b*", "abab").wildcards, ElementsAre("a", "ab"));
}

TEST(NameGlobTest, MarksAndSetsAreOneByte) {
  EXPECT_THAT(MatchOf("h.?.w[a-c]", "h.7.wb").wildcards, ElementsAre("7", "b"));
  EXPECT_FALSE(Matches("h.?.w", "h.17.w"));
  EXPECT_FALSE(Matches("w[!a-c]", "wb"));
  EXPECT_TRUE(Matches("w[!a-c]", "wd"));
}

TEST(NameGlobTest, MeansAllInsideOfALayer) {
  EXPECT_EQ(MatchOf("fc", "fc.weight").rest, ".weight");
  EXPECT_EQ(MatchOf("fc", "fc").rest, "");
  EXPECT_FALSE(Matches("fc", "fc1"));
  EXPECT_FALSE(Matches("fc", "a.fc"));
}

TEST(NameGlobTest, WhatIsNoPatternIsRefused) {
  EXPECT_THAT(NameGlob::Parse(""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(NameGlob::Parse("a[b"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Whether `pattern`, of bytes, "*" and "?", is all of `name`; in a layer, what
// begins with "." may follow. By trying all there is.
bool Naive(absl::string_view pattern, absl::string_view name) {
  if (pattern.empty()) {
    return name.empty() || name[0] == '.';
  }
  if (pattern[0] == '*') {
    for (size_t size = 0; size <= name.size(); ++size) {
      if (Naive(pattern.substr(1), name.substr(size))) {
        return true;
      }
    }
    return false;
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         Naive(pattern.substr(1), name.substr(1));
}

std::string RandomText(std::mt19937& random, absl::string_view bytes,
                       size_t max_size) {
  std::string text(random() % (max_size + 1), ' ');
  for (char& byte : text) {
    byte = bytes[random() % bytes.size()];
  }
  return text;
}

TEST(NameGlobTest, AnyPatternMeansWhatTryingAllFinds) {
  std::mt19937 random(1);
  int matches = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text =
        "ab"[random() % 2] + RandomText(random, "ab.*?", 6);
    const auto pattern = NameGlob::Parse(random() % 2 == 0 ? text : "*" + text);
    ASSERT_TRUE(pattern.ok());
    for (int k = 0; k < 20; ++k) {
      const std::string name = RandomText(random, "ab.", 9);
      const auto match = pattern->Match(name);
      ASSERT_EQ(match.has_value(), Naive(pattern->text(), name))
          << pattern->text() << " " << name;
      if (match) {
        ++matches;
        EXPECT_EQ(pattern->Fill(*match), name) << pattern->text();
      }
    }
  }
  EXPECT_GT(matches, 1000);
}

}  // namespace
}  // namespace hoist
