#include "hoist/tools/commands/index_command.h"

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/open_shards_rebuild.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {

CLI::App* AddIndexCommand(CLI::App& app, IndexArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "index", "Repair the index of a checkpoint in several files");
  CLI::App* rebuild = command->add_subcommand(
      "rebuild", "Write the index anew, by what the files themselves have");
  command->require_subcommand(1);
  rebuild
      ->add_option("path", arguments.path,
                   "The directory; the index, where there are several")
      ->type_name("DIR")
      ->required();
  rebuild->add_flag("-n,--dry-run", arguments.dry_run,
                    "Show what would change, and change nothing");
  rebuild->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.index/1)");
  rebuild->footer(
      "The files are those that their names number (-00001-of-00003), all of "
      "them, or\n"
      "all *.safetensors where none are numbered. Only their headers are read. "
      "What the\n"
      "old index says in its metadata is kept; total_size and total_parameters "
      "are\n"
      "counted. The new index appears whole or not at all. Where it cannot be "
      "told what\n"
      "is right (files that are missing, a tensor in two of them), nothing is "
      "changed.\n"
      "\n"
      "Exit status: 0 the index is right now; 2 it could not be made.\n"
      "\n"
      "Examples:\n"
      "  hoist verify model/ --level=structure   what does not agree\n"
      "  hoist index rebuild model/ --dry-run\n"
      "  hoist index rebuild model/");
  return command;
}

namespace {

Json RebuildJson(const PlannedIndex& planned, bool is_written) {
  Json json;
  json["schema"] = "hoist.index/1";
  json["path"] = planned.path;
  json["written"] = is_written;
  json["changes"] = planned.rebuild.changes;
  json["tensors"] = planned.rebuild.index.weight_map.size();
  json["total_size"] =
      static_cast<uint64_t>(planned.rebuild.index.total_size_bytes.value_or(0));
  json["files"] = planned.files;
  json["ignored"] = planned.ignored;
  return json;
}

std::string RebuildText(const PlannedIndex& planned, bool is_written) {
  std::string text = absl::StrCat(
      planned.rebuild.changes.empty() ? "Nothing to change in "
      : is_written                    ? "Wrote "
                                      : "Would write ",
      DisplayText(planned.path), "\n  ",
      CountText(static_cast<int64_t>(planned.rebuild.index.weight_map.size()),
                "tensor"),
      " in ", CountText(static_cast<int64_t>(planned.files.size()), "file"),
      ", ",
      HumanBytes(static_cast<uint64_t>(
          planned.rebuild.index.total_size_bytes.value_or(0))),
      "\n");
  for (const std::string& change : planned.rebuild.changes) {
    absl::StrAppend(&text, "  ", DisplayText(change), "\n");
  }
  for (const std::string& file : planned.ignored) {
    absl::StrAppend(&text, "  not in the index: ", DisplayText(file), "\n");
  }
  return text;
}

}  // namespace

absl::Status RunIndexRebuild(const IndexArguments& arguments,
                             const CommandContext& context) {
  const WorkerThreads threads(DefaultThreadCount());
  HOIST_ASSIGN_OR_RETURN(
      const PlannedIndex planned,
      PlanIndexRebuild(ResolvePath(context, arguments.path), threads.pool()));
  const bool is_written =
      !arguments.dry_run && !planned.rebuild.changes.empty();
  if (is_written) {
    const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
    HOIST_RETURN_IF_ERROR(WriteIndex(planned, *file_system));
  }
  *context.out << (arguments.json ? JsonText(RebuildJson(planned, is_written))
                                  : RebuildText(planned, is_written));
  return absl::OkStatus();
}

}  // namespace hoist
