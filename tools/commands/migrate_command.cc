#include "hoist/tools/commands/migrate_command.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/convert/convert_checkpoint.h"
#include "hoist/checkpoint/migrate/apply_migration.h"
#include "hoist/checkpoint/migrate/model_migration.h"
#include "hoist/checkpoint/migrate/producer_migrations.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/interrupt.h"
#include "hoist/tools/commands/output_format.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/migrate_view.h"
#include "hoist/tools/ui/progress_bar.h"
#include "hoist/tools/ui/write_view.h"

namespace hoist {

CLI::App* AddMigrateCommand(CLI::App& app, MigrateArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "migrate", "Bring a checkpoint to another version, and verify it");
  command->add_option("in", arguments.in, "The checkpoint")->type_name("IN");
  command->add_option("out", arguments.out, "Where the new one is to be")
      ->type_name("OUT");
  command
      ->add_option("--rules", arguments.rules,
                   "A file of rules for a model (JSON; checkpoint/migrate/"
                   "MIGRATIONS.md). May be repeated: one after the other")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_flag("--reverse", arguments.reverse, "Undo the rules");
  command->add_flag("--producer", arguments.producer,
                    "What PyTorch has changed in the state dicts of its own "
                    "modules, as their versions say");
  command
      ->add_option("--step", arguments.steps,
                   "One of PyTorch's changes by its name, for all modules or "
                   "those that GLOB means. May be repeated")
      ->type_name("NAME[=GLOB]")
      ->allow_extra_args(false);
  AddFormatOption(*command, arguments.to);
  command
      ->add_option("--format-version", arguments.format_version,
                   "Of native: 1, which older readers know, or 2")
      ->type_name("N")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  command->add_flag("--compress", arguments.compress,
                    "Of native: compress what gets smaller by it");
  command->add_flag("--list", arguments.list,
                    "Say what can be done, and what the rules are");
  command->add_flag("--dry-run", arguments.dry_run,
                    "Say all that would change, and what it costs");
  command->add_flag("--in-place", arguments.in_place,
                    "Replace IN, once the new one is whole and verified");
  command->add_flag("--force", arguments.force, "Replace what is at OUT");
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.migrate/1)");
  command->add_flag("-q,--quiet", arguments.quiet,
                    "Show no progress: nothing on stderr but errors");
  constexpr int kMaxThreads = 1024;
  command
      ->add_option("--threads", arguments.threads,
                   "Threads to work with; one for each CPU, up to 16, unless "
                   "given")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
  command->footer(
      "Without --rules and --producer only the container changes: to today's\n"
      "version of its format, or to that of --to or OUT's name.\n"
      "\n"
      "Rules are held against the checkpoint before a byte of a tensor is "
      "read.\nWhat is new appears when all of it is written, on the disk, and "
      "has been\nread again and compared; IN stays, unless --in-place is "
      "given.\n"
      "\n"
      "Exit status: 0 done; 2 could not; 130 interrupted (Ctrl-C; 143 by\n"
      "SIGTERM), with nothing left behind.\n"
      "\n"
      "Examples:\n"
      "  hoist migrate --list\n"
      "  hoist migrate old.pt new.pt\n"
      "  hoist migrate old.pt --producer --dry-run\n"
      "  hoist migrate v1.safetensors v2.safetensors --rules=v1-to-v2.json\n"
      "  hoist migrate v2.safetensors v1.safetensors --rules=v1-to-v2.json "
      "--reverse\n"
      "  hoist migrate model.hoist --in-place --producer");
  return command;
}

namespace {

// As ParseModelMigration() reads.
constexpr uint64_t kMaxRulesBytes = uint64_t{1} << 20;

const ContainerMigration kContainers[] = {
    {"torch_tar (torch.save before 0.1.11)", "torch_zip"},
    {"torch_legacy (torch.save before 1.6)", "torch_zip"},
    {"pickle", "torch_zip"},
    {"torch_zip, of any age", "torch_zip, native, safetensors"},
    {"safetensors, one file or several", "safetensors, native, torch_zip"},
    {"native 1", "native 2"},
};

// The format of `format`'s family that a writer has.
absl::StatusOr<OutputFormat> SameFormat(const Catalog& catalog) {
  switch (catalog.format) {
    case Format::kHoist:
      return OutputFormat::kNative;
    case Format::kSafetensors:
    case Format::kSafetensorsIndex:
      return OutputFormat::kSafetensors;
    case Format::kTorchScript:
    case Format::kTorchPt2:
      return WithHint(
          absl::InvalidArgumentError(
              "It is a program, and its tensors alone would be kept"),
          "To have these: --to=torch, --to=native or --to=safetensors");
    default:
      return OutputFormat::kTorchZip;
  }
}

// Whether a writer would make the same container of it.
bool IsModern(const Catalog& catalog, OutputFormat format,
              const MigrateArguments& arguments) {
  switch (format) {
    case OutputFormat::kNative:
      return catalog.format == Format::kHoist && !arguments.compress &&
             catalog.format_version == absl::StrCat(arguments.format_version);
    case OutputFormat::kTorchZip:
      return catalog.format == Format::kTorchZip;
    case OutputFormat::kSafetensors:
      break;
  }
  return catalog.format == Format::kSafetensors ||
         catalog.format == Format::kSafetensorsIndex;
}

class MigrateRun {
 public:
  MigrateRun(const MigrateArguments& arguments, const CommandContext& context)
      : arguments_(arguments),
        context_(context),
        threads_(arguments.threads > 0 ? arguments.threads
                                       : DefaultThreadCount()) {}

  absl::Status Run();

 private:
  absl::Status CheckArguments() const;
  absl::Status ReadMigrations();
  void List() const;
  bool HasProducer() const {
    return arguments_.producer || !arguments_.steps.empty();
  }
  absl::StatusOr<CheckpointParts> Migrate(const Checkpoint& checkpoint);
  absl::StatusOr<OutputFormat> FormatFor(const Catalog& catalog) const;
  absl::StatusOr<WriteReport> Write(const CheckpointParts& parts,
                                    OutputFormat format);
  void ShowPlan() const;
  void ShowWritten(WriteReport written) const;

  const MigrateArguments& arguments_;
  const CommandContext& context_;
  const WorkerThreads threads_;
  std::vector<ModelMigration> migrations_;  // in the order they are applied
  MigrationReport report_;
  std::string out_;
};

absl::Status MigrateRun::CheckArguments() const {
  if (arguments_.list) {
    return absl::OkStatus();
  }
  if (arguments_.in.empty()) {
    return WithHint(absl::InvalidArgumentError("Which checkpoint is missing"),
                    "hoist migrate IN OUT; what there is: hoist migrate "
                    "--list");
  }
  if (arguments_.in_place && !arguments_.out.empty()) {
    return absl::InvalidArgumentError(
        "--in-place replaces IN: there is no OUT then");
  }
  if (arguments_.out.empty() && !arguments_.in_place && !arguments_.dry_run) {
    return WithHint(
        absl::InvalidArgumentError("Where the new checkpoint is to be is "
                                   "missing"),
        "hoist migrate IN OUT, or --in-place to replace IN, or --dry-run to "
        "see what would change");
  }
  if (arguments_.reverse && arguments_.rules.empty()) {
    return absl::InvalidArgumentError("--reverse is for --rules");
  }
  if (arguments_.reverse && HasProducer()) {
    return absl::InvalidArgumentError(
        "--reverse: what PyTorch has changed is not undone");
  }
  return absl::OkStatus();
}

absl::Status MigrateRun::ReadMigrations() {
  for (const std::string& name : arguments_.rules) {
    HOIST_ASSIGN_OR_RETURN(
        const std::string text,
        ReadTextFile(ResolvePath(context_, name), kMaxRulesBytes));
    HOIST_ASSIGN_OR_RETURN(ModelMigration migration,
                           ParseModelMigration(text, name));
    if (arguments_.reverse) {
      HOIST_ASSIGN_OR_RETURN(migration, ReverseMigration(migration));
      migrations_.insert(migrations_.begin(), std::move(migration));
    } else {
      migrations_.push_back(std::move(migration));
    }
  }
  for (size_t i = 0; i + 1 < migrations_.size(); ++i) {
    const ModelMigration& first = migrations_[i];
    const ModelMigration& next = migrations_[i + 1];
    if (first.model != next.model || first.to != next.from) {
      return absl::InvalidArgumentError(absl::StrCat(
          next.path, ": It is for version ", next.from, " of ", next.model,
          ", and comes after ", first.path, ", which leads to version ",
          first.to, " of ", first.model));
    }
  }
  return absl::OkStatus();
}

void MigrateRun::List() const {
  *context_.out << (arguments_.json
                        ? JsonText(MigrationListJson(
                              kContainers, ProducerSteps(), migrations_))
                        : MigrationListView(kContainers, ProducerSteps(),
                                            migrations_));
}

absl::StatusOr<CheckpointParts> MigrateRun::Migrate(
    const Checkpoint& checkpoint) {
  CheckpointParts parts = {checkpoint.catalog(), checkpoint.files()};
  if (HasProducer()) {
    ProducerOptions options = {.use_defaults = arguments_.producer};
    for (const std::string& text : arguments_.steps) {
      const size_t equals = text.find('=');
      ProducerOptions::Request request = {.step = text.substr(0, equals)};
      if (equals != std::string::npos) {
        request.modules = text.substr(equals + 1);
      }
      options.requests.push_back(std::move(request));
    }
    HOIST_ASSIGN_OR_RETURN(parts,
                           MigrateProducer(std::move(parts), report_, options));
  }
  for (const ModelMigration& migration : migrations_) {
    HOIST_ASSIGN_OR_RETURN(
        parts, ApplyMigration(migration, std::move(parts), report_));
  }
  return parts;
}

absl::StatusOr<OutputFormat> MigrateRun::FormatFor(
    const Catalog& catalog) const {
  if (const auto format = OutputFormatOf(arguments_.to, arguments_.out)) {
    return *format;
  }
  return SameFormat(catalog);
}

absl::StatusOr<WriteReport> MigrateRun::Write(const CheckpointParts& parts,
                                              OutputFormat format) {
  WriteOptions options = {.format = format,
                          .overwrite = arguments_.force || arguments_.in_place,
                          .compress = arguments_.compress,
                          .native_version = arguments_.format_version,
                          .pool = threads_.pool(),
                          .cancel = context_.cancel};
  // PyTorch's format has no place for it.
  if (!migrations_.empty() && format != OutputFormat::kTorchZip) {
    options.metadata = VersionMetadata(migrations_.back());
  }
  const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
  absl::StatusOr<WriteReport> written;
  if (arguments_.quiet) {
    written = WriteVerified(parts, *file_system, out_, options);
  } else {
    // Its end clears it, before anything else is printed.
    ProgressBar bar(context_.err_terminal, *context_.err, context_.now_ns);
    options.on_progress = [&bar](uint64_t done_bytes, uint64_t all_bytes) {
      bar.Update(done_bytes, all_bytes);
    };
    written = WriteVerified(parts, *file_system, out_, options);
  }
  return absl::IsAlreadyExists(written.status())
             ? WithHint(written.status(), "To replace it: --force")
             : std::move(written);
}

void MigrateRun::ShowPlan() const {
  if (!arguments_.json) {
    *context_.out << MigrationView(report_, /*with_changes=*/true,
                                   context_.out_terminal);
    return;
  }
  Json json = {{"schema", "hoist.migrate/1"},
               {"path", arguments_.in},
               {"dry_run", true}};
  json.update(MigrationJson(report_));
  *context_.out << JsonText(json);
}

void MigrateRun::ShowWritten(WriteReport written) const {
  if (!arguments_.json) {
    if (!report_.steps.empty()) {
      *context_.out << MigrationView(report_, /*with_changes=*/false,
                                     context_.out_terminal);
    }
    *context_.out << WriteView(written, out_, context_.out_terminal);
    return;
  }
  written.warnings.insert(written.warnings.begin(), report_.warnings.begin(),
                          report_.warnings.end());
  Json json = WriteJson(written, "hoist.migrate/1", out_);
  json["dry_run"] = false;
  Json migration = MigrationJson(report_);
  json["steps"] = std::move(migration["steps"]);
  json["computed_bytes"] = migration["computed_bytes"];
  *context_.out << JsonText(json);
}

absl::Status MigrateRun::Run() {
  HOIST_RETURN_IF_ERROR(CheckArguments());
  HOIST_RETURN_IF_ERROR(ReadMigrations());
  if (arguments_.list) {
    List();
    return absl::OkStatus();
  }
  std::optional<InterruptHandler> interrupt;
  if (context_.cancel != nullptr) {
    interrupt.emplace(*context_.cancel);
  }
  const std::string in = ResolvePath(context_, arguments_.in);
  out_ = arguments_.in_place ? in : ResolvePath(context_, arguments_.out);
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(in, {.pool = threads_.pool()}));
  const auto format = FormatFor(checkpoint.catalog());
  if (!format.ok() && !arguments_.dry_run) {
    return Annotate(format.status(), in);
  }
  HOIST_ASSIGN_OR_RETURN(const CheckpointParts parts, Migrate(checkpoint));
  if (format.ok() && !IsModern(checkpoint.catalog(), *format, arguments_)) {
    const Catalog& catalog = checkpoint.catalog();
    report_.steps.push_back(
        {.name = "container",
         .changes = {
             {.kind = MigrationChange::Kind::kContainer,
              .detail = absl::StrCat(FormatName(catalog.format),
                                     catalog.format_version.empty() ? "" : " ",
                                     catalog.format_version, " to ",
                                     OutputFormatName(*format))}}});
  }
  if (arguments_.dry_run) {
    ShowPlan();
    return absl::OkStatus();
  }
  if (arguments_.in_place) {
    const auto& files = checkpoint.catalog().files;
    const auto is_real = [](const FileEntry& file) {
      return file.content == nullptr;
    };
    if (std::count_if(files.begin(), files.end(), is_real) != 1 ||
        files[0].path != in) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              in,
              ": It consists of several files, which are not replaced in "
              "place")),
          "Name an OUT, and remove this one when that is there");
    }
    if (report_.steps.empty()) {
      *context_.out << (arguments_.json
                            ? JsonText({{"schema", "hoist.migrate/1"},
                                        {"path", in},
                                        {"dry_run", false},
                                        {"steps", Json::array()}})
                            : "Nothing to migrate: it is as it would be\n");
      return absl::OkStatus();
    }
  }
  HOIST_ASSIGN_OR_RETURN(WriteReport written, Write(parts, *format));
  written.warnings.insert(written.warnings.begin(),
                          parts.catalog.warnings.begin(),
                          parts.catalog.warnings.end());
  ShowWritten(std::move(written));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunMigrate(const MigrateArguments& arguments,
                        const CommandContext& context) {
  return MigrateRun(arguments, context).Run();
}

}  // namespace hoist
