#ifndef HOIST_TOOLS_UI_MIGRATE_VIEW_H_
#define HOIST_TOOLS_UI_MIGRATE_VIEW_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/migrate/migration_report.h"
#include "hoist/checkpoint/migrate/model_migration.h"
#include "hoist/checkpoint/migrate/producer_steps.h"
#include "hoist/tools/ui/json_text.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// What the steps of `report` change, or would; each thing if `with_changes`,
// else how many. Thread-safe, like all here.
std::string MigrationView(const MigrationReport& report, bool with_changes,
                          const Terminal& terminal);

// {"steps": [{"name", "changes": [...]}], "computed_bytes", "warnings"}.
Json MigrationJson(const MigrationReport& report);

// What a container can be migrated from, and to what.
struct ContainerMigration {
  std::string from;
  std::string to;
};

// The steps that there are: of containers, of PyTorch, and those of files.
std::string MigrationListView(absl::Span<const ContainerMigration> containers,
                              absl::Span<const ProducerStep> producer,
                              absl::Span<const ModelMigration> files);
Json MigrationListJson(absl::Span<const ContainerMigration> containers,
                       absl::Span<const ProducerStep> producer,
                       absl::Span<const ModelMigration> files);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_MIGRATE_VIEW_H_
