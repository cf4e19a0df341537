#include "hoist/tools/ui/migrate_view.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

using Kind = MigrationChange::Kind;

constexpr size_t kMaxNameWidth = 100;

const char* KindText(Kind kind) {
  switch (kind) {
    case Kind::kRename:
      return "rename";
    case Kind::kDrop:
      return "drop";
    case Kind::kAdd:
      return "add";
    case Kind::kCast:
      return "cast";
    case Kind::kReshape:
      return "reshape";
    case Kind::kSplit:
      return "split";
    case Kind::kConcat:
      return "concat";
    case Kind::kVersion:
      return "version";
    case Kind::kContainer:
      break;
  }
  return "container";
}

uint64_t ComputedBytes(const MigrationReport& report) {
  uint64_t bytes = 0;
  for (const MigrationReport::Step& step : report.steps) {
    for (const MigrationChange& change : step.changes) {
      bytes += change.computed_bytes;
    }
  }
  return bytes;
}

std::string ChangeText(const MigrationChange& change) {
  std::string text = absl::StrCat("  ", KindText(change.kind), " ");
  const std::string from = DisplayText(change.from, kMaxNameWidth);
  const std::string to = DisplayText(change.to, kMaxNameWidth);
  if (change.from.empty() || change.to.empty() || change.from == change.to) {
    absl::StrAppend(&text, change.to.empty() ? from : to);
  } else {
    absl::StrAppend(&text, from, " -> ", to);
  }
  if (!change.detail.empty()) {
    absl::StrAppend(&text, change.kind == Kind::kContainer ? "" : ": ",
                    DisplayText(change.detail));
  }
  if (change.computed_bytes > 0) {
    absl::StrAppend(&text, ", ", HumanBytes(change.computed_bytes));
  }
  return text + "\n";
}

}  // namespace

std::string MigrationView(const MigrationReport& report, bool with_changes,
                          const Terminal& terminal) {
  std::string text;
  int64_t changes = 0;
  for (const MigrationReport::Step& step : report.steps) {
    const auto count = static_cast<int64_t>(step.changes.size());
    changes += count;
    absl::StrAppend(
        &text,
        Styled(DisplayText(step.name), TextStyle::kBold, terminal.has_color),
        ": ", count == 0 ? "nothing" : CountText(count, "change"), "\n");
    for (size_t i = 0; with_changes && i < step.changes.size(); ++i) {
      text += ChangeText(step.changes[i]);
    }
  }
  absl::StrAppend(&text, CountText(changes, "change"), " in ",
                  CountText(static_cast<int64_t>(report.steps.size()), "step"));
  if (const uint64_t bytes = ComputedBytes(report); bytes > 0) {
    absl::StrAppend(&text, ", ", HumanBytes(bytes), " to be computed");
  }
  text += "\n";
  for (const std::string& warning : report.warnings) {
    absl::StrAppend(&text,
                    Styled("Warning", TextStyle::kYellow, terminal.has_color),
                    ": ", DisplayText(warning), "\n");
  }
  return text;
}

Json MigrationJson(const MigrationReport& report) {
  Json steps = Json::array();
  for (const MigrationReport::Step& step : report.steps) {
    Json changes = Json::array();
    for (const MigrationChange& change : step.changes) {
      Json entry;
      entry["kind"] = KindText(change.kind);
      if (!change.from.empty() || change.kind == Kind::kVersion) {
        entry["from"] = change.from;
      }
      if (!change.to.empty()) {
        entry["to"] = change.to;
      }
      if (!change.detail.empty()) {
        entry["detail"] = change.detail;
      }
      entry["computed_bytes"] = change.computed_bytes;
      changes.push_back(std::move(entry));
    }
    Json entry;
    entry["name"] = step.name;
    entry["changes"] = std::move(changes);
    steps.push_back(std::move(entry));
  }
  Json json;
  json["steps"] = std::move(steps);
  json["computed_bytes"] = ComputedBytes(report);
  json["warnings"] = report.warnings;
  return json;
}

std::string MigrationListView(absl::Span<const ContainerMigration> containers,
                              absl::Span<const ProducerStep> producer,
                              absl::Span<const ModelMigration> files) {
  std::string text = "Containers (hoist migrate IN OUT):\n";
  for (const ContainerMigration& container : containers) {
    absl::StrAppend(&text, "  ", container.from, " -> ", container.to, "\n");
  }
  absl::StrAppend(&text,
                  "\nPyTorch's own changes (--producer; those with * only by "
                  "--step=NAME):\n");
  for (const ProducerStep& step : producer) {
    absl::StrAppend(&text, "  ", step.name,
                    step.by_default         ? ""
                    : step.apply != nullptr ? " *"
                                            : " (only PyTorch can)",
                    "\n      ", step.summary, " (", step.classes,
                    step.release.empty() ? "" : ", PyTorch ", step.release,
                    ")\n");
  }
  for (const ModelMigration& file : files) {
    absl::StrAppend(&text, "\n", DisplayText(file.path), ": ",
                    DisplayText(file.model), " ", DisplayText(file.from),
                    " -> ", DisplayText(file.to), "\n");
    for (const MigrationRule& rule : file.rules) {
      absl::StrAppend(&text, "  ", DisplayText(rule.text),
                      rule.is_optional ? " (optional)" : "", "\n");
    }
    if (const auto reverse = ReverseMigration(file); !reverse.ok()) {
      absl::StrAppend(&text, "  No way back: ",
                      DisplayText(std::string(reverse.status().message())),
                      "\n");
    }
  }
  return text;
}

Json MigrationListJson(absl::Span<const ContainerMigration> containers,
                       absl::Span<const ProducerStep> producer,
                       absl::Span<const ModelMigration> files) {
  Json json;
  json["schema"] = "hoist.migrate.list/1";
  json["containers"] = Json::array();
  for (const ContainerMigration& container : containers) {
    json["containers"].push_back(
        {{"from", container.from}, {"to", container.to}});
  }
  json["producer"] = Json::array();
  for (const ProducerStep& step : producer) {
    json["producer"].push_back({{"name", std::string(step.name)},
                                {"classes", std::string(step.classes)},
                                {"to_version", step.to_version},
                                {"release", std::string(step.release)},
                                {"summary", std::string(step.summary)},
                                {"by_default", step.by_default},
                                {"possible", step.apply != nullptr}});
  }
  json["files"] = Json::array();
  for (const ModelMigration& file : files) {
    Json rules = Json::array();
    for (const MigrationRule& rule : file.rules) {
      rules.push_back({{"text", rule.text}, {"optional", rule.is_optional}});
    }
    json["files"].push_back({{"path", file.path},
                             {"model", file.model},
                             {"from", file.from},
                             {"to", file.to},
                             {"reversible", ReverseMigration(file).ok()},
                             {"rules", std::move(rules)}});
  }
  return json;
}

}  // namespace hoist
