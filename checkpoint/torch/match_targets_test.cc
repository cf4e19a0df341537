#include "hoist/checkpoint/torch/match_targets.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist::libtorch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// float32 targets of these names and shapes, none tied.
std::vector<LoadTarget> Targets(
    const std::vector<std::pair<std::string, std::vector<int64_t>>>& named) {
  std::vector<LoadTarget> targets;
  for (const auto& [name, shape] : named) {
    targets.push_back({.name = name,
                       .dtype = DType::kFloat32,
                       .shape = shape,
                       .identity = static_cast<int>(targets.size())});
  }
  return targets;
}

LoadIntoReport Report(const Catalog& catalog,
                      const std::vector<LoadTarget>& targets,
                      const LoadIntoOptions& options = {}) {
  auto matches = MatchTargets(catalog, targets, options);
  HOIST_EXPECT_OK(matches.status());
  return matches.ok() ? matches->report : LoadIntoReport();
}

std::vector<std::string> Mismatches(const LoadIntoReport& report) {
  std::vector<std::string> lines;
  for (const LoadMismatch& mismatch : report.mismatched) {
    lines.push_back(mismatch.name + ": " + mismatch.detail);
  }
  return lines;
}

TEST(MatchTargetsTest, NamesFindEachOther) {
  TestParts file;
  const auto parts =
      file.Parts(file.StateDict({{"b", {3}}, {"a", {2}}, {"c", {1}}}, {}));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const TargetMatches matches,
      MatchTargets(parts.catalog, Targets({{"a", {2}}, {"b", {3}}, {"d", {4}}}),
                   {}));
  EXPECT_THAT(matches.report.loaded, ElementsAre("a", "b"));
  EXPECT_THAT(matches.report.missing, ElementsAre("d"));
  EXPECT_THAT(matches.report.unexpected, ElementsAre("c"));
  EXPECT_THAT(matches.report.mismatched, IsEmpty());
  ASSERT_EQ(matches.matches.size(), 2u);
  EXPECT_EQ(matches.matches[1].target, 1);
  EXPECT_EQ(matches.catalog.tensors[1].name, "b");
  EXPECT_TRUE(matches.report.Fits(/*strict=*/false));
  HOIST_EXPECT_OK(FitStatus(matches.report, /*strict=*/false));
  const absl::Status status = FitStatus(matches.report, /*strict=*/true);
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "The checkpoint does not fit, and nothing was loaded: "
                       "1 missing in the checkpoint: d; "
                       "1 unexpected in the checkpoint: c"));
  EXPECT_THAT(HintOf(status), HasSubstr("strict to false"));
}

TEST(MatchTargetsTest, ShapesAreToBeTheSame) {
  TestParts file;
  const auto parts = file.Parts(file.StateDict(
      {{"a", {2, 3}}, {"one", {1}}, {"two", {2}}, {"s", {}}}, {}));
  const LoadIntoReport report =
      Report(parts.catalog,
             Targets({{"a", {3, 2}}, {"one", {}}, {"two", {}}, {"s", {1}}}));
  EXPECT_THAT(Mismatches(report),
              ElementsAre("a: [2, 3] in the file, [3, 2] in the module",
                          "two: [2] in the file, [] in the module",
                          "s: [] in the file, [1] in the module"));
  EXPECT_FALSE(report.Fits(/*strict=*/false));
  EXPECT_THAT(report.loaded, ElementsAre("one"));
}

TEST(MatchTargetsTest, OnlyFloatingPointDtypesAreCast) {
  EXPECT_TRUE(IsCastOnLoad(DType::kFloat32, DType::kBfloat16));
  EXPECT_TRUE(IsCastOnLoad(DType::kFloat8E4m3fn, DType::kFloat32));
  EXPECT_TRUE(IsCastOnLoad(DType::kComplex64, DType::kComplex128));
  EXPECT_TRUE(IsCastOnLoad(DType::kInt32, DType::kInt32));
  EXPECT_FALSE(IsCastOnLoad(DType::kFloat32, DType::kInt64));
  EXPECT_FALSE(IsCastOnLoad(DType::kInt64, DType::kFloat32));
  EXPECT_FALSE(IsCastOnLoad(DType::kInt32, DType::kInt64));
  EXPECT_FALSE(IsCastOnLoad(DType::kComplex64, DType::kFloat32));
  EXPECT_FALSE(IsCastOnLoad(DType::kFloat32, DType::kFloat8E8m0fnu));
  TestParts file;
  const auto parts = file.Parts(file.StateDict({{"steps", {2}}}, {}));
  std::vector<LoadTarget> targets = Targets({{"steps", {2}}});
  targets[0].dtype = DType::kInt64;
  EXPECT_THAT(Mismatches(Report(parts.catalog, targets)),
              ElementsAre("steps: float32 in the file, int64 in the module, "
                          "which is no cast between floating-point dtypes"));
}

TEST(MatchTargetsTest, WhatCannotBeWrittenOrReadIsNamed) {
  TestParts file;
  const ValueId meta = file.Tensor({2});
  file.entry(meta).storage.reset();
  const auto parts = file.Parts(file.StateDict(
      {file.Text("meta"), meta, file.Text("target"), file.Tensor({2})}, {}));
  std::vector<LoadTarget> targets = Targets({{"meta", {2}}, {"target", {2}}});
  targets[1].obstacle = "it is sparse";
  EXPECT_THAT(Mismatches(Report(parts.catalog, targets)),
              ElementsAre("meta: it has no data in the file (device \"meta\")",
                          "target: it is sparse"));
}

TEST(MatchTargetsTest, TwoTensorsOfOneNameAreRefused) {
  TestParts file;
  auto parts = file.Parts(file.StateDict({{"a", {2}}, {"b", {2}}}, {}));
  parts.catalog.tensors[1].name = "a";
  EXPECT_THAT(
      Mismatches(Report(parts.catalog, Targets({{"a", {2}}}))),
      ElementsAre("a: the checkpoint has several tensors of that name"));
}

TEST(MatchTargetsTest, TiedTargetsNeedOneName) {
  TestParts file;
  const auto parts = file.Parts(file.StateDict({{"head", {2}}}, {}));
  std::vector<LoadTarget> targets = Targets({{"embed", {2}}, {"head", {2}}});
  targets[1].identity = targets[0].identity;
  const LoadIntoReport report = Report(parts.catalog, targets);
  EXPECT_THAT(report.loaded, ElementsAre("embed", "head"));
  EXPECT_TRUE(report.Fits(/*strict=*/true));
  EXPECT_THAT(report.remarks,
              ElementsAre("Not in the checkpoint, and filled through what it "
                          "is tied to: embed"));
}

TEST(MatchTargetsTest, TiedTargetsAreReadOnceIfTheyAreTiedInTheFile) {
  TestParts file;
  const ValueId first = file.Tensor({2});
  const auto parts = file.Parts(
      file.StateDict({file.Text("embed"), first, file.Text("head"),
                      file.View(0, {2}), file.Text("other"), file.Tensor({2})},
                     {}));
  std::vector<LoadTarget> targets =
      Targets({{"embed", {2}}, {"head", {2}}, {"other", {2}}});
  targets[1].identity = targets[0].identity;
  targets[2].identity = targets[0].identity;
  HOIST_ASSERT_OK_AND_ASSIGN(const TargetMatches matches,
                             MatchTargets(parts.catalog, targets, {}));
  EXPECT_THAT(matches.report.loaded, ElementsAre("embed", "head", "other"));
  ASSERT_EQ(matches.matches.size(), 2u);
  EXPECT_EQ(matches.matches[0].target, 0);
  EXPECT_EQ(matches.matches[1].target, 2);
}

TEST(MatchTargetsTest, OldBatchNormsMayLackTheirCount) {
  const std::vector<LoadTarget> targets =
      Targets({{"bn.running_mean", {2}}, {"bn.num_batches_tracked", {}}});
  for (const bool is_new : {false, true}) {
    TestParts file;
    const auto parts = file.Parts(
        file.StateDict({{"bn.running_mean", {2}}}, {{"bn", is_new ? 2 : 1}}));
    const LoadIntoReport report = Report(parts.catalog, targets);
    EXPECT_EQ(report.missing.size(), is_new ? 1u : 0u);
    EXPECT_EQ(report.remarks.size(), is_new ? 0u : 1u);
    EXPECT_THAT(report.loaded, ElementsAre("bn.running_mean"));
  }
  // `_metadata` goes by the names before renames.
  TestParts file;
  const auto parts =
      file.Parts(file.StateDict({{"norm.running_mean", {2}}}, {{"norm", 2}}));
  LoadIntoOptions options;
  options.renames = {RenameRule::Prefix("norm.", "bn.")};
  EXPECT_THAT(Report(parts.catalog, targets, options).missing,
              ElementsAre("bn.num_batches_tracked"));
  // No tensor of a BatchNorm's is there at all.
  EXPECT_THAT(Report(parts.catalog, targets).missing,
              ElementsAre("bn.running_mean", "bn.num_batches_tracked"));
}

TEST(MatchTargetsTest, ExtraStateAndWhatIsNoTensorAreRemarks) {
  TestParts file;
  const auto parts = file.Parts(file.StateDict(
      {file.Text("w"), file.Tensor({2}), file.Text("block._extra_state"),
       file.Tensor({3}), file.Text("version"), file.Text("three")},
      {}));
  const LoadIntoReport report = Report(parts.catalog, Targets({{"w", {2}}}));
  EXPECT_TRUE(report.Fits(/*strict=*/true));
  EXPECT_THAT(
      report.remarks,
      ElementsAre("Extra state was left out, which only the modules' own code "
                  "understands: block._extra_state",
                  "What is no tensor was left out: version"));
}

TEST(MatchTargetsTest, TheOnlyDictThatHasAllIsMeant) {
  TestParts file;
  const ValueId weights = file.StateDict({{"w", {2}}, {"b", {1}}}, {});
  const ValueId optimizer = file.StateDict({{"w", {2}}}, {});
  const auto parts = file.Parts(
      file.Dict({file.Text("optimizer"), optimizer, file.Text("model"), weights,
                 file.Text("epoch"), file.Text("3")}));
  const LoadIntoReport report =
      Report(parts.catalog, Targets({{"w", {2}}, {"b", {1}}}));
  EXPECT_EQ(report.sub_dict, "model");
  EXPECT_TRUE(report.Fits(/*strict=*/true));
  EXPECT_THAT(report.remarks,
              ElementsAre("1 tensors are outside of \"model\", and were left "
                          "out"));
}

TEST(MatchTargetsTest, OfTwoDictsOneIsToBeNamed) {
  TestParts file;
  const ValueId weights = file.StateDict({{"w", {2}}}, {});
  const ValueId ema = file.StateDict({{"w", {2}}}, {});
  const auto parts = file.Parts(
      file.Dict({file.Text("model"), weights, file.Text("ema"), ema}));
  const std::vector<LoadTarget> targets = Targets({{"w", {2}}});
  const absl::Status status = MatchTargets(parts.catalog, targets, {}).status();
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The checkpoint has all tensors in several places: "
                       "model, ema"));
  EXPECT_THAT(HintOf(status), HasSubstr("sub_dict"));
  LoadIntoOptions options;
  options.sub_dict = "ema";
  EXPECT_THAT(Report(parts.catalog, targets, options).loaded, ElementsAre("w"));
  options.sub_dict = "teacher";
  EXPECT_THAT(MatchTargets(parts.catalog, targets, options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "The checkpoint has no tensors in \"teacher\""));
  // The names of the whole are others.
  options.sub_dict = "";
  const LoadIntoReport report = Report(parts.catalog, targets, options);
  EXPECT_THAT(report.unexpected, ElementsAre("model.w", "ema.w"));
  EXPECT_THAT(report.hint, HasSubstr("In \"model\" are 1 of 1 names"));
}

TEST(MatchTargetsTest, PrefixesAreSuggestedAndNotTakenAway) {
  TestParts file;
  const auto parts =
      file.Parts(file.StateDict({{"module.a", {2}}, {"module.b", {3}}}, {}));
  const std::vector<LoadTarget> targets = Targets({{"a", {2}}, {"b", {3}}});
  LoadIntoReport report = Report(parts.catalog, targets);
  EXPECT_THAT(report.missing, ElementsAre("a", "b"));
  EXPECT_THAT(report.hint,
              HasSubstr("add RenameRule::Prefix(\"module.\", \"\")"));
  LoadIntoOptions options;
  options.renames = {RenameRule::Prefix("module.", "")};
  report = Report(parts.catalog, targets, options);
  EXPECT_TRUE(report.Fits(/*strict=*/true));
  EXPECT_THAT(report.loaded, ElementsAre("a", "b"));
  options.renames = {RenameRule::Prefix("net.", "")};
  EXPECT_THAT(MatchTargets(parts.catalog, targets, options).status(),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(MatchTargetsTest, APrefixThatLacksIsSuggested) {
  TestParts file;
  const auto parts = file.Parts(file.StateDict({{"a", {2}}, {"b", {3}}}, {}));
  EXPECT_THAT(
      Report(parts.catalog, Targets({{"net.a", {2}}, {"net.b", {3}}})).hint,
      HasSubstr("add RenameRule::Prefix(\"\", \"net.\")"));
}

}  // namespace
}  // namespace hoist::libtorch
