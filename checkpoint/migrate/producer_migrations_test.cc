#include "hoist/checkpoint/migrate/producer_migrations.h"

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;
using Versions = std::vector<std::pair<std::string, int64_t>>;

class ProducerMigrationsTest : public testing::Test {
 protected:
  // A state dict; `versions` empty: without `_metadata`.
  CheckpointParts Parts(const Shapes& tensors, const Versions& versions = {}) {
    test_ = TestParts();
    const ValueId dict = test_.StateDict(tensors, versions);
    if (versions.empty()) {
      test_.graph().node(dict).state = ValueGraph::kNoneId;
    }
    return test_.Parts(dict);
  }
  std::vector<std::string> Migrate(const CheckpointParts& parts,
                                   const ProducerOptions& options = {}) {
    report_ = {};
    const auto migrated = MigrateProducer(parts, report_, options);
    HOIST_EXPECT_OK(migrated);
    return migrated.ok() ? NamesOf(*migrated) : std::vector<std::string>();
  }
  std::vector<std::string> Found(const CheckpointParts& parts) {
    std::vector<std::string> lines;
    const auto found = FindProducerSteps(parts.catalog);
    HOIST_EXPECT_OK(found);
    for (const ProducerFinding& finding : *found) {
      lines.push_back(absl::StrCat(finding.step->name, ": ",
                                   absl::StrJoin(finding.modules, ", ")));
    }
    return lines;
  }

  TestParts test_;
  MigrationReport report_;
};

const Shapes kNorm = {{"n.weight", {2}},
                      {"n.bias", {2}},
                      {"n.running_mean", {2}},
                      {"n.running_var", {2}}};

TEST_F(ProducerMigrationsTest, TheCountComesBehindTheVariance) {
  const CheckpointParts parts = Parts(kNorm, {{"", 1}, {"n", 1}});
  EXPECT_THAT(Found(parts), ElementsAre("batch_norm_num_batches_tracked: n"));
  const auto migrated = MigrateProducer(parts, report_);
  HOIST_ASSERT_OK(migrated);
  EXPECT_THAT(TensorsOf(*migrated),
              ElementsAre("n.weight float32[2] 0 1", "n.bias float32[2] 2 3",
                          "n.running_mean float32[2] 4 5",
                          "n.running_var float32[2] 6 7",
                          "n.num_batches_tracked int64[] 0"));
  ASSERT_EQ(report_.steps.size(), 1u);
  const auto& changes = report_.steps[0].changes;
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].kind, MigrationChange::Kind::kAdd);
  EXPECT_EQ(changes[0].to, "n.num_batches_tracked");
  EXPECT_EQ(changes[0].detail, "int64[]");
  EXPECT_EQ(changes[0].computed_bytes, 8u);
  EXPECT_EQ(changes[1].kind, MigrationChange::Kind::kVersion);
  EXPECT_EQ(changes[1].from, "n");
  EXPECT_EQ(changes[1].detail, "1 to 2");
}

TEST_F(ProducerMigrationsTest, ANewVersionWithoutACountIsNotOld) {
  EXPECT_THAT(Found(Parts(kNorm, {{"", 1}, {"n", 2}})), IsEmpty());
}

TEST_F(ProducerMigrationsTest, WhatIsNoNormIsLeftAlone) {
  Shapes more = kNorm;
  more.push_back({"n.scale", {2}});
  EXPECT_THAT(Found(Parts(more)), IsEmpty());
  EXPECT_THAT(Found(Parts({{"n.running_mean", {2}}, {"n.running_var", {3}}})),
              IsEmpty());
  EXPECT_THAT(
      Found(Parts({{"n.running_mean", {2, 2}}, {"n.running_var", {2, 2}}})),
      IsEmpty());
  EXPECT_THAT(Found(Parts({{"running_mean", {2}}})), IsEmpty());
  EXPECT_THAT(Found(Parts({{"norm.gamma", {2}}, {"norm.beta", {2}}})),
              IsEmpty());
  EXPECT_THAT(
      Found(Parts({{"NotLayerNorm.gamma", {2}}, {"NotLayerNorm.beta", {2}}})),
      IsEmpty());
  EXPECT_THAT(Found(Parts({{"LayerNorm.gamma", {2}}})), IsEmpty());
}

TEST_F(ProducerMigrationsTest, WhatIsNoReparametrizationIsLeftAlone) {
  EXPECT_THAT(Found(Parts({{"a.w_g", {2}}, {"a.w_v", {2, 3}}})), IsEmpty());
  EXPECT_THAT(Found(Parts({{"a.w_g", {3, 1}}, {"a.w_v", {2, 3}}})), IsEmpty());
  EXPECT_THAT(Found(Parts({{"a.w_g", {2, 3}}, {"a.w_v", {2, 3}}})), IsEmpty());
  EXPECT_THAT(
      Found(Parts({{"a.w", {2, 3}}, {"a.w_g", {2, 1}}, {"a.w_v", {2, 3}}})),
      IsEmpty());
  EXPECT_THAT(
      Found(Parts({{"a.w_orig", {2, 3}}, {"a.w_u", {2}}, {"a.w_v", {2}}})),
      IsEmpty());
  EXPECT_THAT(Found(Parts({{"a.w_orig", {2, 3}}, {"a.w_mask", {2, 3}}})),
              IsEmpty());
  EXPECT_THAT(Found(Parts({{"a.w_g", {2, 1}}, {"a.w_v", {2, 3}}})),
              ElementsAre("weight_norm_parametrization: a"));
}

TEST_F(ProducerMigrationsTest, AFusedNormWithoutACountGetsOne) {
  const CheckpointParts parts = Parts({{"c.weight", {2, 1}},
                                       {"c.gamma", {2}},
                                       {"c.beta", {2}},
                                       {"c.running_mean", {2}},
                                       {"c.running_var", {2}}},
                                      {{"", 1}, {"c", 1}});
  const auto migrated = MigrateProducer(parts, report_);
  HOIST_ASSERT_OK(migrated);
  EXPECT_THAT(
      NamesOf(*migrated),
      ElementsAre("c.weight", "c.bn.weight", "c.bn.bias", "c.bn.running_mean",
                  "c.bn.running_var", "c.bn.num_batches_tracked"));
  EXPECT_THAT(VersionsOf(migrated->catalog.root()),
              ElementsAre(" 1", "c 2", "c.bn 2"));
}

TEST_F(ProducerMigrationsTest, AModuleWhoseTensorsAllMoveKeepsItsVersion) {
  const CheckpointParts parts =
      Parts({{"a.w_g", {2, 1}}, {"a.w_v", {2, 3}}}, {{"", 1}, {"a", 7}});
  const auto migrated = MigrateProducer(
      parts, report_, {.requests = {{"weight_norm_parametrization"}}});
  HOIST_ASSERT_OK(migrated);
  EXPECT_THAT(NamesOf(*migrated),
              ElementsAre("a.parametrizations.w.original0",
                          "a.parametrizations.w.original1"));
  EXPECT_THAT(VersionsOf(migrated->catalog.root()),
              testing::UnorderedElementsAre(" 1", "a 7", "a.parametrizations 1",
                                            "a.parametrizations.w 1",
                                            "a.parametrizations.w.0 1"));
}

TEST_F(ProducerMigrationsTest, AGlobChoosesModules) {
  const CheckpointParts parts = Parts({{"a.w_g", {2, 1}},
                                       {"a.w_v", {2, 3}},
                                       {"b.w_g", {2, 1}},
                                       {"b.w_v", {2, 3}}});
  EXPECT_THAT(
      Migrate(parts, {.requests = {{"weight_norm_parametrization", "b*"}}}),
      ElementsAre("a.w_g", "a.w_v", "b.parametrizations.w.original0",
                  "b.parametrizations.w.original1"));
  EXPECT_THAT(report_.warnings,
              ElementsAre(HasSubstr("done only where it is asked for: a")));
  EXPECT_EQ(
      Migrate(parts, {.requests = {{"weight_norm_parametrization", "c"}}}),
      NamesOf(parts));
  EXPECT_THAT(report_.warnings,
              testing::Contains(HasSubstr(
                  "\"weight_norm_parametrization\" was asked for, and no "
                  "module \"c\" needs it")));
}

TEST_F(ProducerMigrationsTest, DefaultsCanBeLeftOut) {
  Shapes shapes = kNorm;
  shapes.push_back({"LayerNorm.gamma", {2}});
  shapes.push_back({"LayerNorm.beta", {2}});
  const CheckpointParts parts = Parts(shapes);
  EXPECT_EQ(Migrate(parts, {.use_defaults = false}), NamesOf(parts));
  EXPECT_THAT(
      Migrate(parts,
              {.use_defaults = false, .requests = {{"layer_norm_gamma_beta"}}}),
      ElementsAre("n.weight", "n.bias", "n.running_mean", "n.running_var",
                  "LayerNorm.weight", "LayerNorm.bias"));
}

TEST_F(ProducerMigrationsTest, ARequestThatCannotBeIsRefused) {
  const CheckpointParts parts = Parts(kNorm);
  const auto unknown =
      MigrateProducer(parts, report_, {.requests = {{"batch_norm"}}});
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("There is no step \"batch_norm\"")));
  EXPECT_THAT(std::string(HintOf(unknown.status())),
              HasSubstr("batch_norm_num_batches_tracked, "));
  EXPECT_THAT(
      MigrateProducer(parts, report_, {.requests = {{"spectral_norm_v"}}}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("only be done by PyTorch")));
  EXPECT_THAT(
      MigrateProducer(parts, report_, {.requests = {{"observer_eps", "["}}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[")));
}

TEST_F(ProducerMigrationsTest, ANameThatIsTakenIsAnError) {
  const CheckpointParts parts =
      Parts({{"a.w_g", {2, 1}},
             {"a.w_v", {2, 3}},
             {"a.parametrizations.w.original0", {1}}});
  EXPECT_THAT(MigrateProducer(parts, report_,
                              {.requests = {{"weight_norm_parametrization"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a.parametrizations.w.original0")));
}

TEST_F(ProducerMigrationsTest, TensorsThatAreNoStateDictAreLeftAlone) {
  const ValueId list = test_.List({test_.Tensor({2}), test_.Tensor({2})});
  const CheckpointParts parts =
      test_.Parts(test_.Dict({test_.Text("running_mean"), list,
                              test_.Text("step"), test_.graph().AddInt(7)}));
  EXPECT_THAT(Found(parts), IsEmpty());
  MigrationReport report;
  const auto migrated = MigrateProducer(parts, report);
  HOIST_ASSERT_OK(migrated);
  EXPECT_EQ(migrated->catalog.values, parts.catalog.values);
}

// PRODUCER_MIGRATIONS.md has a line for each step, which says the same.
TEST(ProducerStepsTest, TheDocumentHasThem) {
  std::ifstream in("checkpoint/migrate/PRODUCER_MIGRATIONS.md");
  const std::string text((std::istreambuf_iterator<char>(in)),
                         std::istreambuf_iterator<char>());
  std::string table =
      "| Step | Modules | Version | PyTorch | Done | What |\n"
      "|---|---|---|---|---|---|\n";
  for (const ProducerStep& step : ProducerSteps()) {
    absl::StrAppend(
        &table, "| `", step.name, "` | ", step.classes, " | ",
        step.to_version == 0 ? "" : absl::StrCat("< ", step.to_version), " | ",
        step.release, " | ",
        step.apply == nullptr ? "by PyTorch"
        : step.by_default     ? "always"
                              : "on request",
        " | ", step.summary, " |\n");
  }
  EXPECT_THAT(text, HasSubstr(table + "\n"));
}

}  // namespace
}  // namespace hoist
