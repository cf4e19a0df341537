#include "hoist/tools/commands/diff_command.h"

#include <cmath>
#include <string>
#include <utility>

#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/diff/diff_checkpoints.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/interrupt.h"
#include "hoist/tools/commands/run_both.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/diff_json.h"
#include "hoist/tools/ui/diff_view.h"
#include "hoist/tools/ui/progress_bar.h"

namespace hoist {

CLI::App* AddDiffCommand(CLI::App& app, DiffArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("diff", "Say how a checkpoint differs from another");
  command->add_option("a", arguments.a, "The checkpoint, of any format")
      ->type_name("A")
      ->required();
  command->add_option("b", arguments.b, "The other one, of any format")
      ->type_name("B")
      ->required();
  command->add_flag("--structure", arguments.structure,
                    "Read no tensors: names, shapes, dtypes, other values, and "
                    "what recorded checksums tell");
  command->add_flag("--values", arguments.values,
                    "Say by how much numbers differ, also of other dtypes; 0 "
                    "and -0 are the same then, and NaN and NaN");
  command
      ->add_option("--rtol", arguments.rtol,
                   "With --values, which it implies: numbers are the same up "
                   "to |a - b| <= atol + rtol * |b|; 0 unless given")
      ->type_name("X");
  command
      ->add_option("--atol", arguments.atol,
                   "As --rtol, the part that is the same for all numbers; 0 "
                   "unless given")
      ->type_name("Y");
  command->add_flag("--tensors-only", arguments.tensors_only,
                    "Compare no other values and no metadata");
  command->add_flag("--read-all", arguments.read_all,
                    "Read also what recorded checksums say is the same");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.diff/1)");
  command->add_flag("-q,--quiet", arguments.quiet,
                    "Print nothing, and end at the first difference: only the "
                    "exit status tells");
  constexpr int kMaxThreads = 1024;
  command
      ->add_option("--threads", arguments.threads,
                   "Threads to read with; one for each CPU, up to 16, unless "
                   "given")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
  command->footer(
      "Tensors of one name are compared bit for bit, whatever formats, strides "
      "and\n"
      "compression they are stored with; where both files record checksums, "
      "these tell\n"
      "without reading. Tensors with the same elements under another name are "
      "renamed.\n"
      "Order, device, requires_grad and ties are remarks, and no difference. "
      "Memory is\n"
      "bounded, whatever the size.\n"
      "\n"
      "Exit status: 0 the same; 1 different; 2 could not compare.\n"
      "\n"
      "Examples:\n"
      "  hoist diff model.pt model.hoist\n"
      "  hoist diff --tensors-only model.pt model.safetensors\n"
      "  hoist diff --structure old.pt new.pt     without reading tensors\n"
      "  hoist diff --values float32.pt bfloat16.pt\n"
      "  hoist diff --rtol=1e-3 --atol=1e-5 a.safetensors b.safetensors\n"
      "  hoist diff --quiet a.pt b.pt && echo same\n"
      "  hoist diff --json a.pt b.pt | jq '.changed[].name'");
  return command;
}

namespace {

absl::StatusOr<DiffOptions> OptionsOf(const DiffArguments& arguments) {
  const bool has_tolerance = arguments.rtol || arguments.atol;
  if (arguments.structure && (arguments.values || has_tolerance)) {
    return WithHint(absl::InvalidArgumentError(
                        "--structure reads no tensors, and --values all"),
                    "Leave one of them out");
  }
  DiffOptions options = {
      .tolerance = {.rtol = arguments.rtol.value_or(0),
                    .atol = arguments.atol.value_or(0)},
      .only_tensors = arguments.tensors_only,
      .distrust_checksums = arguments.read_all,
      .stop_at_difference = arguments.quiet,
  };
  for (const double tolerance :
       {options.tolerance.rtol, options.tolerance.atol}) {
    if (!std::isfinite(tolerance) || tolerance < 0) {
      return absl::InvalidArgumentError(
          "--rtol and --atol are to be 0 or more");
    }
  }
  if (arguments.structure) {
    options.level = DiffLevel::kStructure;
  } else if (arguments.values || has_tolerance) {
    options.level = DiffLevel::kValues;
  }
  return options;
}

}  // namespace

absl::StatusOr<DiffOutcome> RunDiff(const DiffArguments& arguments,
                                    const CommandContext& context) {
  HOIST_ASSIGN_OR_RETURN(DiffOptions options, OptionsOf(arguments));
  const WorkerThreads threads(arguments.threads > 0 ? arguments.threads
                                                    : DefaultThreadCount());
  std::optional<InterruptHandler> interrupt;
  if (context.cancel != nullptr) {
    interrupt.emplace(*context.cancel);
  }
  options.pool = threads.pool();
  options.cancel = context.cancel;
  absl::StatusOr<Checkpoint> opened_a;
  absl::StatusOr<Checkpoint> opened_b;
  const auto open = [&](const std::string& path) {
    return Checkpoint::Open(ResolvePath(context, path), {.pool = options.pool});
  };
  RunBoth(
      options.pool, [&] { opened_a = open(arguments.a); },
      [&] { opened_b = open(arguments.b); });
  HOIST_ASSIGN_OR_RETURN(const Checkpoint a, std::move(opened_a));
  HOIST_ASSIGN_OR_RETURN(const Checkpoint b, std::move(opened_b));
  const TensorSource source_a = {a.catalog(), a.files()};
  const TensorSource source_b = {b.catalog(), b.files()};
  absl::StatusOr<DiffReport> report;
  if (arguments.quiet) {
    report = DiffCheckpoints(source_a, source_b, options);
  } else {
    // Its end clears it, before anything else is printed.
    ProgressBar bar(context.err_terminal, *context.err, context.now_ns);
    options.on_progress = [&bar](uint64_t done_bytes, uint64_t all_bytes) {
      bar.Update(done_bytes, all_bytes);
    };
    report = DiffCheckpoints(source_a, source_b, options);
  }
  HOIST_RETURN_IF_ERROR(report.status());
  if (!arguments.quiet) {
    const DiffSide side_a = {arguments.a, a.catalog()};
    const DiffSide side_b = {arguments.b, b.catalog()};
    *context.out << (arguments.json
                         ? JsonText(DiffJson(*report, side_a, side_b))
                         : DiffView(*report, side_a, side_b,
                                    context.out_terminal));
  }
  return IsSame(*report) ? DiffOutcome::kSame : DiffOutcome::kDifferent;
}

}  // namespace hoist
