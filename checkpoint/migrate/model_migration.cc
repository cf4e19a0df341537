#include "hoist/checkpoint/migrate/model_migration.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/migrate/rule_forms.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kSchema = "hoist.migration/1";

const RuleKey* FindKey(absl::Span<const RuleKey> keys, absl::string_view name) {
  const auto found =
      std::find_if(keys.begin(), keys.end(),
                   [name](const RuleKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

// Holds the keys of an object against those that it may have.
absl::Status CheckKeys(const JsonTree& object,
                       absl::Span<const RuleKey> known) {
  for (size_t i = 0; i < object.keys.size(); ++i) {
    const auto& [name, position] = object.keys[i];
    const RuleKey* const key = FindKey(known, name);
    if (key == nullptr) {
      return JsonError(
          position,
          absl::StrCat("There is no key \"", name, "\" here, but ",
                       absl::StrJoin(known, ", ",
                                     [](std::string* out, const RuleKey& k) {
                                       absl::StrAppend(out, k.name);
                                     })));
    }
    HOIST_RETURN_IF_ERROR(CheckRuleValue(*key, object.items[i]));
  }
  for (const RuleKey& key : known) {
    if (key.is_required && object.Find(key.name) == nullptr) {
      return JsonError(object.position,
                       absl::StrCat("\"", key.name, "\" is missing here"));
    }
  }
  return absl::OkStatus();
}

// Values whose kinds CheckKeys() has seen.
std::string TextAt(const JsonTree& object, absl::string_view key) {
  const JsonTree* const found = object.Find(key);
  return found == nullptr ? "" : found->text;
}

bool FlagAt(const JsonTree& object, absl::string_view key) {
  const JsonTree* const found = object.Find(key);
  return found != nullptr && found->integer != 0;
}

std::optional<DType> DTypeAt(const JsonTree& object, absl::string_view key) {
  const JsonTree* const found = object.Find(key);
  return found == nullptr ? std::nullopt : DTypeFromName(found->text);
}

std::optional<std::vector<int64_t>> IntegersAt(const JsonTree& object,
                                               absl::string_view key) {
  const JsonTree* const found = object.Find(key);
  if (found == nullptr) {
    return std::nullopt;
  }
  std::vector<int64_t> integers;
  for (const JsonTree& item : found->items) {
    integers.push_back(item.integer);
  }
  return integers;
}

// Reads one rule, whose keys are those of its form.
class RuleReader {
 public:
  RuleReader(const JsonTree& tree, absl::string_view verb)
      : tree_(tree),
        verb_(verb),
        subject_(*tree.Find(verb)),
        is_regex_(FlagAt(tree, "regex")) {}

  absl::Status Read(MigrationRule& rule) {
    if (verb_ == "rename") {
      return ReadRename(rule);
    }
    if (verb_ == "strip_prefix") {
      rule.action = rules::Rename{RenameRule::Prefix(subject_.text, "")};
      return absl::OkStatus();
    }
    if (verb_ == "add_prefix") {
      rule.action = rules::Rename{RenameRule::Prefix("", subject_.text)};
      return absl::OkStatus();
    }
    if (verb_ == "split") {
      return ReadSplit(rule);
    }
    if (verb_ == "concat") {
      return ReadConcat(rule);
    }
    if (verb_ == "add") {
      return ReadAdd(rule);
    }
    return ReadOfTensors(rule);
  }

 private:
  absl::Status ReadRename(MigrationRule& rule);
  absl::Status ReadSplit(MigrationRule& rule);
  absl::Status ReadConcat(MigrationRule& rule);
  absl::Status ReadAdd(MigrationRule& rule);
  // Those that change tensors one by one.
  absl::Status ReadOfTensors(MigrationRule& rule);
  absl::Status ReadDrop(NameSelector names, MigrationRule& rule);

  // At the place of what is at fault.
  absl::Status Fault(const JsonTree& at, const absl::Status& status) const {
    return JsonError(at.position, status.message());
  }
  absl::StatusOr<RenameRule> RuleFor(const JsonTree& pattern,
                                     const JsonTree& to, bool all = false) {
    auto rule = is_regex_ ? RenameRule::Regex(pattern.text, to.text, all)
                          : RenameRule::Glob(pattern.text, to.text);
    return rule.ok() ? std::move(rule) : Fault(pattern, rule.status());
  }
  absl::StatusOr<NameSelector> Selector() {
    auto names = is_regex_ ? NameSelector::Regex(subject_.text)
                           : NameSelector::Glob(subject_.text);
    return names.ok() ? std::move(names) : Fault(subject_, names.status());
  }
  absl::StatusOr<std::vector<int64_t>> SizesFor(size_t parts) {
    std::vector<int64_t> sizes =
        IntegersAt(tree_, "sizes").value_or(std::vector<int64_t>());
    if (!sizes.empty() && sizes.size() != parts) {
      return JsonError(
          tree_.Find("sizes")->position,
          absl::StrCat(sizes.size(), " sizes for ", parts, " parts"));
    }
    return sizes;
  }
  absl::StatusOr<ConstantTensor> ReadConstant(const JsonTree& object) {
    ConstantTensor constant{.dtype = *DTypeAt(object, "dtype"),
                            .shape = *IntegersAt(object, "shape")};
    HOIST_ASSIGN_OR_RETURN(
        constant.element,
        ConstantElement(constant.dtype, *object.Find("value")));
    return constant;
  }

  const JsonTree& tree_;
  const absl::string_view verb_;
  const JsonTree& subject_;
  const bool is_regex_;
};

absl::Status RuleReader::ReadRename(MigrationRule& rule) {
  const bool all = FlagAt(tree_, "all");
  if (all && !is_regex_) {
    return JsonError(tree_.Find("all")->position,
                     "\"all\" is for regular expressions: add \"regex\": true");
  }
  HOIST_ASSIGN_OR_RETURN(RenameRule rename,
                         RuleFor(subject_, *tree_.Find("to"), all));
  rule.action = rules::Rename{std::move(rename)};
  return absl::OkStatus();
}

absl::Status RuleReader::ReadSplit(MigrationRule& rule) {
  rules::Split split{.dim = tree_.Find("dim")->integer};
  for (const JsonTree& part : tree_.Find("into")->items) {
    HOIST_ASSIGN_OR_RETURN(RenameRule into, RuleFor(subject_, part));
    split.into.push_back(std::move(into));
  }
  HOIST_ASSIGN_OR_RETURN(split.sizes, SizesFor(split.into.size()));
  rule.action = std::move(split);
  return absl::OkStatus();
}

absl::Status RuleReader::ReadConcat(MigrationRule& rule) {
  rules::Concat concat{.dim = tree_.Find("dim")->integer};
  for (const JsonTree& part : subject_.items) {
    HOIST_ASSIGN_OR_RETURN(RenameRule from, RuleFor(part, *tree_.Find("to")));
    concat.parts.push_back(std::move(from));
  }
  HOIST_ASSIGN_OR_RETURN(concat.sizes, SizesFor(concat.parts.size()));
  rule.action = std::move(concat);
  return absl::OkStatus();
}

absl::Status RuleReader::ReadAdd(MigrationRule& rule) {
  rules::Add add{.name = subject_.text, .beside = TextAt(tree_, "beside")};
  HOIST_ASSIGN_OR_RETURN(add.constant, ReadConstant(tree_));
  rule.action = std::move(add);
  return absl::OkStatus();
}

absl::Status RuleReader::ReadDrop(NameSelector names, MigrationRule& rule) {
  rules::Drop drop{.names = std::move(names)};
  if (const JsonTree* const restore = tree_.Find("restore")) {
    HOIST_RETURN_IF_ERROR(CheckKeys(*restore, ConstantKeys()));
    HOIST_ASSIGN_OR_RETURN(drop.restore, ReadConstant(*restore));
    drop.name = subject_.text;
    const auto glob = NameGlob::Parse(subject_.text);
    if (is_regex_ || !glob.ok() || !glob->wildcards().empty()) {
      return JsonError(restore->position,
                       "What is restored is one tensor: \"drop\" is to be its "
                       "name, without wildcards");
    }
  }
  rule.action = std::move(drop);
  return absl::OkStatus();
}

absl::Status RuleReader::ReadOfTensors(MigrationRule& rule) {
  HOIST_ASSIGN_OR_RETURN(NameSelector names, Selector());
  if (verb_ == "drop") {
    return ReadDrop(std::move(names), rule);
  }
  if (verb_ == "cast") {
    rule.action = rules::Cast{.names = std::move(names),
                              .to = *DTypeAt(tree_, "to"),
                              .from = DTypeAt(tree_, "from")};
  } else if (verb_ == "transpose") {
    rules::Transpose transpose{.names = std::move(names)};
    if (const auto dims = IntegersAt(tree_, "dims")) {
      if (dims->size() != 2) {
        return JsonError(tree_.Find("dims")->position,
                         "\"dims\" is to have two dimensions");
      }
      transpose.first = (*dims)[0];
      transpose.second = (*dims)[1];
    }
    rule.action = std::move(transpose);
  } else if (verb_ == "permute") {
    rule.action = rules::Permute{.names = std::move(names),
                                 .order = *IntegersAt(tree_, "order")};
  } else if (verb_ == "reshape") {
    rule.action = rules::Reshape{.names = std::move(names),
                                 .to = *IntegersAt(tree_, "to"),
                                 .from = IntegersAt(tree_, "from")};
  } else if (verb_ == "slice") {
    rule.action = rules::Slice{.names = std::move(names),
                               .index = TextAt(tree_, "index")};
  } else {  // "require"
    rule.action = rules::Require{.names = std::move(names),
                                 .dtype = DTypeAt(tree_, "dtype"),
                                 .shape = IntegersAt(tree_, "shape"),
                                 .is_absent = FlagAt(tree_, "absent")};
  }
  return absl::OkStatus();
}

absl::StatusOr<MigrationRule> ReadRule(const JsonTree& tree) {
  if (tree.kind != JsonTree::Kind::kObject) {
    return JsonError(tree.position, absl::StrCat("A rule is an object, not ",
                                                 KindName(tree.kind)));
  }
  const RuleForm* form = nullptr;
  for (const RuleForm& known : RuleForms()) {
    if (tree.Find(known.verb.name) == nullptr) {
      continue;
    }
    if (form != nullptr) {
      return JsonError(tree.position, absl::StrCat("A rule does one thing: \"",
                                                   form->verb.name, "\" or \"",
                                                   known.verb.name, "\""));
    }
    form = &known;
  }
  if (form == nullptr) {
    return JsonError(
        tree.position,
        absl::StrCat("The rule says nothing to do: it needs one of ",
                     absl::StrJoin(RuleForms(), ", ",
                                   [](std::string* out, const RuleForm& known) {
                                     absl::StrAppend(out, known.verb.name);
                                   })));
  }
  std::vector<RuleKey> keys = {form->verb};
  keys.insert(keys.end(), form->keys.begin(), form->keys.end());
  keys.insert(keys.end(), CommonRuleKeys().begin(), CommonRuleKeys().end());
  if (form->has_patterns) {
    keys.insert(keys.end(), PatternRuleKeys().begin(), PatternRuleKeys().end());
  }
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, keys));
  MigrationRule rule = {.action = rules::Add{},
                        .is_optional = FlagAt(tree, "optional"),
                        .position = tree.position};
  HOIST_RETURN_IF_ERROR(RuleReader(tree, form->verb.name).Read(rule));
  const JsonTree& subject = *tree.Find(form->verb.name);
  std::string what = subject.text;
  for (const JsonTree& item : subject.items) {
    absl::StrAppend(&what, what.empty() ? "" : ", ", item.text);
  }
  rule.text = absl::StrCat(form->verb.name, " ", what);
  return rule;
}

absl::StatusOr<ModelMigration> Read(const JsonTree& tree,
                                    const std::string& path) {
  if (tree.kind != JsonTree::Kind::kObject) {
    return JsonError(tree.position, absl::StrCat("A migration is an object, "
                                                 "not ",
                                                 KindName(tree.kind)));
  }
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, MigrationKeys()));
  if (const JsonTree* const schema = tree.Find("schema");
      schema != nullptr && schema->text != kSchema) {
    return JsonError(schema->position,
                     absl::StrCat("\"schema\" is \"", schema->text,
                                  "\"; this Hoist reads \"", kSchema, "\""));
  }
  ModelMigration migration{.path = path,
                           .model = TextAt(tree, "model"),
                           .from = TextAt(tree, "from"),
                           .to = TextAt(tree, "to"),
                           .root = TextAt(tree, "root")};
  for (const JsonTree& item : tree.Find("rules")->items) {
    auto rule = ReadRule(item);
    const size_t number = migration.rules.size() + 1;
    if (!rule.ok()) {
      return absl::Status(
          rule.status().code(),
          absl::StrCat(rule.status().message(), " (rule ", number, ")"));
    }
    rule->text = absl::StrCat("rule ", number, ", ", rule->text);
    migration.rules.push_back(*std::move(rule));
  }
  return migration;
}

}  // namespace

absl::StatusOr<ModelMigration> ParseModelMigration(absl::string_view json,
                                                   const std::string& path) {
  const auto tree = ParseJsonTree(json);
  auto migration = tree.ok() ? Read(*tree, path)
                             : absl::StatusOr<ModelMigration>(tree.status());
  if (migration.ok()) {
    return migration;
  }
  return absl::Status(migration.status().code(),
                      absl::StrCat(path, ":", migration.status().message()));
}

}  // namespace hoist
