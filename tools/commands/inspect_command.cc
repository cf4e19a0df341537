#include "hoist/tools/commands/inspect_command.h"

#include <optional>

#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/selection/select_tensors.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/catalog_view.h"
#include "hoist/tools/ui/digest_view.h"
#include "hoist/tools/ui/inspect_json.h"

namespace hoist {

CLI::App* AddInspectCommand(CLI::App& app, InspectArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "inspect", "Show what is in a checkpoint, without reading its tensors");
  command->add_option("path", arguments.path, "The checkpoint")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("names", arguments.names,
                   "Only these layers or tensors; with * ? [a-z] as in a shell")
      ->type_name("NAME");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.inspect/1)");
  command->add_flag("--digests", arguments.digests,
                    "SHA-256 of every tensor's elements; reads them all");
  command->footer(
      "Examples:\n"
      "  hoist inspect model.pt\n"
      "  hoist inspect model.pt layer1 '*.bias'  a layer, and all biases\n"
      "  hoist inspect --json model.safetensors | jq '.tensors[].name'\n"
      "  hoist inspect --digests model.pt");
  return command;
}

absl::Status RunInspect(const InspectArguments& arguments,
                        const CommandContext& context) {
  const std::string path = ResolvePath(context, arguments.path);
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  Catalog catalog = checkpoint.catalog();
  if (!arguments.names.empty()) {
    HOIST_ASSIGN_OR_RETURN(catalog, SelectTensors(catalog, arguments.names));
  }
  std::optional<Digests> digests;
  if (arguments.digests) {
    const WorkerThreads threads(DefaultThreadCount());
    HOIST_ASSIGN_OR_RETURN(
        digests, TensorDigests(catalog, checkpoint.files(), threads.pool()));
  }
  if (arguments.json) {
    *context.out << JsonText(
        InspectJson(catalog, path, digests ? &*digests : nullptr));
    return absl::OkStatus();
  }
  *context.out << CatalogView(catalog, path, catalog.warnings,
                              context.out_terminal);
  if (digests) {
    *context.out << DigestView(catalog, *digests, context.out_terminal);
  }
  return absl::OkStatus();
}

}  // namespace hoist
