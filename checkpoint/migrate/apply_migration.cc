#include "hoist/checkpoint/migrate/apply_migration.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/migrate/catalog_editor.h"
#include "hoist/checkpoint/migrate/rule_application.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Pairs of tensors over one storage.
std::vector<std::pair<size_t, size_t>> TiedPairs(const CatalogEditor& editor) {
  std::vector<std::pair<size_t, size_t>> pairs;
  absl::flat_hash_map<int, size_t> first;
  for (const size_t index : editor.Tensors()) {
    if (const auto storage = editor.tensor(index).storage) {
      const auto [known, is_new] = first.try_emplace(*storage, index);
      if (!is_new) {
        pairs.emplace_back(known->second, index);
      }
    }
  }
  return pairs;
}

void WarnOfUntied(const CatalogEditor& editor,
                  const std::vector<std::pair<size_t, size_t>>& pairs,
                  MigrationReport& report) {
  const std::vector<size_t> live = editor.Tensors();  // in order
  const auto is_there = [&live](size_t index) {
    return std::binary_search(live.begin(), live.end(), index);
  };
  for (const auto& [a, b] : pairs) {
    if (is_there(a) && is_there(b) &&
        editor.tensor(a).storage != editor.tensor(b).storage) {
      report.warnings.push_back(
          absl::StrCat("Tensors ", editor.name(a), " and ", editor.name(b),
                       " shared memory, and do no longer"));
    }
  }
}

using TextPair = std::pair<std::string, std::string>;

const std::string* FindText(const std::vector<TextPair>& metadata,
                            absl::string_view key) {
  for (const TextPair& pair : metadata) {
    if (pair.first == key) {
      return &pair.second;
    }
  }
  return nullptr;
}

absl::Status CheckVersion(const ModelMigration& migration,
                          const Catalog& catalog) {
  const std::string* const model = FindText(catalog.metadata, kModelKey);
  const std::string* const version =
      FindText(catalog.metadata, kModelVersionKey);
  if (model != nullptr && *model != migration.model) {
    return absl::InvalidArgumentError(
        absl::StrCat(migration.path, ": It is for the model ", migration.model,
                     ", and the checkpoint is of ", *model));
  }
  if (version != nullptr && *version != migration.from) {
    return absl::InvalidArgumentError(absl::StrCat(
        migration.path, ": It is for version ", migration.from, " of ",
        migration.model, ", and the checkpoint is of ", *version));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckpointParts> ApplyMigration(const ModelMigration& migration,
                                               CheckpointParts parts,
                                               MigrationReport& report) {
  HOIST_RETURN_IF_ERROR(CheckVersion(migration, parts.catalog));
  HOIST_ASSIGN_OR_RETURN(const auto editor,
                         CatalogEditor::Create(std::move(parts)));
  RuleApplication application(
      *editor, migration.root.empty() ? "" : absl::StrCat(migration.root, "."),
      report);
  const auto tied = TiedPairs(*editor);
  for (const MigrationRule& rule : migration.rules) {
    const absl::Status status = application.Run(rule);
    if (!status.ok()) {
      return Annotate(
          status, absl::StrCat(migration.path, ":", rule.position.line, ": ",
                               rule.text));
    }
  }
  WarnOfUntied(*editor, tied, report);
  auto finished = editor->Finish();
  if (!finished.ok()) {
    return Annotate(finished.status(), migration.path);
  }
  for (TextPair& pair : finished->catalog.metadata) {
    if (pair.first == kModelVersionKey) {
      pair.second = migration.to;
    }
  }
  return finished;
}

std::vector<std::pair<std::string, std::string>> VersionMetadata(
    const ModelMigration& migration) {
  return {{kModelKey, migration.model}, {kModelVersionKey, migration.to}};
}

}  // namespace hoist
