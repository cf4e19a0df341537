#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/migrate/lossless_cast.h"
#include "hoist/checkpoint/migrate/model_migration.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Action = decltype(MigrationRule::action);

absl::StatusOr<std::vector<RenameRule>> ReverseAll(
    const std::vector<RenameRule>& rules) {
  std::vector<RenameRule> reversed;
  for (const RenameRule& rule : rules) {
    HOIST_ASSIGN_OR_RETURN(RenameRule back, rule.Reverse());
    reversed.push_back(std::move(back));
  }
  return reversed;
}

absl::Status NoInverse(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

struct Reverser {
  absl::StatusOr<Action> operator()(const rules::Rename& rename) const {
    HOIST_ASSIGN_OR_RETURN(RenameRule rule, rename.rule.Reverse());
    return Action(rules::Rename{std::move(rule)});
  }
  absl::StatusOr<Action> operator()(const rules::Drop& drop) const {
    if (!drop.restore) {
      return NoInverse(
          "what it drops is gone; \"restore\" would say what to put there");
    }
    return Action(rules::Add{.name = drop.name, .constant = *drop.restore});
  }
  absl::StatusOr<Action> operator()(const rules::Cast& cast) const {
    if (!cast.from) {
      return NoInverse(
          "it does not say with \"from\" which dtype there was before");
    }
    if (!IsLosslessCast(*cast.from, cast.to)) {
      return NoInverse(absl::StrCat(DTypeName(cast.to),
                                    " does not have all numbers of ",
                                    DTypeName(*cast.from)));
    }
    return Action(
        rules::Cast{.names = cast.names, .to = *cast.from, .from = cast.to});
  }
  absl::StatusOr<Action> operator()(const rules::Transpose& transpose) const {
    return Action(transpose);
  }
  absl::StatusOr<Action> operator()(const rules::Permute& permute) const {
    // Dimension order[i] became i.
    const auto count = static_cast<int64_t>(permute.order.size());
    std::vector<int64_t> order(permute.order.size(), -1);
    for (int64_t i = 0; i < count; ++i) {
      int64_t from = permute.order[static_cast<size_t>(i)];
      from += from < 0 ? count : 0;
      if (from < 0 || from >= count || order[static_cast<size_t>(from)] >= 0) {
        return NoInverse("its order is none");
      }
      order[static_cast<size_t>(from)] = i;
    }
    return Action(rules::Permute{.names = permute.names, .order = order});
  }
  absl::StatusOr<Action> operator()(const rules::Reshape& reshape) const {
    if (!reshape.from) {
      return NoInverse(
          "it does not say with \"from\" which shape there was before");
    }
    if (std::count(reshape.from->begin(), reshape.from->end(), -1) > 1) {
      return NoInverse("more than one size in \"from\" is open");
    }
    return Action(rules::Reshape{
        .names = reshape.names, .to = *reshape.from, .from = reshape.to});
  }
  absl::StatusOr<Action> operator()(const rules::Slice&) const {
    return NoInverse("what it does not take is gone");
  }
  absl::StatusOr<Action> operator()(const rules::Split& split) const {
    HOIST_ASSIGN_OR_RETURN(std::vector<RenameRule> parts,
                           ReverseAll(split.into));
    return Action(rules::Concat{
        .parts = std::move(parts), .dim = split.dim, .sizes = split.sizes});
  }
  absl::StatusOr<Action> operator()(const rules::Concat& concat) const {
    HOIST_ASSIGN_OR_RETURN(std::vector<RenameRule> into,
                           ReverseAll(concat.parts));
    return Action(rules::Split{
        .into = std::move(into), .dim = concat.dim, .sizes = concat.sizes});
  }
  absl::StatusOr<Action> operator()(const rules::Add& add) const {
    return Action(rules::Drop{.names = NameSelector::Exact(add.name),
                              .restore = add.constant,
                              .name = add.name});
  }
  // What was so before the rules after it is so again when they are undone.
  absl::StatusOr<Action> operator()(const rules::Require& require) const {
    return Action(require);
  }
};

}  // namespace

absl::StatusOr<ModelMigration> ReverseMigration(
    const ModelMigration& migration) {
  ModelMigration reversed{.path = migration.path,
                          .model = migration.model,
                          .from = migration.to,
                          .to = migration.from,
                          .root = migration.root};
  for (auto rule = migration.rules.rbegin(); rule != migration.rules.rend();
       ++rule) {
    auto action = std::visit(Reverser(), rule->action);
    if (!action.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          migration.path, ":", rule->position.line, ": ", rule->text,
          ", cannot be undone: ", action.status().message()));
    }
    reversed.rules.push_back({.action = *std::move(action),
                              .is_optional = rule->is_optional,
                              .position = rule->position,
                              .text = absl::StrCat(rule->text, ", undone")});
  }
  return reversed;
}

}  // namespace hoist
