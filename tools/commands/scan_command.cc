#include "hoist/tools/commands/scan_command.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/scan/file_scan.h"
#include "hoist/core/status/annotate.h"
#include "hoist/tools/ui/scan_json.h"
#include "hoist/tools/ui/scan_view.h"

namespace hoist {
namespace {

// A file to scan, or a path and why it is none.
struct Target {
  std::string path;
  std::string error;
};

// All files in `folder` and its folders, by name. Links to files are followed,
// links to folders are not: they may lead back.
void ListFolder(const std::string& folder, std::vector<Target>& targets) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    entries.push_back(*it);
  }
  if (error) {
    targets.push_back(
        {folder, absl::StrCat("The folder cannot be read: ", error.message())});
  }
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    const bool is_link = entry.is_symlink(error);
    if (!is_link && entry.is_directory(error)) {
      ListFolder(entry.path(), targets);
    } else if (entry.is_regular_file(error)) {
      targets.push_back({entry.path(), ""});
    } else if (is_link && !entry.exists(error)) {
      targets.push_back({entry.path(), "The link leads to nothing"});
    }
  }
}

std::vector<Target> ListTargets(const ScanArguments& arguments,
                                const CommandContext& context) {
  std::vector<Target> targets;
  for (const std::string& path : arguments.paths) {
    const std::string resolved = ResolvePath(context, path);
    std::error_code error;
    if (std::filesystem::is_directory(resolved, error)) {
      ListFolder(resolved, targets);
    } else {
      targets.push_back({resolved, ""});
    }
  }
  return targets;
}

ScanReport ReportOn(const Target& target) {
  ScanReport unread;
  if (!target.error.empty()) {
    unread.problems.push_back({"", target.error});
    return unread;
  }
  auto report = ScanFile(target.path);
  if (report.ok()) {
    return *std::move(report);
  }
  unread.problems.push_back({"", std::string(report.status().message())});
  return unread;
}

}  // namespace

CLI::App* AddScanCommand(CLI::App& app, ScanArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "scan",
      "List what the pickles in files would import, and what of it is "
      "dangerous");
  command
      ->add_option("path", arguments.paths,
                   "Files of any kind, or folders with all that is in them")
      ->type_name("PATH")
      ->required();
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.scan/1)");
  command->add_flag("--strict", arguments.strict,
                    "Take unknown names for dangerous ones");
  command->add_flag("--all", arguments.all, "List harmless names, too");
  command->footer(
      "Nothing is run. Looks into every pickle of zip and tar archives, also "
      "into those\nthat hide in them, behind their ends, or in tensors' "
      "bytes.\n\n"
      "Exit status: 0 clean; 1 something dangerous was found; 2 nothing was, "
      "but not\nall could be read.\n\n"
      "Examples:\n"
      "  hoist scan model.pt\n"
      "  hoist scan --strict downloads/\n"
      "  hoist scan --json *.pt | jq '.files[] | select(.verdict != "
      "\"clean\")'");
  return command;
}

absl::StatusOr<ScanVerdict> RunScan(const ScanArguments& arguments,
                                    const CommandContext& context) {
  const std::vector<Target> targets = ListTargets(arguments, context);
  if (targets.empty()) {
    return WithHint(absl::NotFoundError("There is no file to scan"),
                    "Give files, or folders that have some in them");
  }
  ScanVerdict worst = ScanVerdict::kClean;
  int counts[3] = {};
  Json files = Json::array();
  for (const Target& target : targets) {
    const ScanReport report = ReportOn(target);
    const ScanVerdict verdict = VerdictOf(report, arguments.strict);
    worst = std::max(worst, verdict);
    ++counts[static_cast<int>(verdict)];
    if (arguments.json) {
      files.push_back(ScanJson(report, target.path, arguments.strict));
    } else {
      *context.out << ScanView(
          report, target.path,
          {.is_strict = arguments.strict, .shows_all = arguments.all},
          context.out_terminal);
    }
  }
  if (arguments.json) {
    Json json;
    json["schema"] = "hoist.scan/1";
    json["verdict"] = std::string(ScanVerdictName(worst));
    json["files"] = std::move(files);
    *context.out << JsonText(json);
  } else if (targets.size() > 1) {
    *context.out << absl::StrCat(
        targets.size(),
        " files: ", counts[static_cast<int>(ScanVerdict::kDangerous)],
        " dangerous, ", counts[static_cast<int>(ScanVerdict::kIncomplete)],
        " could not all be read, ",
        counts[static_cast<int>(ScanVerdict::kClean)], " clean\n");
  }
  return worst;
}

}  // namespace hoist
