// State dicts as old releases of PyTorch wrote them, held against what PyTorch
// makes of them: producer_testdata/.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/convert/convert_checkpoint.h"
#include "hoist/checkpoint/migrate/catalog_editor.h"
#include "hoist/checkpoint/migrate/producer_migrations.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

CheckpointParts Golden(absl::string_view name) {
  const auto checkpoint = Checkpoint::Open(absl::StrCat(
      "checkpoint/migrate/producer_testdata/torch-2.11/", name, ".pt"));
  HOIST_EXPECT_OK(checkpoint);
  return checkpoint.ok()
             ? CheckpointParts{checkpoint->catalog(), checkpoint->files()}
             : CheckpointParts{};
}

// By the start of their names, those of the dicts that have any.
std::map<std::string, std::map<std::string, int64_t>> Versions(
    const CheckpointParts& parts) {
  std::map<std::string, std::map<std::string, int64_t>> versions;
  const auto editor = CatalogEditor::Create(parts);
  HOIST_EXPECT_OK(editor);
  for (const auto& dict : (*editor)->StateDicts()) {
    if (dict.has_metadata) {
      versions[dict.prefix] = {dict.versions.begin(), dict.versions.end()};
    }
  }
  return versions;
}

// "a = b" where two names are of one place in one storage.
std::vector<std::string> TiesOf(const CheckpointParts& parts) {
  std::map<std::pair<int, int64_t>, std::vector<std::string>> names;
  for (const TensorEntry& tensor : parts.catalog.tensors) {
    if (*ElementCount(tensor.spec.shape) > 0) {
      names[{tensor.storage.value_or(-1), tensor.storage_offset}].push_back(
          tensor.name);
    }
  }
  std::vector<std::string> ties;
  for (auto& [place, tied] : names) {
    std::sort(tied.begin(), tied.end());
    for (size_t i = 1; i < tied.size(); ++i) {
      ties.push_back(absl::StrCat(tied[0], " = ", tied[i]));
    }
  }
  return ties;
}

// "key = text" of what is neither tensor nor dict in the root.
std::vector<std::string> OthersOf(const CheckpointParts& parts) {
  std::vector<std::string> lines;
  const Value root = parts.catalog.root();
  for (size_t i = 0; i < root.size(); ++i) {
    const Value value = root.value(i);
    if (value.kind() == ValueKind::kTuple) {
      std::string line = absl::StrCat(ValueText(root.key(i)), " =");
      for (size_t item = 0; item < value.size(); ++item) {
        absl::StrAppend(
            &line, value[item].kind() == ValueKind::kNone ? " None" : " tensor",
            Value(parts.catalog.values.get(), value[item].state().id())
                    .Find("qscheme")
                ? " quantized"
                : "");
      }
      lines.push_back(line);
    } else if (value.kind() == ValueKind::kClass) {
      lines.push_back(
          absl::StrCat(ValueText(root.key(i)), " = ", value.AsString()));
    }
  }
  return lines;
}

struct Case {
  std::string name;
  std::vector<std::string> requests;
  std::vector<std::string> steps;  // that are done
  // Of which nothing but its version is old: its keys do not say what it is.
  std::string untold;
};

void PrintTo(const Case& golden, std::ostream* out) { *out << golden.name; }

class ProducerGoldenTest : public testing::TestWithParam<Case> {
 protected:
  static ProducerOptions Options() {
    ProducerOptions options;
    for (const std::string& step : GetParam().requests) {
      options.requests.push_back({.step = step});
    }
    return options;
  }
  static CheckpointParts Migrated(const CheckpointParts& parts,
                                  MigrationReport& report) {
    auto migrated = MigrateProducer(parts, report, Options());
    HOIST_EXPECT_OK(migrated);
    return migrated.ok() ? *std::move(migrated) : CheckpointParts{};
  }
};

TEST_P(ProducerGoldenTest, IsWhatPyTorchMakesOfIt) {
  const CheckpointParts old = Golden(GetParam().name + ".old");
  const CheckpointParts wanted = Golden(GetParam().name + ".new");
  MigrationReport report;
  const CheckpointParts migrated = Migrated(old, report);

  EXPECT_THAT(TensorsOf(migrated),
              UnorderedElementsAreArray(TensorsOf(wanted)));
  EXPECT_THAT(TiesOf(migrated), UnorderedElementsAreArray(TiesOf(wanted)));
  auto versions = Versions(wanted);
  if (Versions(old).empty()) {
    versions.clear();
  }
  auto got = Versions(migrated);
  for (auto* all : {&versions, &got}) {
    for (auto& [dict, modules] : *all) {
      if (!GetParam().untold.empty()) {
        EXPECT_EQ(modules.erase(GetParam().untold), 1u);
      }
    }
  }
  EXPECT_EQ(got, versions);
  EXPECT_THAT(OthersOf(migrated), UnorderedElementsAreArray(OthersOf(wanted)));

  std::vector<std::string> steps;
  for (const auto& step : report.steps) {
    EXPECT_THAT(step.changes, Not(IsEmpty())) << step.name;
    steps.push_back(step.name);
  }
  EXPECT_EQ(steps, GetParam().steps);
  EXPECT_THAT(report.warnings, IsEmpty());
}

TEST_P(ProducerGoldenTest, IsWrittenAsPyTorchReadsIt) {
  MigrationReport report;
  const CheckpointParts migrated =
      Migrated(Golden(GetParam().name + ".old"), report);
  const std::string path =
      absl::StrCat(testing::TempDir(), "/", GetParam().name, ".pt");
  HOIST_ASSERT_OK(
      WriteVerified(migrated, *NewPosixFileSystem(), path,
                    {.format = OutputFormat::kTorchZip, .overwrite = true}));
  const auto written = Checkpoint::Open(path);
  HOIST_ASSERT_OK(written);
  const CheckpointParts parts = {written->catalog(), written->files()};
  EXPECT_EQ(TensorsOf(parts), TensorsOf(migrated));
  EXPECT_THAT(TiesOf(parts), UnorderedElementsAreArray(TiesOf(migrated)));
  EXPECT_EQ(Versions(parts), Versions(migrated));
  EXPECT_EQ(OthersOf(parts), OthersOf(migrated));
}

TEST_P(ProducerGoldenTest, WhatIsMigratedNeedsNothing) {
  MigrationReport report;
  const CheckpointParts once =
      Migrated(Golden(GetParam().name + ".old"), report);
  const auto found = FindProducerSteps(once.catalog);
  HOIST_ASSERT_OK(found);
  EXPECT_THAT(*found, IsEmpty());
  MigrationReport second;
  const CheckpointParts twice = Migrated(once, second);
  EXPECT_THAT(second.steps, IsEmpty());
  EXPECT_EQ(twice.catalog.values, once.catalog.values);
  EXPECT_EQ(NamesOf(twice), NamesOf(once));
}

TEST_P(ProducerGoldenTest, WhatIsFoundIsWhatIsDone) {
  const CheckpointParts old = Golden(GetParam().name + ".old");
  const auto found = FindProducerSteps(old.catalog);
  HOIST_ASSERT_OK(found);
  MigrationReport report;
  (void)Migrated(old, report);
  EXPECT_EQ(found->empty(), report.steps.empty());
  for (const std::string& step : GetParam().requests) {
    EXPECT_TRUE(std::any_of(
        found->begin(), found->end(),
        [&](const ProducerFinding& f) { return f.step->name == step; }));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ProducerGoldenTest,
    testing::Values(
        Case{"batch_norm_nested", {}, {"batch_norm_num_batches_tracked"}, "3"},
        Case{"batch_norm_no_metadata", {}, {"batch_norm_num_batches_tracked"}},
        Case{"batch_norm_root", {}, {"batch_norm_num_batches_tracked"}},
        Case{"batch_norm_tied", {}, {"batch_norm_num_batches_tracked"}},
        Case{"batch_norm_in_training_checkpoint",
             {},
             {"batch_norm_num_batches_tracked"},
             "3"},
        Case{"instance_norm_running_stats",
             {"instance_norm_running_stats"},
             {"instance_norm_running_stats"}},
        Case{"quantized_linear_version_1",
             {},
             {"quantized_linear_packed_params"}},
        Case{"quantized_linear_version_2",
             {},
             {"quantized_linear_packed_params"}},
        Case{"layer_norm_gamma_beta", {}, {"layer_norm_gamma_beta"}},
        Case{"weight_norm_parametrization",
             {"weight_norm_parametrization"},
             {"weight_norm_parametrization"}},
        Case{"spectral_norm_parametrization",
             {"spectral_norm_parametrization"},
             {"spectral_norm_parametrization"}},
        Case{"observers_version_1", {}, {"observer_eps", "observer_min_max"}},
        Case{"observers_version_2", {}, {"observer_min_max"}},
        Case{
            "qat_conv_bn",
            {},
            {"qat_conv_bn_separate_norm", "observer_eps", "observer_min_max"}}),
    [](const auto& info) { return info.param.name; });

TEST(ProducerNothingTest, WhatIsAsItShouldBeStaysAsItIs) {
  const CheckpointParts old = Golden("unchanged.old");
  const CheckpointParts wanted = Golden("unchanged.new");
  MigrationReport report;
  const auto migrated = MigrateProducer(old, report);
  HOIST_ASSERT_OK(migrated);
  EXPECT_THAT(report.steps, IsEmpty());
  EXPECT_EQ(migrated->catalog.values, old.catalog.values);
  EXPECT_EQ(TensorsOf(*migrated), TensorsOf(wanted));
  EXPECT_EQ(Versions(*migrated), Versions(wanted));
}

TEST(ProducerNothingTest, WhatOnlyPyTorchCanSolveForIsLeftToIt) {
  const CheckpointParts old = Golden("spectral_norm_v.old");
  MigrationReport report;
  const auto migrated = MigrateProducer(old, report);
  HOIST_ASSERT_OK(migrated);
  EXPECT_THAT(report.steps, IsEmpty());
  EXPECT_EQ(migrated->catalog.values, old.catalog.values);
  EXPECT_THAT(report.warnings,
              ElementsAre(HasSubstr("\"spectral_norm_v\" is left to PyTorch, "
                                    "which does it when it loads: 0")));
}

TEST(ProducerNothingTest, WhatTheModelDecidesIsDoneOnlyWhenAskedFor) {
  const CheckpointParts old = Golden("weight_norm_parametrization.old");
  MigrationReport report;
  const auto migrated = MigrateProducer(old, report);
  HOIST_ASSERT_OK(migrated);
  EXPECT_THAT(report.steps, IsEmpty());
  EXPECT_EQ(migrated->catalog.values, old.catalog.values);
  EXPECT_THAT(
      report.warnings,
      ElementsAre(HasSubstr("done only where it is asked for: conv, linear")));
}

}  // namespace
}  // namespace hoist
