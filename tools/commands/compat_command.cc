#include "hoist/tools/commands/compat_command.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <latch>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/compat/compat_report.h"
#include "hoist/checkpoint/compat/compat_rule.h"
#include "hoist/checkpoint/compat/compat_side.h"
#include "hoist/checkpoint/compat/torch_use.h"
#include "hoist/checkpoint/migrate/producer_migrations.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/run_both.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/compat_json.h"

namespace hoist {
namespace {

// The text of a manifest; empty for what is none.
absl::StatusOr<std::string> ReadManifest(const std::string& path) {
  constexpr uint64_t kHeadBytes = 4096;
  constexpr uint64_t kMaxBytes = uint64_t{256} << 20;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return std::string();
  }
  HOIST_ASSIGN_OR_RETURN(const std::shared_ptr<const RandomAccessFile> file,
                         OpenFile(path));
  const auto read = [&](uint64_t size) -> absl::StatusOr<std::string> {
    std::string text(size, '\0');
    HOIST_RETURN_IF_ERROR(file->ReadAt(
        0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
    return text;
  };
  HOIST_ASSIGN_OR_RETURN(
      const std::string head,
      read(std::min<uint64_t>(kHeadBytes, file->size_bytes())));
  const size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || head[first] != '{' ||
      !IsModelManifest(head)) {
    return std::string();
  }
  return ReadTextFile(path, kMaxBytes);
}

absl::StatusOr<CompatSide> OpenTarget(const std::string& path,
                                      ThreadPool* pool) {
  HOIST_ASSIGN_OR_RETURN(const std::string manifest, ReadManifest(path));
  if (!manifest.empty()) {
    auto side = ParseModelManifest(manifest);
    return side.ok() ? std::move(side)
                     : Annotate(side.status(), absl::StrCat("file ", path));
  }
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(path, {.pool = pool}));
  return SideOf(checkpoint.catalog());
}

// Those of `devices` that this machine has not.
std::vector<std::string> AbsentDevices(const std::vector<std::string>& devices,
                                       const CommandContext& context) {
  std::vector<std::string> absent;
  if (devices.empty()) {
    return absent;
  }
  const int count = context.count_devices().value_or(0);
  for (const std::string& device : devices) {
    absl::string_view number = device;
    int index = 0;
    const bool is_there = absl::ConsumePrefix(&number, "cuda:") &&
                          absl::SimpleAtoi(number, &index) && index < count;
    if (!is_there) {
      absent.push_back(device);
    }
  }
  return absent;
}

absl::Status WriteRules(const CompatArguments& arguments,
                        const CommandContext& context,
                        const CompatReport& report) {
  if (report.search.rules.empty()) {
    *context.err << (report.fits()
                         ? "It fits: there are no rules to be written\n"
                         : "No rules were found: none are written\n");
    return absl::OkStatus();
  }
  const std::string text =
      MigrationText(std::filesystem::path(arguments.path).stem().string(),
                    report.search.rules);
  const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
  return WriteTextFile(*file_system, ResolvePath(context, arguments.suggest),
                       text, arguments.force);
}

}  // namespace

CLI::App* AddCompatCommand(CLI::App& app, CompatArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "compat",
      "Say whether a checkpoint fits a model or a release of PyTorch, and what "
      "would make it fit");
  command->add_option("path", arguments.path, "The checkpoint")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("--against", arguments.against,
                   "What it is to be loaded into: another checkpoint, or a "
                   "manifest (hoist inspect --manifest)")
      ->type_name("TARGET");
  command
      ->add_option("--torch", arguments.torch,
                   "A release of PyTorch that is to read it")
      ->type_name("RELEASE");
  command
      ->add_option("--suggest", arguments.suggest,
                   "Write the rules that make it fit to this file (JSON, a "
                   "migration file, for hoist migrate --rules); they are never "
                   "applied by themselves")
      ->type_name("FILE");
  command->add_flag("--force", arguments.force,
                    "Replace the file of --suggest if there is one");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.compat/1)");
  command->footer(
      "Names, shapes and dtypes are compared as a strict load_state_dict() "
      "does, without\nreading tensors. Rules are found from names, shapes and "
      "order; what could be meant\nin several ways is said, and not guessed "
      "at.\n\n"
      "Exit status: 0 fits; 1 does not; 2 it could not be told.\n\n"
      "Examples:\n"
      "  hoist compat model.pt --against trained.safetensors\n"
      "  hoist compat model.pt --against model.json --suggest rules.json\n"
      "  hoist compat model.pt --torch=1.13\n"
      "  hoist compat --json model.pt --against new.pt | jq .findings");
  return command;
}

absl::StatusOr<CompatVerdict> RunCompat(const CompatArguments& arguments,
                                        const CommandContext& context) {
  if (arguments.against.empty() && arguments.torch.empty()) {
    return WithHint(
        absl::InvalidArgumentError("There is nothing to hold it against"),
        "Give a checkpoint or a manifest (--against), or a release of PyTorch "
        "(--torch=2.4)");
  }
  if (!arguments.suggest.empty() && arguments.against.empty()) {
    return WithHint(absl::InvalidArgumentError("--suggest needs --against"),
                    "Rules are those that make it fit a target");
  }
  CompatAnswer answer;
  answer.path = ResolvePath(context, arguments.path);
  if (!arguments.torch.empty()) {
    HOIST_ASSIGN_OR_RETURN(answer.release, ParseTorchRelease(arguments.torch));
  }
  const bool has_target = !arguments.against.empty();
  if (has_target) {
    answer.target = ResolvePath(context, arguments.against);
  }
  const WorkerThreads threads(DefaultThreadCount());
  ThreadPool* const pool = threads.pool();
  absl::StatusOr<Checkpoint> file;
  std::latch has_opened(1);
  absl::StatusOr<std::vector<ProducerFinding>> steps;
  absl::StatusOr<TorchUse> use;
  absl::StatusOr<CompatSide> target = CompatSide();
  // The first never waits for the second, which may come after it.
  RunBoth(
      pool,
      [&] {
        file = Checkpoint::Open(answer.path, {.pool = pool});
        has_opened.count_down();
        if (file.ok()) {
          steps = FindProducerSteps(file->catalog());
          use = TorchUseOf(*file);
        }
      },
      [&] {
        if (has_target) {
          target = OpenTarget(answer.target, pool);
        }
        has_opened.wait();
        if (!file.ok() || !target.ok()) {
          return;
        }
        const CompatSide side = SideOf(file->catalog());
        answer.absent_devices = AbsentDevices(side.devices, context);
        if (has_target) {
          answer.report = CompareSides(side, *target);
        }
      });
  HOIST_RETURN_IF_ERROR(file.status());
  HOIST_RETURN_IF_ERROR(target.status());
  HOIST_ASSIGN_OR_RETURN(answer.producer_steps, std::move(steps));
  HOIST_RETURN_IF_ERROR(use.status());
  answer.releases = FindTorchReleases(*use);
  if (!arguments.suggest.empty()) {
    HOIST_RETURN_IF_ERROR(WriteRules(arguments, context, *answer.report));
  }
  if (arguments.json) {
    *context.out << JsonText(CompatJson(answer));
  } else {
    *context.out << CompatView(answer, context.out_terminal);
  }
  return VerdictOf(answer);
}

}  // namespace hoist
