#include "hoist/tools/commands/verify_command.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/read_ceiling.h"
#include "hoist/checkpoint/verify/check_manifest.h"
#include "hoist/checkpoint/verify/manifest.h"
#include "hoist/checkpoint/verify/verify_checkpoint.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/interrupt.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/progress_bar.h"
#include "hoist/tools/ui/verify_json.h"
#include "hoist/tools/ui/verify_view.h"

namespace hoist {

CLI::App* AddVerifyCommand(CLI::App& app, VerifyArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "Check that a checkpoint is what was written, and name what "
      "is not");
  command->add_option("path", arguments.path, "The checkpoint")
      ->type_name("PATH")
      ->required();
  command
      ->add_option("--level", arguments.level,
                   "structure (reads no tensors), checksum (every byte, "
                   "against what the file records), values (the numbers, too: "
                   "NaN, infinite, zero); auto is checksum as far as there are "
                   "some")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"auto", "structure", "checksum", "values"}))
      ->capture_default_str();
  command
      ->add_option("--manifest", arguments.manifest,
                   "Check whole files against the SHA-256 digests in FILE, as "
                   "sha256sum writes them")
      ->type_name("FILE");
  command
      ->add_option("--write-manifest", arguments.write_manifest,
                   "Write such digests to FILE, if nothing is damaged")
      ->type_name("FILE");
  command->add_flag("--force", arguments.force,
                    "Replace the file of --write-manifest");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.verify/1)");
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
      ->add_option("--io", arguments.io,
                   "How to read: auto (what is fastest for where the file is "
                   "now), pread, or direct (past the page cache)")
      ->type_name("METHOD")
      ->check(CLI::IsMember({"auto", "pread", "direct"}))
      ->capture_default_str();
  command->add_flag("--ceiling", arguments.ceiling,
                    "Read the same bytes once more and look at none of them: "
                    "what this machine could have reached");
  command->footer(
      "Exit status: 0 nothing is wrong; 1 something is damaged, or numbers are "
      "NaN or\n"
      "infinite; 2 could not check, also where a level was asked for that is "
      "not possible:\n"
      "not all formats record checksums. A manifest takes their place.\n"
      "\n"
      "Examples:\n"
      "  hoist verify model.pt\n"
      "  hoist verify model.pt --level=values    are there NaNs\n"
      "  hoist verify model.safetensors --write-manifest SHA256SUMS\n"
      "  hoist verify model.safetensors --manifest SHA256SUMS\n"
      "  sha256sum -c SHA256SUMS                 the same by other means\n"
      "  hoist verify --json model.pt | jq '.damages[].tensors'");
  return command;
}

namespace {

using OnProgress = std::function<void(uint64_t, uint64_t)>;

// No manifest is larger.
constexpr uint64_t kMaxManifestBytes = uint64_t{64} << 20;

absl::StatusOr<std::vector<ManifestEntry>> ReadManifest(
    const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const std::string text,
                         ReadTextFile(path, kMaxManifestBytes));
  absl::StatusOr<std::vector<ManifestEntry>> entries = ParseManifest(text);
  return entries.ok() ? std::move(entries) : Annotate(entries.status(), path);
}

// One run of the command.
class VerifyRun {
 public:
  VerifyRun(const VerifyArguments& arguments, const CommandContext& context)
      : arguments_(arguments),
        context_(context),
        threads_(arguments.threads > 0 ? arguments.threads
                                       : DefaultThreadCount()) {}

  absl::StatusOr<VerifyVerdict> Run();

 private:
  bool is_strict() const { return arguments_.level != "auto"; }
  absl::StatusOr<VerifyReport> Verify(const std::string& path,
                                      const OnProgress& on_progress) const;
  absl::Status AddCeiling(const std::string& path, VerifyReport& report) const;

  const VerifyArguments& arguments_;
  const CommandContext& context_;
  const WorkerThreads threads_;
};

absl::StatusOr<VerifyReport> VerifyRun::Verify(
    const std::string& path, const OnProgress& on_progress) const {
  HOIST_ASSIGN_OR_RETURN(
      VerifyReport report,
      VerifyPath(path, {.level = VerifyLevelFromName(arguments_.level)
                                     .value_or(VerifyLevel::kChecksum),
                        .pool = threads_.pool(),
                        .read_method = ReadMethodFromName(arguments_.io),
                        .cancel = context_.cancel,
                        .on_progress = on_progress}));
  const DigestOptions digest_options = {.pool = threads_.pool(),
                                        .cancel = context_.cancel,
                                        .on_progress = on_progress};
  if (!arguments_.manifest.empty()) {
    const std::string manifest = ResolvePath(context_, arguments_.manifest);
    HOIST_ASSIGN_OR_RETURN(const std::vector<ManifestEntry> entries,
                           ReadManifest(manifest));
    HOIST_RETURN_IF_ERROR(
        CheckManifest(path, manifest, entries, digest_options, report));
  }
  if (!arguments_.write_manifest.empty() && report.damages.empty()) {
    const std::string manifest =
        ResolvePath(context_, arguments_.write_manifest);
    HOIST_ASSIGN_OR_RETURN(const std::vector<ManifestEntry> entries,
                           MakeManifest(path, manifest, digest_options));
    const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
    HOIST_RETURN_IF_ERROR(WriteTextFile(
        *file_system, manifest, ManifestText(entries), arguments_.force));
  }
  return report;
}

absl::Status VerifyRun::AddCeiling(const std::string& path,
                                   VerifyReport& report) const {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  HOIST_ASSIGN_OR_RETURN(
      report.ceiling_bytes_per_second,
      ReadCeiling(checkpoint.catalog(), checkpoint.files(),
                  {.pool = threads_.pool(),
                   .read_method = ReadMethodFromName(arguments_.io),
                   .cancel = context_.cancel}));
  return absl::OkStatus();
}

absl::StatusOr<VerifyVerdict> VerifyRun::Run() {
  const std::string path = ResolvePath(context_, arguments_.path);
  std::optional<InterruptHandler> interrupt;
  if (context_.cancel != nullptr) {
    interrupt.emplace(*context_.cancel);
  }
  absl::StatusOr<VerifyReport> report;
  if (arguments_.quiet) {
    report = Verify(path, {});
  } else {
    // Its end clears it, before anything else is printed.
    ProgressBar bar(context_.err_terminal, *context_.err, context_.now_ns);
    report = Verify(path, [&bar](uint64_t done_bytes, uint64_t all_bytes) {
      bar.Update(done_bytes, all_bytes);
    });
  }
  HOIST_RETURN_IF_ERROR(report.status());
  if (arguments_.ceiling) {
    HOIST_RETURN_IF_ERROR(AddCeiling(path, *report));
  }
  *context_.out << (arguments_.json ? JsonText(VerifyJson(*report, is_strict()))
                                    : VerifyView(*report, is_strict(),
                                                 context_.out_terminal));
  return VerdictOf(*report, is_strict());
}

}  // namespace

absl::StatusOr<VerifyVerdict> RunVerify(const VerifyArguments& arguments,
                                        const CommandContext& context) {
  return VerifyRun(arguments, context).Run();
}

}  // namespace hoist
