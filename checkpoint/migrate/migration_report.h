#ifndef HOIST_CHECKPOINT_MIGRATE_MIGRATION_REPORT_H_
#define HOIST_CHECKPOINT_MIGRATE_MIGRATION_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hoist {

// One thing that a migration changes.
struct MigrationChange {
  enum class Kind {
    kRename,     // `from` is `to`, with the same bytes
    kDrop,       // `from` is gone
    kAdd,        // `to` is new
    kCast,       // `from` is `to`, with other numbers
    kReshape,    // `from` is `to`: the same elements in another shape or order
    kSplit,      // `to` is a part of `from`
    kConcat,     // `to` is made of several, of which `from` is one
    kVersion,    // `_metadata` of the module `from` says another version
    kContainer,  // the format of the file, which has no name here
  };
  Kind kind = Kind::kRename;
  std::string from;    // a name; empty for kAdd
  std::string to;      // a name; empty for kDrop
  std::string detail;  // "float32 to bfloat16", "[768, 256] to [256, 256]"
  // Bytes that the result has to have computed, beyond what it has of the
  // file's own: what the change costs to write.
  uint64_t computed_bytes = 0;
};

// What a migration did, or would do.
struct MigrationReport {
  struct Step {
    std::string name;  // of the step, or the rule with its place in its file
    std::vector<MigrationChange> changes;
  };
  std::vector<Step>
      steps;  // in the order they are done; one may change nothing
  std::vector<std::string> warnings;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_MIGRATION_REPORT_H_
