#include "hoist/tools/commands/load_command.h"

#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/device_choice.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/catalog_view.h"
#include "hoist/tools/ui/load_json.h"
#include "hoist/tools/ui/load_view.h"

namespace hoist {

CLI::App* AddLoadCommand(CLI::App& app, LoadArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "load", "Load a checkpoint to a device, and show what it is");
  command
      ->add_option("path", arguments.path,
                   "The checkpoint; without it a small one that comes with "
                   "hoist")
      ->type_name("PATH");
  command
      ->add_option("--device", arguments.device,
                   "auto (a GPU if there is one), cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str();
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.load/1)");
  constexpr int kMaxThreads = 1024;
  command
      ->add_option("--threads", arguments.threads,
                   "Threads to read with; one for each CPU, up to 16, unless "
                   "given")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
  command
      ->add_option("--io", arguments.io,
                   "How to read: auto (what is fastest for where the file is "
                   "now), pread, mmap, or direct (past the page cache)")
      ->type_name("METHOD")
      ->check(CLI::IsMember({"auto", "pread", "mmap", "direct"}))
      ->capture_default_str();
  command
      ->add_option("--verify", arguments.verify,
                   "auto (compare bytes with the file's checksums) or off "
                   "(damage goes unnoticed)")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"auto", "off"}))
      ->capture_default_str();
  command->add_flag("--strict", arguments.strict,
                    "Refuse files that import what would be dangerous to "
                    "unpickle; without, only its name is shown");
  command->footer(
      "Examples:\n"
      "  hoist load                              the sample\n"
      "  hoist load model.pt\n"
      "  hoist load model.safetensors --device=cuda:0\n"
      "  hoist load --json --device=cpu model.pt | jq .seconds");
  return command;
}

absl::Status RunLoad(const LoadArguments& arguments,
                     const CommandContext& context) {
  HOIST_ASSIGN_OR_RETURN(const DeviceChoice device,
                         ChooseDevice(arguments.device, context));
  std::string path;
  if (arguments.path.empty()) {
    HOIST_ASSIGN_OR_RETURN(path, context.find_sample());
    *context.err << "No path given: loading the sample that comes with hoist, "
                    "a small network trained on handwritten digits\n";
  } else {
    path = ResolvePath(context, arguments.path);
  }
  const WorkerThreads threads(arguments.threads > 0 ? arguments.threads
                                                    : DefaultThreadCount());
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  HOIST_ASSIGN_OR_RETURN(
      const LoadResult loaded,
      Load(checkpoint, {.device = device.device,
                        .pool = threads.pool(),
                        .verify_checksums = arguments.verify != "off",
                        .refuse_dangerous = arguments.strict,
                        .read_method = ReadMethodFromName(arguments.io)}));
  const Catalog& catalog = checkpoint.catalog();
  if (arguments.json) {
    *context.out << JsonText(LoadJson(loaded.report, catalog, path));
    return absl::OkStatus();
  }
  const std::string shown_path =
      arguments.path.empty() ? path.substr(path.rfind('/') + 1) : path;
  *context.out << CatalogView(catalog, shown_path,
                              AllWarnings(catalog, loaded.report),
                              context.out_terminal)
               << "\n"
               << LoadView(loaded.report, device.description,
                           context.out_terminal);
  return absl::OkStatus();
}

}  // namespace hoist
