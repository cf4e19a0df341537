#ifndef HOIST_CHECKPOINT_MIGRATE_MODEL_MIGRATION_H_
#define HOIST_CHECKPOINT_MIGRATE_MODEL_MIGRATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/migrate/constant_tensor.h"
#include "hoist/checkpoint/migrate/json_tree.h"
#include "hoist/checkpoint/migrate/name_selector.h"
#include "hoist/checkpoint/migrate/rename_rule.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What a rule does to the tensors that it means.
namespace rules {

struct Rename {
  RenameRule rule;
};
struct Drop {
  NameSelector names;
  // What a reversed rule puts there: then `names` is one name, `name`.
  std::optional<ConstantTensor> restore;
  std::string name;
};
struct Cast {
  NameSelector names;
  DType to = DType::kFloat32;
  std::optional<DType> from;  // which all of them have to have
};
struct Transpose {
  NameSelector names;
  int64_t first = 0;
  int64_t second = 1;
};
struct Permute {
  NameSelector names;
  std::vector<int64_t> order;
};
struct Reshape {
  NameSelector names;
  std::vector<int64_t> to;                   // one size may be -1
  std::optional<std::vector<int64_t>> from;  // the shape they have; -1: any
};
struct Slice {
  NameSelector names;
  std::string index;  // of Python's: "0:1000"
};
// Along a dimension; into equal parts where there are no sizes.
struct Split {
  std::vector<RenameRule> into;  // from the whole's name to each part's
  int64_t dim = 0;
  std::vector<int64_t> sizes;  // one for each part, or none
};
// The way back: parts are of equal sizes where none are given.
struct Concat {
  std::vector<RenameRule> parts;  // from each part's name to the whole's
  int64_t dim = 0;
  std::vector<int64_t> sizes;
};
struct Add {
  std::string name;
  ConstantTensor constant;
  std::string beside;  // a tensor that it follows; empty: none
};
struct Require {
  NameSelector names;
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape;  // -1: any size
  bool is_absent = false;                     // there is to be none such
};

}  // namespace rules

struct MigrationRule {
  std::variant<rules::Rename, rules::Drop, rules::Cast, rules::Transpose,
               rules::Permute, rules::Reshape, rules::Slice, rules::Split,
               rules::Concat, rules::Add, rules::Require>
      action;
  // One that means no tensor is an error, unless it is optional.
  bool is_optional = false;
  JsonTree::Position position;  // in the file
  // For messages: "rule 3, rename" and what it is for.
  std::string text;
};

// How tensors of a version of a model become those of another: what a file
// says that migration.schema.json describes (and MIGRATIONS.md explains).
struct ModelMigration {
  std::string path;  // of the file, for messages
  std::string model;
  std::string from;
  std::string to;
  // The keys, with dots, of the dict whose tensors are meant; empty: all. Names
  // in rules start behind it.
  std::string root;
  std::vector<MigrationRule> rules;  // one after the other
};

// Reads a file's content. kInvalidArgument, with `path`, line, column and rule,
// for what is none. Thread-safe, like all here.
absl::StatusOr<ModelMigration> ParseModelMigration(absl::string_view json,
                                                   const std::string& path);

// The migration that leads back. kInvalidArgument, naming the rule, where one
// cannot be undone: what slices; what drops, unless it says what to restore;
// what casts, unless "from" is said and has fewer numbers; what reshapes
// without "from"; names of which RenameRule::Reverse() can make nothing.
absl::StatusOr<ModelMigration> ReverseMigration(
    const ModelMigration& migration);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_MODEL_MIGRATION_H_
