#ifndef HOIST_CHECKPOINT_MIGRATE_RULE_FORMS_H_
#define HOIST_CHECKPOINT_MIGRATE_RULE_FORMS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/migrate/json_tree.h"

namespace hoist {

// What may be under a key of a file of rules.
enum class RuleValue {
  kText,        // a string that is not empty
  kAnyText,     // a string
  kTexts,       // two or more strings that are not empty
  kFlag,        // true or false
  kDType,       // the name of a dtype
  kSizes,       // two or more positive integers
  kShape,       // integers that are not negative
  kOpenShape,   // the same, with -1 for any
  kDimension,   // an integer
  kDimensions,  // integers
  kNumber,      // a number, true, false, or a string (ConstantElement())
  kConstant,    // an object of dtype, shape and value
  kRules,       // an array of objects
};

struct RuleKey {
  absl::string_view name;
  RuleValue value = RuleValue::kText;
  bool is_required = false;
};

// One kind of rule: an object with the key that names it, and others. All may
// have kCommonRuleKeys.
struct RuleForm {
  RuleKey verb;  // "rename"; required
  absl::Span<const RuleKey> keys;
  bool has_patterns = true;  // and may have "regex"
};

// The tables that the reader goes by, and that the JSON Schema beside it is
// held against. Thread-safe, like all here.
absl::Span<const RuleForm> RuleForms();
absl::Span<const RuleKey> CommonRuleKeys();   // "optional", "comment"
absl::Span<const RuleKey> PatternRuleKeys();  // "regex"
absl::Span<const RuleKey> MigrationKeys();    // of the file itself
absl::Span<const RuleKey> ConstantKeys();     // of a kConstant

// kInvalidArgument, with the position, for a value of another kind than its
// key may have.
absl::Status CheckRuleValue(const RuleKey& key, const JsonTree& value);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_RULE_FORMS_H_
