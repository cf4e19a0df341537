#include "hoist/tools/commands/inspect_command.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/compat/compat_side.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/load/read_elements.h"
#include "hoist/checkpoint/selection/select_tensors.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/catalog_view.h"
#include "hoist/tools/ui/digest_view.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/inspect_json.h"
#include "hoist/tools/ui/plain_entries.h"
#include "hoist/tools/ui/tensor_text.h"
#include "hoist/tools/ui/values_json.h"

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
  command->add_flag("--values", arguments.values,
                    "The elements, as Python's print() shows them; reads only "
                    "those shown, so no checksum is compared. In JSON: those "
                    "of tensors of up to 1000");
  command->add_flag("--manifest", arguments.manifest,
                    "Names, dtypes and shapes as JSON (schema "
                    "hoist.manifest/1), for hoist compat --against");
  command->footer(
      "A NAME may end with an index as in Python, which takes a part of each\n"
      "tensor it means: 'fc.weight[0]', 'fc.weight[:4, -1]', '*.bias[::2]'.\n"
      "\n"
      "Examples:\n"
      "  hoist inspect model.pt\n"
      "  hoist inspect model.pt layer1 '*.bias'  a layer, and all biases\n"
      "  hoist inspect model.pt fc.bias --values\n"
      "  hoist inspect model.pt 'fc.weight[0:4, :]' --values\n"
      "  hoist inspect --json model.safetensors | jq '.tensors[].name'\n"
      "  hoist inspect --digests model.pt");
  return command;
}

namespace {

// The elements of `entry` that are shown; nullopt if none are.
absl::StatusOr<std::optional<Tensor>> ReadShown(const Catalog& catalog,
                                                CatalogFiles files,
                                                const TensorEntry& entry) {
  const auto indices = ShownElements(entry);
  if (!indices) {
    return std::nullopt;
  }
  HOIST_ASSIGN_OR_RETURN(Tensor shown,
                         ReadElements(catalog, files, entry, *indices));
  return std::optional<Tensor>(std::move(shown));
}

absl::Status AddAllValues(const Catalog& catalog, CatalogFiles files,
                          Json& json) {
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& entry = catalog.tensors[i];
    HOIST_ASSIGN_OR_RETURN(const std::optional<Tensor> shown,
                           ReadShown(catalog, files, entry));
    AddValues(entry, shown ? &*shown : nullptr, json["tensors"][i]);
  }
  return absl::OkStatus();
}

// The root itself has no name.
std::string NamePrefix(absl::string_view name) {
  return name.empty() ? "" : absl::StrCat(name, ": ");
}

absl::Status WriteValues(const Catalog& catalog, CatalogFiles files,
                         std::ostream& out) {
  for (const TensorEntry& entry : catalog.tensors) {
    HOIST_ASSIGN_OR_RETURN(const std::optional<Tensor> shown,
                           ReadShown(catalog, files, entry));
    out << NamePrefix(DisplayText(entry.name))
        << TensorText(entry, shown ? &*shown : nullptr) << "\n";
  }
  for (const PlainEntry& entry : PlainEntries(catalog)) {
    out << NamePrefix(entry.name) << entry.text << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunInspect(const InspectArguments& arguments,
                        const CommandContext& context) {
  const std::string path = ResolvePath(context, arguments.path);
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  std::optional<Catalog> selected;
  if (!arguments.names.empty()) {
    HOIST_ASSIGN_OR_RETURN(
        selected, SelectTensors(checkpoint.catalog(), arguments.names));
  }
  const Catalog& catalog = selected ? *selected : checkpoint.catalog();
  if (arguments.manifest) {
    *context.out << ModelManifestText(SideOf(catalog));
    return absl::OkStatus();
  }
  std::optional<Digests> digests;
  if (arguments.digests) {
    const WorkerThreads threads(DefaultThreadCount());
    HOIST_ASSIGN_OR_RETURN(
        digests, TensorDigests(catalog, checkpoint.files(), threads.pool()));
  }
  if (arguments.json) {
    Json json = InspectJson(catalog, path, digests ? &*digests : nullptr);
    if (arguments.values) {
      HOIST_RETURN_IF_ERROR(AddAllValues(catalog, checkpoint.files(), json));
    }
    *context.out << JsonText(json);
    return absl::OkStatus();
  }
  if (arguments.values) {
    HOIST_RETURN_IF_ERROR(
        WriteValues(catalog, checkpoint.files(), *context.out));
  } else {
    *context.out << CatalogView(catalog, path, catalog.warnings,
                                context.out_terminal);
  }
  if (digests) {
    *context.out << DigestView(catalog, *digests, context.out_terminal);
  }
  return absl::OkStatus();
}

}  // namespace hoist
