#ifndef HOIST_CHECKPOINT_MIGRATE_APPLY_MIGRATION_H_
#define HOIST_CHECKPOINT_MIGRATE_APPLY_MIGRATION_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/migrate/checkpoint_parts.h"
#include "hoist/checkpoint/migrate/migration_report.h"
#include "hoist/checkpoint/migrate/model_migration.h"

namespace hoist {

// What writers keep of the model and its version, where the format has a place
// for it. No "hoist." is before them: that is what each writer makes anew.
inline constexpr char kModelKey[] = "migration.model";
inline constexpr char kModelVersionKey[] = "migration.version";

// Does the rules to `parts`, one after the other, without reading payload: a
// tensor is another view of its storage, or is computed when it is read. Says
// in `report` what each rule has done. A version that the catalog's metadata
// has is the new one then.
//
// kInvalidArgument, with file, line and rule, for what does not fit: a rule
// that means no tensor and is not optional, a tensor that is not as its rule
// has it, names that would be there twice; and for a checkpoint that says that
// it is of another model or version. kUnimplemented for casts that Cast() does
// not do. `report` says on an error what was done until then, and warns of
// tensors that shared memory and do no longer.
//
// Reversed rules give back what was there if no rule warns that it cannot be
// undone. Thread-safe.
absl::StatusOr<CheckpointParts> ApplyMigration(const ModelMigration& migration,
                                               CheckpointParts parts,
                                               MigrationReport& report);

// For WriteOptions::metadata: what a checkpoint that was migrated is.
std::vector<std::pair<std::string, std::string>> VersionMetadata(
    const ModelMigration& migration);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_APPLY_MIGRATION_H_
