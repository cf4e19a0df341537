#include "hoist/checkpoint/migrate/rule_forms.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

constexpr RuleKey kRename[] = {{"to", RuleValue::kText, true},
                               {"all", RuleValue::kFlag}};
constexpr RuleKey kDrop[] = {{"restore", RuleValue::kConstant}};
constexpr RuleKey kCast[] = {{"to", RuleValue::kDType, true},
                             {"from", RuleValue::kDType}};
constexpr RuleKey kTranspose[] = {{"dims", RuleValue::kDimensions}};
constexpr RuleKey kPermute[] = {{"order", RuleValue::kDimensions, true}};
constexpr RuleKey kReshape[] = {{"to", RuleValue::kOpenShape, true},
                                {"from", RuleValue::kOpenShape}};
constexpr RuleKey kSlice[] = {{"index", RuleValue::kText, true}};
constexpr RuleKey kSplit[] = {{"into", RuleValue::kTexts, true},
                              {"dim", RuleValue::kDimension, true},
                              {"sizes", RuleValue::kSizes}};
constexpr RuleKey kConcat[] = {{"to", RuleValue::kText, true},
                               {"dim", RuleValue::kDimension, true},
                               {"sizes", RuleValue::kSizes}};
constexpr RuleKey kAdd[] = {{"dtype", RuleValue::kDType, true},
                            {"shape", RuleValue::kShape, true},
                            {"value", RuleValue::kNumber, true},
                            {"beside", RuleValue::kText}};
constexpr RuleKey kRequire[] = {{"dtype", RuleValue::kDType},
                                {"shape", RuleValue::kOpenShape},
                                {"absent", RuleValue::kFlag}};

constexpr RuleForm kForms[] = {
    {{"rename", RuleValue::kText, true}, kRename},
    {{"strip_prefix", RuleValue::kText, true}, {}, false},
    {{"add_prefix", RuleValue::kText, true}, {}, false},
    {{"drop", RuleValue::kText, true}, kDrop},
    {{"cast", RuleValue::kText, true}, kCast},
    {{"transpose", RuleValue::kText, true}, kTranspose},
    {{"permute", RuleValue::kText, true}, kPermute},
    {{"reshape", RuleValue::kText, true}, kReshape},
    {{"slice", RuleValue::kText, true}, kSlice},
    {{"split", RuleValue::kText, true}, kSplit},
    {{"concat", RuleValue::kTexts, true}, kConcat},
    {{"add", RuleValue::kText, true}, kAdd},
    {{"require", RuleValue::kText, true}, kRequire},
};
constexpr RuleKey kCommon[] = {{"optional", RuleValue::kFlag},
                               {"comment", RuleValue::kAnyText}};
constexpr RuleKey kPattern[] = {{"regex", RuleValue::kFlag}};
constexpr RuleKey kMigration[] = {
    {"$schema", RuleValue::kAnyText}, {"schema", RuleValue::kText},
    {"comment", RuleValue::kAnyText}, {"model", RuleValue::kText, true},
    {"from", RuleValue::kText, true}, {"to", RuleValue::kText, true},
    {"root", RuleValue::kText},       {"rules", RuleValue::kRules, true}};
constexpr RuleKey kConstant[] = {{"dtype", RuleValue::kDType, true},
                                 {"shape", RuleValue::kShape, true},
                                 {"value", RuleValue::kNumber, true}};

absl::Status Misfit(const RuleKey& key, const JsonTree& value,
                    absl::string_view wanted) {
  return JsonError(value.position,
                   absl::StrCat("\"", key.name, "\" is to be ", wanted,
                                ", and is ", KindName(value.kind)));
}

absl::Status CheckIntegers(const RuleKey& key, const JsonTree& value,
                           size_t min_count, int64_t min,
                           absl::string_view wanted) {
  if (value.kind != JsonTree::Kind::kArray) {
    return Misfit(key, value, wanted);
  }
  if (value.items.size() < min_count) {
    return JsonError(value.position,
                     absl::StrCat("\"", key.name, "\" is to be ", wanted));
  }
  for (const JsonTree& item : value.items) {
    if (item.kind != JsonTree::Kind::kInteger || item.integer < min) {
      return JsonError(item.position,
                       absl::StrCat("\"", key.name, "\" is to be ", wanted));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Span<const RuleForm> RuleForms() { return kForms; }
absl::Span<const RuleKey> CommonRuleKeys() { return kCommon; }
absl::Span<const RuleKey> PatternRuleKeys() { return kPattern; }
absl::Span<const RuleKey> MigrationKeys() { return kMigration; }
absl::Span<const RuleKey> ConstantKeys() { return kConstant; }

absl::Status CheckRuleValue(const RuleKey& key, const JsonTree& value) {
  using Kind = JsonTree::Kind;
  switch (key.value) {
    case RuleValue::kText:
    case RuleValue::kAnyText:
    case RuleValue::kDType:
      if (value.kind != Kind::kString) {
        return Misfit(key, value, "a string");
      }
      if (value.text.empty() && key.value != RuleValue::kAnyText) {
        return JsonError(value.position,
                         absl::StrCat("\"", key.name, "\" is empty"));
      }
      if (key.value == RuleValue::kDType && !DTypeFromName(value.text)) {
        return JsonError(value.position, absl::StrCat("There is no dtype \"",
                                                      value.text, "\""));
      }
      return absl::OkStatus();
    case RuleValue::kTexts:
      if (value.kind != Kind::kArray) {
        return Misfit(key, value, "an array of two strings or more");
      }
      for (const JsonTree& item : value.items) {
        HOIST_RETURN_IF_ERROR(CheckRuleValue({key.name}, item));
      }
      return value.items.size() >= 2
                 ? absl::OkStatus()
                 : JsonError(value.position,
                             absl::StrCat("\"", key.name,
                                          "\" is to have two names or more"));
    case RuleValue::kFlag:
      return value.kind == Kind::kBool ? absl::OkStatus()
                                       : Misfit(key, value, "true or false");
    case RuleValue::kSizes:
      return CheckIntegers(key, value, 2, 1,
                           "an array of two positive integers or more");
    case RuleValue::kShape:
      return CheckIntegers(key, value, 0, 0,
                           "an array of sizes that are not negative");
    case RuleValue::kOpenShape:
      return CheckIntegers(key, value, 0, -1,
                           "an array of sizes, or -1 where any is meant");
    case RuleValue::kDimension:
      return value.kind == Kind::kInteger ? absl::OkStatus()
                                          : Misfit(key, value, "an integer");
    case RuleValue::kDimensions:
      return CheckIntegers(key, value, 0, INT64_MIN, "an array of integers");
    case RuleValue::kNumber:
      return value.kind == Kind::kBool || value.kind == Kind::kInteger ||
                     value.kind == Kind::kFloat || value.kind == Kind::kString
                 ? absl::OkStatus()
                 : Misfit(key, value, "a number");
    case RuleValue::kConstant:
      return value.kind == Kind::kObject ? absl::OkStatus()
                                         : Misfit(key, value, "an object");
    case RuleValue::kRules:
      return value.kind == Kind::kArray ? absl::OkStatus()
                                        : Misfit(key, value, "an array");
  }
  return absl::OkStatus();
}

}  // namespace hoist
