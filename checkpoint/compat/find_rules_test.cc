#include "hoist/checkpoint/compat/find_rules.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Outlines = std::vector<TensorOutline>;

TensorOutline Outline(std::string name, std::vector<int64_t> shape = {4},
                      DType dtype = DType::kFloat32) {
  return {std::move(name), dtype, std::move(shape)};
}

std::vector<std::string> Rules(const RuleSearch& search) {
  std::vector<std::string> texts;
  for (const CompatRule& rule : search.rules) {
    texts.push_back(CompatRuleText(rule));
  }
  return texts;
}

TEST(FindRulesTest, NothingToDo) {
  const Outlines tensors = {Outline("a.w"), Outline("b.w", {2, 3})};
  const RuleSearch search = FindRules(tensors, tensors);
  EXPECT_TRUE(search.match.fits());
  EXPECT_THAT(search.rules, IsEmpty());
  EXPECT_THAT(search.notes, IsEmpty());
}

TEST(FindRulesTest, NoTensors) {
  EXPECT_TRUE(FindRules({}, {}).match.fits());
  EXPECT_FALSE(FindRules({}, {Outline("a")}).match.fits());
  EXPECT_THAT(FindRules({Outline("a")}, {}).rules, IsEmpty());
}

TEST(FindRulesTest, APrefixAlsoWhereShapesDiffer) {
  const RuleSearch search =
      FindRules({Outline("module.a.w", {4, 2}), Outline("module.b.w", {8})},
                {Outline("a.w", {2, 2}), Outline("b.w", {4})});
  EXPECT_THAT(Rules(search), ElementsAre("strip_prefix module."));
  EXPECT_THAT(search.match.shapes, SizeIs(2));
}

// All layers have the same shapes: the last one in place of the first would
// load, and be wrong.
TEST(FindRulesTest, LayersKeepTheirOrder) {
  Outlines file;
  Outlines target;
  for (int i = 0; i < 12; ++i) {
    file.push_back(Outline(absl::StrCat("h.", i + 1, ".w")));
    target.push_back(Outline(absl::StrCat("h.", i, ".w")));
  }
  const RuleSearch search = FindRules(file, target);
  EXPECT_TRUE(search.match.fits());
  ASSERT_THAT(search.rules, SizeIs(12));
  EXPECT_EQ(CompatRuleText(search.rules[0]), "rename h.1 -> h.0");
  EXPECT_EQ(CompatRuleText(search.rules[11]), "rename h.12 -> h.11");
  // The other way the last one goes first.
  const RuleSearch back = FindRules(target, file);
  EXPECT_TRUE(back.match.fits());
  EXPECT_EQ(CompatRuleText(back.rules[0]), "rename h.11 -> h.12");
}

// One layer is missing in the middle: no renumbering makes up for it.
TEST(FindRulesTest, AMissingLayerIsNotMadeUp) {
  Outlines file;
  Outlines target;
  for (int i = 0; i < 6; ++i) {
    target.push_back(Outline(absl::StrCat("h.", i, ".w")));
    if (i != 2) {
      file.push_back(Outline(absl::StrCat("h.", i, ".w")));
    }
  }
  const RuleSearch search = FindRules(file, target);
  EXPECT_THAT(search.rules, IsEmpty());
  EXPECT_THAT(search.match.missing, ElementsAre("h.2.w"));
}

TEST(FindRulesTest, ExpertsInLayers) {
  Outlines file;
  Outlines target;
  for (int layer = 0; layer < 2; ++layer) {
    for (int expert = 0; expert < 3; ++expert) {
      file.push_back(
          Outline(absl::StrCat("h.", layer, ".experts.", expert + 1, ".w")));
      target.push_back(
          Outline(absl::StrCat("h.", layer, ".experts.", expert, ".w")));
    }
  }
  const RuleSearch search = FindRules(file, target);
  EXPECT_TRUE(search.match.fits());
  EXPECT_THAT(search.rules, SizeIs(3));
}

// left and right look the same, and so do one and two.
TEST(FindRulesTest, DoesNotGuess) {
  const RuleSearch search =
      FindRules({Outline("x.one.w"), Outline("x.two.w")},
                {Outline("x.left.w"), Outline("x.right.w")});
  EXPECT_THAT(search.rules, IsEmpty());
  ASSERT_THAT(search.notes, SizeIs(2));
  EXPECT_EQ(search.notes[0].first, CompatIssue::kAmbiguous);
  EXPECT_THAT(search.notes[0].second, HasSubstr("names do not say which"));
}

// Query, key and value have one shape, and their names say which is which, in
// whatever order the target has them.
TEST(FindRulesTest, ProjectionsByTheirNames) {
  const std::vector<int64_t> shape = {4, 4};
  const RuleSearch search = FindRules(
      {Outline("a.query.weight", shape), Outline("a.key.weight", shape),
       Outline("a.value.weight", shape)},
      {Outline("a.v_proj.weight", shape), Outline("a.k_proj.weight", shape),
       Outline("a.q_proj.weight", shape)});
  EXPECT_TRUE(search.match.fits());
  EXPECT_THAT(Rules(search), ::testing::UnorderedElementsAre(
                                 "rename a.query.weight -> a.q_proj.weight",
                                 "rename a.key.weight -> a.k_proj.weight",
                                 "rename a.value.weight -> a.v_proj.weight"));
}

// attention_norm shares more letters with what it is not.
TEST(FindRulesTest, LettersInCommonSayNothing) {
  const RuleSearch search = FindRules(
      {Outline("h.0.attention_norm.weight"), Outline("h.0.ffn_norm.weight")},
      {Outline("h.0.input_layernorm.weight"),
       Outline("h.0.post_attention_layernorm.weight")});
  EXPECT_THAT(search.rules, IsEmpty());
  EXPECT_THAT(search.notes, SizeIs(2));
}

TEST(FindRulesTest, NumbersAtTheEndSayWhich) {
  const RuleSearch search =
      FindRules({Outline("h.0.ln_1.weight"), Outline("h.0.ln_2.weight")},
                {Outline("h.0.norm2.weight"), Outline("h.0.norm1.weight")});
  EXPECT_TRUE(search.match.fits());
}

// A weight is no bias, though nothing else has its shape.
TEST(FindRulesTest, AWeightIsNoBias) {
  const RuleSearch search =
      FindRules({Outline("a.weight")}, {Outline("a.bias")});
  EXPECT_THAT(search.rules, IsEmpty());
}

// Two names cannot become one.
TEST(FindRulesTest, NoRuleThatMakesOneNameOfTwo) {
  const RuleSearch search =
      FindRules({Outline("module.a.w"), Outline("a.w"), Outline("module.b.w")},
                {Outline("a.w"), Outline("b.w")});
  EXPECT_FALSE(search.match.fits());
  for (const CompatRule& rule : search.rules) {
    EXPECT_NE(rule.kind, CompatRule::Kind::kStripPrefix);
  }
}

// Nothing that may be a weight is dropped.
TEST(FindRulesTest, DropsNoWeights) {
  const RuleSearch search = FindRules(
      {Outline("a.w"), Outline("extra.weight"), Outline("optimizer.0.exp_avg"),
       Outline("a.position_ids", {1, 5}, DType::kInt64)},
      {Outline("a.w")});
  EXPECT_THAT(search.match.unexpected, ElementsAre("extra.weight"));
}

TEST(FindRulesTest, GroupedQueriesSplitBySizes) {
  const RuleSearch search = FindRules({Outline("h.0.qkv_proj.weight", {12, 8})},
                                      {Outline("h.0.q_proj.weight", {8, 8}),
                                       Outline("h.0.k_proj.weight", {2, 8}),
                                       Outline("h.0.v_proj.weight", {2, 8})});
  EXPECT_TRUE(search.match.fits());
  ASSERT_THAT(search.rules, SizeIs(1));
  EXPECT_THAT(search.rules[0].sizes, ElementsAre(8, 2, 2));
}

TEST(FindRulesTest, SizesThatDoNotAddUpAreNotSplit) {
  const RuleSearch search =
      FindRules({Outline("qkv.weight", {12, 8})},
                {Outline("q.weight", {8, 8}), Outline("k.weight", {8, 8}),
                 Outline("v.weight", {8, 8})});
  EXPECT_THAT(search.rules, IsEmpty());
}

TEST(FindRulesTest, GptTwosFusedMatrixIsTransposedFirst) {
  const RuleSearch search = FindRules({Outline("h.0.c_attn.weight", {4, 12})},
                                      {Outline("h.0.q_proj.weight", {4, 4}),
                                       Outline("h.0.k_proj.weight", {4, 4}),
                                       Outline("h.0.v_proj.weight", {4, 4})});
  EXPECT_TRUE(search.match.fits());
  ASSERT_THAT(search.rules, SizeIs(2));
  EXPECT_EQ(search.rules[0].kind, CompatRule::Kind::kTranspose);
  EXPECT_EQ(search.rules[1].kind, CompatRule::Kind::kSplit);
}

// Nothing lies beside: each could have them.
TEST(FindRulesTest, PartsThatTwoCouldHoldAreNotGuessed) {
  const Outlines parts = {Outline("x.q.weight", {4, 8}),
                          Outline("x.k.weight", {4, 8}),
                          Outline("x.v.weight", {4, 8})};
  const Outlines wholes = {Outline("a.qkv.weight", {12, 8}),
                           Outline("b.kv.weight", {8, 8})};
  for (const RuleSearch& search :
       {FindRules(parts, wholes), FindRules(wholes, parts)}) {
    EXPECT_THAT(search.rules, IsEmpty());
    ASSERT_THAT(search.notes, SizeIs(2));
    EXPECT_EQ(search.notes[0].first, CompatIssue::kAmbiguous);
    EXPECT_EQ(search.notes[0].second,
              "Not only a.qkv.weight could hold x.k.weight: which one does, no "
              "name and no shape says");
    EXPECT_THAT(search.notes[1].second, HasSubstr("b.kv.weight"));
  }
}

// Floats to floats; integers only to wider ones.
TEST(FindRulesTest, CastsWhatLosesNothing) {
  const RuleSearch search = FindRules(
      {Outline("a", {2}, DType::kFloat16), Outline("b", {2}, DType::kInt64),
       Outline("c", {2}, DType::kInt32), Outline("d", {2}, DType::kInt8)},
      {Outline("a", {2}), Outline("b", {2}, DType::kInt32),
       Outline("c", {2}, DType::kInt64), Outline("d", {2})});
  EXPECT_THAT(Rules(search),
              ElementsAre("cast /^c$/ -> int64", "cast /^a$/ -> float32"));
}

}  // namespace
}  // namespace hoist
