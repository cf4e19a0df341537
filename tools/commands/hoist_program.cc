#include "hoist/tools/commands/hoist_program.h"

#include <algorithm>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/tools/commands/checkpoints_command.h"
#include "hoist/tools/commands/compat_command.h"
#include "hoist/tools/commands/convert_command.h"
#include "hoist/tools/commands/diff_command.h"
#include "hoist/tools/commands/huge_page_heap.h"
#include "hoist/tools/commands/index_command.h"
#include "hoist/tools/commands/inspect_command.h"
#include "hoist/tools/commands/load_command.h"
#include "hoist/tools/commands/migrate_command.h"
#include "hoist/tools/commands/plan_command.h"
#include "hoist/tools/commands/process_context.h"
#include "hoist/tools/commands/scan_command.h"
#include "hoist/tools/commands/verify_command.h"
#include "hoist/tools/ui/error_print.h"

namespace hoist {
namespace {

constexpr char kVersion[] = "hoist 0.1.0";

// Says what went wrong; returns the exit status.
int Report(const absl::Status& status, const CommandContext& context) {
  *context.err << ErrorText(status, context.err_terminal.has_color);
  if (!absl::IsCancelled(status)) {
    return kExitError;
  }
  const int signal_number =
      context.cancel == nullptr ? 0 : context.cancel->reason();
  return signal_number == 0 ? kExitCancelled : 128 + signal_number;
}

// What a verb exits with that ran to its end.
int StatusOf(ScanVerdict verdict) {
  switch (verdict) {
    case ScanVerdict::kClean:
      return kExitDone;
    case ScanVerdict::kDangerous:
      return kExitFound;
    case ScanVerdict::kIncomplete:
      break;
  }
  return kExitError;
}

int StatusOf(VerifyVerdict verdict) {
  switch (verdict) {
    case VerifyVerdict::kGood:
      return kExitDone;
    case VerifyVerdict::kDamaged:
      return kExitFound;
    case VerifyVerdict::kIncomplete:
      break;
  }
  return kExitError;
}

int StatusOf(CompatVerdict verdict) {
  switch (verdict) {
    case CompatVerdict::kFits:
      return kExitDone;
    case CompatVerdict::kDoesNotFit:
      return kExitFound;
    case CompatVerdict::kUnknown:
      break;
  }
  return kExitError;
}

int StatusOf(CheckpointsOutcome outcome) {
  switch (outcome) {
    case CheckpointsOutcome::kDone:
      return kExitDone;
    case CheckpointsOutcome::kDamaged:
      return kExitFound;
    case CheckpointsOutcome::kIncomplete:
      break;
  }
  return kExitError;
}

int StatusOf(DiffOutcome outcome) {
  return outcome == DiffOutcome::kSame ? kExitDone : kExitFound;
}

int StatusOf(LoadOutcome outcome) {
  return outcome == LoadOutcome::kDone ? kExitDone : kExitFound;
}

// A word of the command line, such as load: its options and what it does.
class Verb {
 public:
  virtual ~Verb() = default;
  virtual CLI::App& app() const = 0;
  // What it was parsed for; returns the exit status.
  virtual absl::StatusOr<int> Run(const CommandContext& context) const = 0;
};

// One whose function returns `Outcome`: absl::Status, or absl::StatusOr of what
// there is a StatusOf().
template <typename Arguments, typename Outcome>
class VerbOf final : public Verb {
 public:
  using AddFunction = CLI::App* (*)(CLI::App&, Arguments&);
  using RunFunction = Outcome (*)(const Arguments&, const CommandContext&);

  VerbOf(CLI::App& program, AddFunction add, RunFunction run)
      : app_(add(program, arguments_)), run_(run) {}

  CLI::App& app() const override { return *app_; }
  absl::StatusOr<int> Run(const CommandContext& context) const override {
    const Outcome outcome = run_(arguments_, context);
    if constexpr (std::is_same_v<Outcome, absl::Status>) {
      HOIST_RETURN_IF_ERROR(outcome);
      return kExitDone;
    } else {
      HOIST_RETURN_IF_ERROR(outcome.status());
      return StatusOf(*outcome);
    }
  }

 private:
  Arguments arguments_;
  CLI::App* app_;
  RunFunction run_;
};

// The command line of hoist, and what the user wrote on it.
class Program {
 public:
  Program();

  int Run(std::vector<std::string> arguments, const CommandContext& context);

 private:
  template <typename Arguments, typename Outcome>
  void Add(CLI::App* (*add)(CLI::App&, Arguments&),
           Outcome (*run)(const Arguments&, const CommandContext&)) {
    verbs_.push_back(
        std::make_unique<VerbOf<Arguments, Outcome>>(app_, add, run));
    // So that `load --version` works where `load` is a program of its own. A
    // verb that has verbs of its own takes only those.
    if (CLI::App& app = verbs_.back()->app();
        app.get_require_subcommand_min() == 0) {
      app.fallthrough();
    }
  }
  // kInvalidArgument if `word` stands where a verb has to, and is none.
  absl::Status CheckVerb(const std::string& word) const;
  // An error in the command line, or a question that it answers itself.
  int Answer(const CLI::ParseError& error, const CommandContext& context);
  absl::StatusOr<int> RunVerb(const CommandContext& context) const;

  CLI::App app_{
      "Loads PyTorch checkpoints: fast, checked, and without running "
      "anything that is in them",
      "hoist"};
  std::vector<std::unique_ptr<Verb>> verbs_;
};

Program::Program() {
  app_.set_version_flag("--version", kVersion, "Print the version");
  app_.require_subcommand(1);
  Add(AddCheckpointsCommand, RunCheckpoints);
  Add(AddCompatCommand, RunCompat);
  Add(AddConvertCommand, RunConvert);
  Add(AddDiffCommand, RunDiff);
  Add(AddIndexCommand, RunIndexRebuild);
  Add(AddInspectCommand, RunInspect);
  Add(AddLoadCommand, RunLoad);
  Add(AddMigrateCommand, RunMigrate);
  Add(AddPlanCommand, RunPlan);
  Add(AddScanCommand, RunScan);
  Add(AddVerifyCommand, RunVerify);
  app_.footer(
      "Examples:\n"
      "  hoist inspect model.pt                  what is in it\n"
      "  hoist load model.pt --device=cuda:0     load it, and see how fast\n"
      "  hoist plan model/ --world-size=8 --shard-spec=llama\n"
      "  hoist scan downloads/                   is anything dangerous in it\n"
      "  hoist convert model.pt model.safetensors\n"
      "  hoist migrate old.pt new.pt             bring it up to date\n"
      "  hoist verify model.pt                   is it what was written\n"
      "  hoist diff old.pt new.safetensors       what is not the same\n"
      "  hoist compat model.pt --against new.pt  will it load into that\n"
      "  hoist checkpoints list run/             those of a training\n"
      "  hoist VERB --help                       more on a verb");
}

int Program::Answer(const CLI::ParseError& error,
                    const CommandContext& context) {
  if (error.get_exit_code() == 0) {
    return app_.exit(error, *context.out, *context.err) == 0 ? kExitDone
                                                             : kExitError;
  }
  const auto verbs = app_.get_subcommands();
  const std::string verb = verbs.empty() ? "" : " " + verbs[0]->get_name();
  return Report(WithHint(absl::InvalidArgumentError(error.what()),
                         "For what can be written: hoist" + verb + " --help"),
                context);
}

absl::StatusOr<int> Program::RunVerb(const CommandContext& context) const {
  for (const std::unique_ptr<Verb>& verb : verbs_) {
    if (verb->app().parsed()) {
      return verb->Run(context);
    }
  }
  return absl::InternalError("A command line without a verb");
}

absl::Status Program::CheckVerb(const std::string& word) const {
  if (word.empty() || word[0] == '-') {
    return absl::OkStatus();
  }
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app_.get_subcommands({})) {
    if (verb->get_name() == word) {
      return absl::OkStatus();
    }
    verbs.push_back(verb->get_name());
  }
  return WithHint(
      absl::InvalidArgumentError(absl::StrCat("There is no verb ", word)),
      absl::StrCat("Verbs are ", absl::StrJoin(verbs, ", "),
                   "; for more: hoist --help"));
}

int Program::Run(std::vector<std::string> arguments,
                 const CommandContext& context) {
  if (arguments.empty()) {
    *context.err << app_.help();
    return kExitError;
  }
  if (const absl::Status status = CheckVerb(arguments[0]); !status.ok()) {
    return Report(status, context);
  }
  // CLI11 takes them last first.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return Answer(error, context);
  }
  const absl::StatusOr<int> status = RunVerb(context);
  return status.ok() ? *status : Report(status.status(), context);
}

}  // namespace

int RunHoist(const std::vector<std::string>& arguments,
             const CommandContext& context) {
  int status = kExitError;
  try {
    status = Program().Run(arguments, context);
  } catch (const std::bad_alloc&) {
    return Report(absl::ResourceExhaustedError("Out of memory"), context);
  }
  context.out->flush();
  if ((status == kExitDone || status == kExitFound) && !context.out->good()) {
    return Report(absl::ResourceExhaustedError("Cannot write the result"),
                  context);
  }
  return status;
}

int VerbMain(const std::string& verb, int argc, char** argv) {
  std::vector<std::string> arguments = {verb};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  return ProcessMain(arguments, argv[0]);
}

int ProcessMain(const std::vector<std::string>& arguments,
                const std::string& argv0) {
  // A catalog of 20,000 tensors takes 50 MB.
  constexpr size_t kHeapBytes = size_t{64} << 20;
  UseHugePagesForHeap(kHeapBytes);
  CancelToken cancel;
  CommandContext context = ProcessContext(argv0);
  context.cancel = &cancel;
  return RunHoist(arguments, context);
}

}  // namespace hoist
