#include "hoist/tools/commands/load_command.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/read_ceiling.h"
#include "hoist/checkpoint/migrate/rename_rule.h"
#include "hoist/checkpoint/selection/select_tensors.h"
#include "hoist/checkpoint/shard/rank_slices.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/trace/trace_recorder.h"
#include "hoist/core/trace/trace_span.h"
#include "hoist/tools/commands/device_choice.h"
#include "hoist/tools/commands/interrupt.h"
#include "hoist/tools/commands/parse_bytes.h"
#include "hoist/tools/commands/trace_file.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/catalog_header.h"
#include "hoist/tools/ui/catalog_view.h"
#include "hoist/tools/ui/load_json.h"
#include "hoist/tools/ui/load_view.h"
#include "hoist/tools/ui/plan_json.h"
#include "hoist/tools/ui/plan_report.h"
#include "hoist/tools/ui/plan_view.h"
#include "hoist/tools/ui/progress_bar.h"
#include "hoist/tools/ui/rank_plan_view.h"

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
  command
      ->add_option("--select", arguments.select,
                   "Only these layers or tensors; with * ? [a-z] as in a "
                   "shell, or an index as in Python. May be repeated")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--exclude", arguments.exclude,
                   "Not these layers or tensors, whatever is selected. May be "
                   "repeated")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--rename", arguments.rename,
                   "GLOB=NAME, where * in NAME is what * in GLOB was, or "
                   "s/REGEX/NAME/: other names for what is selected. May be "
                   "repeated: one after the other")
      ->type_name("RULE")
      ->allow_extra_args(false);
  AddShardOptions(*command, arguments.shard, /*has_rank=*/true);
  command->add_flag("--dry-run", arguments.dry_run,
                    "Read no tensors; print what would be read and how, what "
                    "memory it takes, and whether that is there");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.load/1; of a dry run "
                    "hoist.load_plan/1)");
  command->add_flag("-q,--quiet", arguments.quiet,
                    "Show no progress: nothing on stderr but errors");
  constexpr int kMaxThreads = 1024;
  command
      ->add_option("--threads", arguments.threads,
                   "Threads to read with; one for each CPU, up to 16, unless "
                   "given")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
  command
      ->add_option("--dtype", arguments.dtype,
                   "Make floating-point tensors of 16 bits or more float16, "
                   "bfloat16, float32 or float64; as in the file, unless given")
      ->type_name("DTYPE");
  command
      ->add_option("--io", arguments.io,
                   "How to read: auto (what is fastest for where the file is "
                   "now), pread, mmap, or direct (past the page cache)")
      ->type_name("METHOD")
      ->check(CLI::IsMember({"auto", "pread", "mmap", "direct"}))
      ->capture_default_str();
  command
      ->add_option("--verify", arguments.verify,
                   "auto (compare bytes with the file's checksums), device "
                   "(also what is on the GPU with what was read) or off "
                   "(damage goes unnoticed)")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"auto", "device", "off"}))
      ->capture_default_str();
  command->add_flag("--strict", arguments.strict,
                    "Refuse files that import what would be dangerous to "
                    "unpickle; without, only its name is shown");
  command
      ->add_option("--max-host-mem", arguments.max_host_mem,
                   "Refuse to take more host memory: 28GiB, 512MiB, 1.5GB, or "
                   "bytes; what machine and container have left, unless given")
      ->type_name("SIZE");
  command->add_flag("--ceiling", arguments.ceiling,
                    "Read the same bytes once more and look at none of them: "
                    "what this machine could have reached");
  command
      ->add_option("--trace", arguments.trace,
                   "Write what happened when to FILE, for ui.perfetto.dev")
      ->type_name("FILE");
  command->footer(
      "Exit status: 0 done; 1 a dry run found that it does not fit; 2 could "
      "not;\n"
      "130 interrupted (Ctrl-C; 143 by SIGTERM), with nothing loaded.\n"
      "\n"
      "With --io=mmap tensors on the CPU are pages of the file itself: if it "
      "is\n"
      "cut short while they are in use, touching them ends the program "
      "(SIGBUS).\n"
      "What is read with --io=direct is not in the page cache afterwards, so "
      "the\n"
      "next load is cold too.\n"
      "\n"
      "Examples:\n"
      "  hoist load                              the sample\n"
      "  hoist load model.pt\n"
      "  hoist load model.safetensors --device=cuda:0\n"
      "  hoist load model.pt --dry-run --max-host-mem=28GiB  would it fit\n"
      "  hoist load model.pt --select=encoder --exclude='*.bias'\n"
      "  hoist load model/ --rank=0 --world-size=8 --shard-spec=llama\n"
      "  hoist load model.pt --trace=load.json   where the time goes\n"
      "  hoist load --json --device=cpu model.pt | jq .seconds");
  return command;
}

namespace {

// One run of the command, with where the weights are to be and what is to be
// traced.
class LoadRun {
 public:
  LoadRun(const LoadArguments& arguments, const CommandContext& context,
          const DeviceChoice& device, LoadOptions options)
      : arguments_(arguments),
        context_(context),
        device_(device),
        options_(std::move(options)) {}

  // What is to be printed, and what came of it.
  struct Output {
    std::string text;
    LoadOutcome outcome = LoadOutcome::kDone;
  };
  absl::StatusOr<Output> Run();

 private:
  absl::StatusOr<std::string> FindPath() const;
  absl::StatusOr<Checkpoint> Open(const std::string& path) const;
  // Both of `checkpoint`, of which the tensors of `catalog` are selected.
  absl::StatusOr<Output> Plan(const Checkpoint& checkpoint,
                              const Catalog& catalog) const;
  absl::StatusOr<Output> LoadAll(const Checkpoint& checkpoint,
                                 const Catalog& catalog, CatalogFiles files);
  absl::StatusOr<LoadResult> LoadWithProgress(const Checkpoint& checkpoint);
  // How the checkpoint is called in a view: the sample by its name alone.
  std::string ShownPath(const Checkpoint& checkpoint) const {
    const std::string& path = checkpoint.path();
    return arguments_.path.empty() ? path.substr(path.rfind('/') + 1) : path;
  }

  const LoadArguments& arguments_;
  const CommandContext& context_;
  const DeviceChoice& device_;
  LoadOptions options_;
};

absl::StatusOr<std::string> LoadRun::FindPath() const {
  if (!arguments_.path.empty()) {
    return ResolvePath(context_, arguments_.path);
  }
  HOIST_ASSIGN_OR_RETURN(std::string path, context_.find_sample());
  if (!arguments_.quiet) {
    *context_.err << "No path given: loading the sample that comes with hoist, "
                     "a small network trained on handwritten digits\n";
  }
  return path;
}

absl::StatusOr<Checkpoint> LoadRun::Open(const std::string& path) const {
  const TraceSpan span(options_.trace, "", "open");
  return Checkpoint::Open(path, {.pool = options_.pool});
}

absl::StatusOr<LoadResult> LoadRun::LoadWithProgress(
    const Checkpoint& checkpoint) {
  std::optional<InterruptHandler> interrupt;
  if (context_.cancel != nullptr) {
    interrupt.emplace(*context_.cancel);
  }
  if (arguments_.quiet) {
    return Load(checkpoint, options_);
  }
  // Its end clears it, before anything else is printed.
  ProgressBar bar(context_.err_terminal, *context_.err, context_.now_ns);
  options_.on_progress = [&bar](uint64_t done_bytes, uint64_t all_bytes) {
    bar.Update(done_bytes, all_bytes);
  };
  return Load(checkpoint, options_);
}

absl::StatusOr<LoadRun::Output> LoadRun::Plan(const Checkpoint& checkpoint,
                                              const Catalog& catalog) const {
  HOIST_ASSIGN_OR_RETURN(const PlannedLoad planned,
                         PlanLoad(checkpoint, options_));
  const PlanReport report = ReportPlan(catalog, planned, options_);
  Output output;
  if (!report.fit.ok()) {
    output.outcome = LoadOutcome::kDoesNotFit;
  }
  const Terminal& terminal = context_.out_terminal;
  output.text =
      arguments_.json
          ? JsonText(PlanJson(report, catalog, checkpoint.path()))
          : absl::StrCat(
                CatalogHeader(catalog, ShownPath(checkpoint), terminal), "\n",
                PlanView(report, device_.description, terminal));
  return output;
}

absl::StatusOr<LoadRun::Output> LoadRun::LoadAll(const Checkpoint& checkpoint,
                                                 const Catalog& catalog,
                                                 CatalogFiles files) {
  HOIST_ASSIGN_OR_RETURN(LoadResult loaded, LoadWithProgress(checkpoint));
  LoadReport& report = loaded.report;
  if (arguments_.ceiling) {
    // Its memory is wanted for what is read now.
    loaded.tensors = StateDict();
    HOIST_ASSIGN_OR_RETURN(report.ceiling_bytes_per_second,
                           ReadCeiling(catalog, files, options_));
  }
  const Terminal& terminal = context_.out_terminal;
  if (arguments_.json) {
    Json json = LoadJson(report, catalog, checkpoint.path());
    if (report.rank) {
      json["rank"] = RankJson(*report.rank);
    }
    return Output{.text = JsonText(json)};
  }
  return Output{.text = absl::StrCat(
                    CatalogView(catalog, ShownPath(checkpoint),
                                AllWarnings(catalog, report), terminal),
                    "\n", LoadView(report, device_.description, terminal),
                    report.rank ? RankLines(*report.rank) : "")};
}

absl::StatusOr<LoadRun::Output> LoadRun::Run() {
  HOIST_ASSIGN_OR_RETURN(const std::string path, FindPath());
  const WorkerThreads threads(arguments_.threads > 0 ? arguments_.threads
                                                     : DefaultThreadCount());
  options_.pool = threads.pool();
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Open(path));
  // What is loaded, as Load() finds it too; none: all, under its names.
  std::optional<Catalog> part;
  CatalogFiles files = checkpoint.files();
  std::optional<RankSlices> slices;
  if (!options_.select.empty() || !options_.exclude.empty() ||
      (!options_.renames.empty() && !options_.rank)) {
    HOIST_ASSIGN_OR_RETURN(
        part,
        SelectTensors(checkpoint.catalog(), options_.select, options_.exclude));
  }
  if (options_.rank) {
    HOIST_ASSIGN_OR_RETURN(
        slices, SliceForRank(part ? *part : checkpoint.catalog(), files,
                             *options_.rank, options_.verify_checksums));
    part = slices->catalog;
    files = slices->files;
  }
  if (!options_.renames.empty()) {
    if (!part) {
      part = checkpoint.catalog();
    }
    HOIST_RETURN_IF_ERROR(RenameEntries(options_.renames, part->tensors));
  }
  const Catalog& loaded = part ? *part : checkpoint.catalog();
  return arguments_.dry_run ? Plan(checkpoint, loaded)
                            : LoadAll(checkpoint, loaded, files);
}

absl::StatusOr<LoadOptions> OptionsOf(const LoadArguments& arguments,
                                      const CommandContext& context) {
  LoadOptions options = {.select = arguments.select,
                         .exclude = arguments.exclude,
                         .verify_checksums = arguments.verify != "off",
                         .verify_on_device = arguments.verify == "device",
                         .refuse_dangerous = arguments.strict,
                         .read_method = ReadMethodFromName(arguments.io),
                         .cancel = context.cancel};
  HOIST_ASSIGN_OR_RETURN(options.rank, RankOptionsOf(arguments.shard, context));
  for (const std::string& text : arguments.rename) {
    auto rule = RenameRule::Parse(text);
    if (!rule.ok()) {
      return Annotate(rule.status(), "--rename");
    }
    options.renames.push_back(*std::move(rule));
  }
  if (!arguments.dtype.empty()) {
    options.dtype = DTypeFromName(arguments.dtype);
    if (!options.dtype) {
      return absl::InvalidArgumentError(
          absl::StrCat("--dtype: There is no dtype ", arguments.dtype));
    }
  }
  if (!arguments.max_host_mem.empty()) {
    const absl::StatusOr<uint64_t> bytes = ParseBytes(arguments.max_host_mem);
    if (!bytes.ok()) {
      return Annotate(bytes.status(), "--max-host-mem");
    }
    options.max_host_bytes = *bytes;
  }
  return options;
}

}  // namespace

absl::StatusOr<LoadOutcome> RunLoad(const LoadArguments& arguments,
                                    const CommandContext& context) {
  HOIST_ASSIGN_OR_RETURN(LoadOptions options, OptionsOf(arguments, context));
  HOIST_ASSIGN_OR_RETURN(const DeviceChoice device,
                         ChooseDevice(arguments.device, context));
  options.device = device.device;
  std::optional<TraceFile> trace_file;
  std::optional<TraceRecorder> trace;
  if (!arguments.trace.empty()) {
    HOIST_ASSIGN_OR_RETURN(
        trace_file, TraceFile::Create(ResolvePath(context, arguments.trace)));
    options.trace = &trace.emplace();
  }
  const absl::StatusOr<LoadRun::Output> output =
      LoadRun(arguments, context, device, std::move(options)).Run();
  const absl::Status written =
      trace_file ? trace_file->Write(*trace) : absl::OkStatus();
  HOIST_RETURN_IF_ERROR(output.status());
  HOIST_RETURN_IF_ERROR(written);
  *context.out << output->text;
  return output->outcome;
}

}  // namespace hoist
