#include "hoist/tools/commands/hoist_program.h"

#include <algorithm>
#include <new>

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
#include "hoist/tools/commands/huge_page_heap.h"
#include "hoist/tools/commands/inspect_command.h"
#include "hoist/tools/commands/load_command.h"
#include "hoist/tools/commands/migrate_command.h"
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

// The command line of hoist, and what the user wrote on it.
class Program {
 public:
  Program();

  int Run(std::vector<std::string> arguments, const CommandContext& context);

 private:
  // kInvalidArgument if `word` stands where a verb has to, and is none.
  absl::Status CheckVerb(const std::string& word) const;
  // An error in the command line, or a question that it answers itself.
  int Answer(const CLI::ParseError& error, const CommandContext& context);
  absl::StatusOr<int> RunVerb(const CommandContext& context);

  CLI::App app_{
      "Loads PyTorch checkpoints: fast, checked, and without running "
      "anything that is in them",
      "hoist"};
  CheckpointsArguments checkpoints_arguments_;
  CompatArguments compat_arguments_;
  ConvertArguments convert_arguments_;
  InspectArguments inspect_arguments_;
  LoadArguments load_arguments_;
  MigrateArguments migrate_arguments_;
  ScanArguments scan_arguments_;
  VerifyArguments verify_arguments_;
  CLI::App* checkpoints_;
  CLI::App* compat_;
  CLI::App* convert_;
  CLI::App* inspect_;
  CLI::App* load_;
  CLI::App* migrate_;
  CLI::App* scan_;
  CLI::App* verify_;
};

Program::Program()
    : checkpoints_(AddCheckpointsCommand(app_, checkpoints_arguments_)),
      compat_(AddCompatCommand(app_, compat_arguments_)),
      convert_(AddConvertCommand(app_, convert_arguments_)),
      inspect_(AddInspectCommand(app_, inspect_arguments_)),
      load_(AddLoadCommand(app_, load_arguments_)),
      migrate_(AddMigrateCommand(app_, migrate_arguments_)),
      scan_(AddScanCommand(app_, scan_arguments_)),
      verify_(AddVerifyCommand(app_, verify_arguments_)) {
  app_.set_version_flag("--version", kVersion, "Print the version");
  app_.require_subcommand(1);
  // So that `load --version` works where `load` is a program of its own.
  compat_->fallthrough();
  convert_->fallthrough();
  inspect_->fallthrough();
  load_->fallthrough();
  migrate_->fallthrough();
  scan_->fallthrough();
  verify_->fallthrough();
  app_.footer(
      "Examples:\n"
      "  hoist inspect model.pt                  what is in it\n"
      "  hoist load model.pt --device=cuda:0     load it, and see how fast\n"
      "  hoist scan downloads/                   is anything dangerous in it\n"
      "  hoist convert model.pt model.safetensors\n"
      "  hoist migrate old.pt new.pt             bring it up to date\n"
      "  hoist verify model.pt                   is it what was written\n"
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

int StatusOf(LoadOutcome outcome) {
  return outcome == LoadOutcome::kDone ? kExitDone : kExitFound;
}

absl::StatusOr<int> Program::RunVerb(const CommandContext& context) {
  if (scan_->parsed()) {
    HOIST_ASSIGN_OR_RETURN(const ScanVerdict verdict,
                           RunScan(scan_arguments_, context));
    return StatusOf(verdict);
  }
  if (load_->parsed()) {
    HOIST_ASSIGN_OR_RETURN(const LoadOutcome outcome,
                           RunLoad(load_arguments_, context));
    return StatusOf(outcome);
  }
  if (checkpoints_->parsed()) {
    HOIST_ASSIGN_OR_RETURN(const CheckpointsOutcome outcome,
                           RunCheckpoints(checkpoints_arguments_, context));
    return StatusOf(outcome);
  }
  if (verify_->parsed()) {
    HOIST_ASSIGN_OR_RETURN(const VerifyVerdict verdict,
                           RunVerify(verify_arguments_, context));
    return StatusOf(verdict);
  }
  if (compat_->parsed()) {
    HOIST_ASSIGN_OR_RETURN(const CompatVerdict verdict,
                           RunCompat(compat_arguments_, context));
    return StatusOf(verdict);
  }
  if (convert_->parsed()) {
    HOIST_RETURN_IF_ERROR(RunConvert(convert_arguments_, context));
    return kExitDone;
  }
  if (migrate_->parsed()) {
    HOIST_RETURN_IF_ERROR(RunMigrate(migrate_arguments_, context));
    return kExitDone;
  }
  HOIST_RETURN_IF_ERROR(RunInspect(inspect_arguments_, context));
  return kExitDone;
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
