#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/migrate/apply_migration.h"
#include "hoist/checkpoint/migrate/model_migration.h"
#include "hoist/checkpoint/migrate/test_parts.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

CheckpointParts SmallParts() {
  TestParts parts;
  const ValueId tied = parts.Tensor({4, 2});
  return parts.Parts(parts.StateDict(
      TestParts::Items{parts.Text("a.qkv.weight"), parts.Tensor({6, 2}),
                       parts.Text("a.qkv.bias"), parts.Tensor({6}),
                       parts.Text("embed"), tied, parts.Text("head"), tied,
                       parts.Text("a._extra_state"), parts.graph().AddInt(3)},
      {{"", 1}, {"a", 1}}));
}

// What rules make of a checkpoint is one, or they are refused.
void Apply(const ModelMigration& migration, const CheckpointParts& parts) {
  MigrationReport report;
  const auto changed = ApplyMigration(migration, parts, report);
  HOIST_CHECK(!changed.ok() || ValidateCatalog(changed->catalog).ok());
}

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const hoist::CheckpointParts& parts =
      *new hoist::CheckpointParts(hoist::SmallParts());
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto migration = hoist::ParseModelMigration(text, "m.json");
  if (!migration.ok()) {
    return 0;
  }
  hoist::Apply(*migration, parts);
  const auto reverse = hoist::ReverseMigration(*migration);
  if (reverse.ok()) {
    HOIST_CHECK(reverse->rules.size() == migration->rules.size() &&
                reverse->from == migration->to &&
                reverse->to == migration->from);
    hoist::Apply(*reverse, parts);
  }
  return 0;
}
