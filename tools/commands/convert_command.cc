#include "hoist/tools/commands/convert_command.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/convert/convert_checkpoint.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/tools/commands/interrupt.h"
#include "hoist/tools/commands/output_format.h"
#include "hoist/tools/commands/parse_bytes.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/progress_bar.h"
#include "hoist/tools/ui/write_view.h"

namespace hoist {

CLI::App* AddConvertCommand(CLI::App& app, ConvertArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "convert", "Write a checkpoint in another format, and verify it");
  command->add_option("in", arguments.in, "The checkpoint")
      ->type_name("IN")
      ->required();
  command->add_option("out", arguments.out, "Where the new one is to be")
      ->type_name("OUT")
      ->required();
  AddFormatOption(*command, arguments.to);
  command
      ->add_option("--dtype", arguments.dtype,
                   "Make floating-point tensors of 16 bits or more float16, "
                   "bfloat16, float32 or float64; as in the file, unless given")
      ->type_name("DTYPE");
  const auto add_list = [command](const char* option,
                                  std::vector<std::string>& list,
                                  const char* type, const char* text) {
    command->add_option(option, list, text)
        ->type_name(type)
        ->allow_extra_args(false);
  };
  add_list("--include", arguments.include, "PATTERN",
           "Only these layers or tensors; with * ? [a-z] as in a shell. May be "
           "repeated");
  add_list("--exclude", arguments.exclude, "PATTERN",
           "Not these layers or tensors. May be repeated");
  add_list("--rename", arguments.rename, "RULE",
           "GLOB=NAME, where * in NAME is what * in GLOB was, or "
           "s/REGEX/NAME/. May be repeated: one after the other");
  command
      ->add_option("--max-shard-size", arguments.max_shard_size,
                   "A directory of files of that many bytes of tensors at most "
                   "(5GB, 512MiB), if there are more")
      ->type_name("SIZE");
  command->add_flag("--compress", arguments.compress,
                    "Of native: compress what gets smaller by it");
  command
      ->add_option("--format-version", arguments.format_version,
                   "Of native: 1, which older readers know and which cannot "
                   "compress, or 2")
      ->type_name("N")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  command->add_flag("--force", arguments.force, "Replace what is at OUT");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.convert/1)");
  command->add_flag("-q,--quiet", arguments.quiet,
                    "Show no progress: nothing on stderr but errors");
  constexpr int kMaxThreads = 1024;
  command
      ->add_option("--threads", arguments.threads,
                   "Threads to work with; one for each CPU, up to 16, and at "
                   "least 4, unless given")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
  command->footer(
      "OUT appears when all of it is written, on the disk, and has been read\n"
      "again and compared; until then, and if anything fails, what was there\n"
      "stays. Memory is bounded, whatever the size.\n"
      "\n"
      "Exit status: 0 done; 2 could not; 130 interrupted (Ctrl-C; 143 by\n"
      "SIGTERM), with nothing left behind.\n"
      "\n"
      "Examples:\n"
      "  hoist convert model.pt model.safetensors\n"
      "  hoist convert model.pt small.safetensors --dtype=bfloat16\n"
      "  hoist convert model.safetensors model.pt\n"
      "  hoist convert model.pt model.hoist --compress\n"
      "  hoist convert big.pt big/ --to=safetensors --max-shard-size=5GB\n"
      "  hoist convert ema.pt model.pt --include='ema.*' --rename='ema.*=*'");
  return command;
}

namespace {

absl::StatusOr<OutputFormat> FormatOf(const ConvertArguments& arguments) {
  if (const auto format = OutputFormatOf(arguments.to, arguments.out)) {
    return *format;
  }
  return WithHint(absl::InvalidArgumentError(absl::StrCat(
                      arguments.out, ": Its name does not say the format")),
                  "Add --to=native, --to=torch or --to=safetensors");
}

absl::StatusOr<WriteOptions> OptionsOf(const ConvertArguments& arguments,
                                       const CommandContext& context) {
  WriteOptions options = {.overwrite = arguments.force,
                          .compress = arguments.compress,
                          .native_version = arguments.format_version,
                          .cancel = context.cancel};
  HOIST_ASSIGN_OR_RETURN(options.format, FormatOf(arguments));
  if (options.format != OutputFormat::kNative && arguments.compress) {
    return WithHint(
        absl::InvalidArgumentError("--compress: Only native is compressed"),
        "Write native, or leave it out");
  }
  if (!arguments.max_shard_size.empty()) {
    const absl::StatusOr<uint64_t> bytes = ParseBytes(arguments.max_shard_size);
    if (!bytes.ok() || *bytes == 0) {
      return Annotate(
          bytes.ok() ? absl::InvalidArgumentError("It is 0") : bytes.status(),
          "--max-shard-size");
    }
    options.max_shard_bytes = *bytes;
  }
  return options;
}

absl::StatusOr<ConvertSelection> SelectionOf(
    const ConvertArguments& arguments) {
  ConvertSelection selection = {.include = arguments.include,
                                .exclude = arguments.exclude};
  for (const std::string& text : arguments.rename) {
    auto rule = RenameRule::Parse(text);
    if (!rule.ok()) {
      return Annotate(rule.status(), "--rename");
    }
    selection.renames.push_back(*std::move(rule));
  }
  if (!arguments.dtype.empty()) {
    selection.dtype = DTypeFromName(arguments.dtype);
    if (!selection.dtype) {
      return absl::InvalidArgumentError(
          absl::StrCat("--dtype: There is no dtype ", arguments.dtype));
    }
  }
  return selection;
}

}  // namespace

absl::Status RunConvert(const ConvertArguments& arguments,
                        const CommandContext& context) {
  HOIST_ASSIGN_OR_RETURN(WriteOptions options, OptionsOf(arguments, context));
  HOIST_ASSIGN_OR_RETURN(const ConvertSelection selection,
                         SelectionOf(arguments));
  const WorkerThreads threads(
      arguments.threads > 0 ? arguments.threads : DefaultWriteThreadCount());
  options.pool = threads.pool();
  std::optional<InterruptHandler> interrupt;
  if (context.cancel != nullptr) {
    interrupt.emplace(*context.cancel);
  }
  const std::string in = ResolvePath(context, arguments.in);
  const std::string out = ResolvePath(context, arguments.out);
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(in, {.pool = options.pool}));
  HOIST_ASSIGN_OR_RETURN(const CheckpointParts parts,
                         SelectParts(checkpoint, selection));
  const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
  absl::StatusOr<WriteReport> report;
  if (arguments.quiet) {
    report = WriteVerified(parts, *file_system, out, options);
  } else {
    // Its end clears it, before anything else is printed.
    ProgressBar bar(context.err_terminal, *context.err, context.now_ns);
    options.on_progress = [&bar](uint64_t done_bytes, uint64_t all_bytes) {
      bar.Update(done_bytes, all_bytes);
    };
    report = WriteVerified(parts, *file_system, out, options);
  }
  if (absl::IsAlreadyExists(report.status())) {
    return WithHint(report.status(), "To replace it: --force");
  }
  HOIST_RETURN_IF_ERROR(report.status());
  // What the source says of itself comes first.
  report->warnings.insert(report->warnings.begin(),
                          parts.catalog.warnings.begin(),
                          parts.catalog.warnings.end());
  *context.out << (arguments.json
                       ? JsonText(WriteJson(*report, "hoist.convert/1", out))
                       : WriteView(*report, out, context.out_terminal));
  return absl::OkStatus();
}

}  // namespace hoist
