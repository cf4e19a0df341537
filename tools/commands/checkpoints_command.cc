#include "hoist/tools/commands/checkpoints_command.h"

#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/store/checkpoint_store.h"
#include "hoist/checkpoint/store/retention.h"
#include "hoist/checkpoint/verify/verify_checkpoint.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/tools/commands/interrupt.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/checkpoints_json.h"
#include "hoist/tools/ui/checkpoints_view.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/verify_json.h"
#include "hoist/tools/ui/verify_view.h"

namespace hoist {
namespace {

// The verb `name` below `checkpoints`, with the options that all have.
CLI::App* AddVerb(CLI::App& command, CheckpointsArguments& arguments,
                  const std::string& name, const std::string& what) {
  CLI::App* const verb = command.add_subcommand(name, what);
  verb->add_option("folder", arguments.folder, "The folder of checkpoints")
      ->type_name("DIR")
      ->required();
  verb->add_flag("--json", arguments.json, "Print JSON");
  verb->callback([&arguments, name] { arguments.verb = name; });
  return verb;
}

void AddMetric(CLI::App& verb, CheckpointsArguments& arguments) {
  verb.add_option("--metric", arguments.metric, "The metric that tells")
      ->type_name("NAME");
  verb.add_flag("--higher-is-better", arguments.higher_is_better,
                "The best is the highest; the lowest, unless given");
}

void AddPrune(CLI::App& command, CheckpointsArguments& arguments) {
  CLI::App& prune = *AddVerb(command, arguments, "prune",
                             "Remove checkpoints that no rule keeps");
  const auto add = [&prune](const std::string& name, auto& value,
                            const std::string& what) {
    prune.add_option(name, value, what)
        ->type_name("N")
        ->check(CLI::PositiveNumber);
  };
  add("--keep-last", arguments.keep_last, "Keep those of the N highest steps");
  add("--keep-best", arguments.keep_best, "Keep the N best by --metric");
  add("--every-steps", arguments.every_steps, "Keep multiples of N steps");
  add("--every-hours", arguments.every_hours, "Keep one in each N hours");
  AddMetric(prune, arguments);
  prune.add_flag("--remove-damaged", arguments.remove_damaged,
                 "Remove also what is damaged or incomplete, and older than "
                 "one that is whole");
  prune.add_flag("-n,--dry-run", arguments.dry_run,
                 "Remove nothing; print what would be removed, and why");
  prune.footer(
      "The rules combine: what any of them keeps is kept. The latest, the "
      "highest step,\n"
      "pinned ones, and all that Hoist has not written are kept whatever the "
      "rules.");
}

}  // namespace

CLI::App* AddCheckpointsCommand(CLI::App& app,
                                CheckpointsArguments& arguments) {
  CLI::App* const command = app.add_subcommand(
      "checkpoints", "List and keep the checkpoints of a training");
  command->require_subcommand(1);
  AddVerb(*command, arguments, "list", "All checkpoints, by their steps");
  AddVerb(*command, arguments, "latest",
          "The path of the one to go on from; only whole ones count");
  AddMetric(
      *AddVerb(*command, arguments, "best", "The path of the best by --metric"),
      arguments);
  AddPrune(*command, arguments);
  AddVerb(*command, arguments, "pin", "Keep a step whatever the rules")
      ->add_option("step", arguments.step, "Its number")
      ->type_name("STEP")
      ->required();
  AddVerb(*command, arguments, "unpin", "Undo that")
      ->add_option("step", arguments.step, "Its number")
      ->type_name("STEP")
      ->required();
  AddVerb(*command, arguments, "verify", "Verify each, as hoist verify does")
      ->add_option("--level", arguments.level, "structure, checksum or values")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"structure", "checksum", "values"}))
      ->capture_default_str();
  command->footer(
      "Reads also the folders of Lightning, of transformers' Trainer and of\n"
      "torch.distributed.checkpoint; it never changes what they wrote.\n"
      "\n"
      "Exit status: 0 done; 1 verify has found damage; 2 could not, or there "
      "is none.\n"
      "\n"
      "Examples:\n"
      "  hoist checkpoints list run/\n"
      "  hoist load \"$(hoist checkpoints latest run/)\"\n"
      "  hoist checkpoints best run/ --metric val_loss\n"
      "  hoist checkpoints prune run/ --keep-last 3 --keep-best 1 --metric "
      "val_loss -n\n"
      "  hoist checkpoints pin run/ 1200");
  return command;
}

namespace {

// One run of the command.
class CheckpointsRun {
 public:
  CheckpointsRun(const CheckpointsArguments& arguments,
                 const CommandContext& context)
      : arguments_(arguments),
        context_(context),
        file_system_(NewPosixFileSystem()),
        store_(*file_system_, ResolvePath(context, arguments.folder), {}) {}

  absl::StatusOr<CheckpointsOutcome> Run();

 private:
  absl::Status List();
  absl::Status PrintStep(const StoreListing& listing, int index,
                         const std::string& why_none);
  absl::Status Best();
  absl::Status Prune();
  absl::StatusOr<VerifyReport> VerifyStep(const StoredStep& step,
                                          ThreadPool* pool) const;
  absl::StatusOr<CheckpointsOutcome> Verify();
  void Print(const Json& json) { *context_.out << JsonText(json); }

  const CheckpointsArguments& arguments_;
  const CommandContext& context_;
  const std::unique_ptr<FileSystem> file_system_;
  CheckpointStore store_;
};

absl::Status CheckpointsRun::List() {
  HOIST_ASSIGN_OR_RETURN(const StoreListing listing, store_.List());
  if (arguments_.json) {
    Print(CheckpointsJson(listing, store_.folder()));
  } else {
    *context_.out << CheckpointsView(listing, context_.out_terminal);
  }
  return absl::OkStatus();
}

absl::Status CheckpointsRun::PrintStep(const StoreListing& listing, int index,
                                       const std::string& why_none) {
  // Beside the path, which programs read.
  for (const std::string& warning : listing.warnings) {
    *context_.err << "hoist: warning: " << DisplayText(warning) << "\n";
  }
  if (index < 0) {
    return absl::NotFoundError(absl::StrCat(store_.folder(), ": ", why_none));
  }
  const StoredStep& step = listing.steps[index];
  if (arguments_.json) {
    Json json = StepJson(step, store_.folder());
    json["schema"] = "hoist.checkpoint/1";
    Print(json);
  } else {
    *context_.out << store_.folder() << "/" << step.name << "\n";
  }
  return absl::OkStatus();
}

absl::Status CheckpointsRun::Best() {
  if (arguments_.metric.empty()) {
    return WithHint(absl::InvalidArgumentError("Best by which metric?"),
                    "Name one: --metric val_loss");
  }
  HOIST_ASSIGN_OR_RETURN(const StoreListing listing, store_.List());
  const std::vector<int> best =
      ByMetric(listing.steps, arguments_.metric, arguments_.higher_is_better);
  return PrintStep(
      listing, best.empty() ? -1 : best[0],
      absl::StrCat("No valid checkpoint has a metric ", arguments_.metric));
}

// Of an option; 0 is one that was not given.
std::optional<int64_t> Rule(int64_t number) {
  return number == 0 ? std::nullopt : std::optional<int64_t>(number);
}

absl::Status CheckpointsRun::Prune() {
  constexpr double kHourNs = 3600e9;
  RetentionPolicy policy = {.keep_last = Rule(arguments_.keep_last),
                            .keep_best = Rule(arguments_.keep_best),
                            .metric = arguments_.metric,
                            .higher_is_better = arguments_.higher_is_better,
                            .every_steps = Rule(arguments_.every_steps),
                            .remove_damaged = arguments_.remove_damaged};
  if (arguments_.every_hours > 0) {
    constexpr double kMaxHours = 1e6;
    if (arguments_.every_hours > kMaxHours) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--every-hours: ", arguments_.every_hours, " is too long"));
    }
    policy.every_time_ns = std::llround(arguments_.every_hours * kHourNs);
  }
  HOIST_ASSIGN_OR_RETURN(const PruneReport report,
                         store_.Prune(policy, arguments_.dry_run));
  if (arguments_.json) {
    Print(PruneJson(report, arguments_.dry_run, store_.folder()));
  } else {
    *context_.out << PruneView(report, arguments_.dry_run,
                               context_.out_terminal);
  }
  return absl::OkStatus();
}

absl::StatusOr<VerifyReport> CheckpointsRun::VerifyStep(
    const StoredStep& step, ThreadPool* pool) const {
  const std::string path = absl::StrCat(store_.folder(), "/", step.name);
  const VerifyLevel level = *VerifyLevelFromName(arguments_.level);
  VerifyReport unread = {.path = path, .level = level};
  if (step.state == StoredStep::State::kIncomplete) {
    unread.damages = {
        {.path = path, .problem = absl::StrCat("incomplete: ", step.reason)}};
    return unread;
  }
  absl::StatusOr<VerifyReport> report = VerifyPath(
      path, {.level = level, .pool = pool, .cancel = context_.cancel});
  if (report.ok() || absl::IsCancelled(report.status())) {
    return report;
  }
  unread.not_possible = {{level, std::string(report.status().message())}};
  return unread;
}

absl::StatusOr<CheckpointsOutcome> CheckpointsRun::Verify() {
  std::optional<InterruptHandler> interrupt;
  if (context_.cancel != nullptr) {
    interrupt.emplace(*context_.cancel);
  }
  HOIST_ASSIGN_OR_RETURN(const StoreListing listing, store_.List());
  const WorkerThreads threads(DefaultThreadCount());
  bool is_damaged = false;
  bool is_incomplete = false;
  Json reports = Json::array();
  for (const StoredStep& step : listing.steps) {
    HOIST_ASSIGN_OR_RETURN(const VerifyReport report,
                           VerifyStep(step, threads.pool()));
    // What a format does not record is no fault; that it is unknown is one.
    const bool is_strict = report.format.empty();
    const VerifyVerdict verdict = VerdictOf(report, is_strict);
    is_damaged |= verdict == VerifyVerdict::kDamaged;
    is_incomplete |= verdict == VerifyVerdict::kIncomplete;
    if (arguments_.json) {
      reports.push_back(VerifyJson(report, is_strict));
    } else {
      *context_.out << VerifyView(report, is_strict, context_.out_terminal);
    }
  }
  if (arguments_.json) {
    Json json;
    json["schema"] = "hoist.verify_checkpoints/1";
    json["folder"] = store_.folder();
    json["checkpoints"] = std::move(reports);
    Print(json);
  }
  return is_damaged      ? CheckpointsOutcome::kDamaged
         : is_incomplete ? CheckpointsOutcome::kIncomplete
                         : CheckpointsOutcome::kDone;
}

absl::StatusOr<CheckpointsOutcome> CheckpointsRun::Run() {
  if (arguments_.verb == "verify") {
    return Verify();
  }
  absl::Status status;
  if (arguments_.verb == "list") {
    status = List();
  } else if (arguments_.verb == "latest") {
    HOIST_ASSIGN_OR_RETURN(const StoreListing listing, store_.List());
    status = PrintStep(listing, listing.latest.index,
                       "There is no valid checkpoint");
  } else if (arguments_.verb == "best") {
    status = Best();
  } else if (arguments_.verb == "prune") {
    status = Prune();
  } else {
    status = store_.SetPinned(arguments_.step, arguments_.verb == "pin");
  }
  HOIST_RETURN_IF_ERROR(status);
  return CheckpointsOutcome::kDone;
}

}  // namespace

absl::StatusOr<CheckpointsOutcome> RunCheckpoints(
    const CheckpointsArguments& arguments, const CommandContext& context) {
  return CheckpointsRun(arguments, context).Run();
}

}  // namespace hoist
