#include "hoist/checkpoint/store/checkpoint_store.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/store/record_text.h"
#include "hoist/checkpoint/store/step_name.h"
#include "hoist/checkpoint/store/store_lock.h"
#include "hoist/checkpoint/store/store_records.h"
#include "hoist/core/io/temporary_sibling.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// A folder that is being removed: ".step-1200.hoist-removed".
constexpr absl::string_view kRemoved = ".hoist-removed";
constexpr absl::string_view kRecord = ".json";

std::string NameOf(int64_t step, const WriteOptions& options) {
  if (options.max_shard_bytes > 0) {
    // A folder, mostly.
    return absl::StrCat("step-", step);
  }
  switch (options.format) {
    case OutputFormat::kNative:
      return absl::StrCat("step-", step, ".hoist");
    case OutputFormat::kTorchZip:
      return absl::StrCat("step-", step, ".pt");
    case OutputFormat::kSafetensors:
      break;
  }
  return absl::StrCat("step-", step, ".safetensors");
}

// Whether Hoist writes files of that name into a checkpoint's folder.
bool IsOwnFile(absl::string_view name) {
  return absl::EndsWith(name, ".hoist") ||
         absl::EndsWith(name, ".safetensors") ||
         absl::EndsWith(name, ".safetensors.index.json");
}

// Whether it is that of a checkpoint, of a record of one, or of the latest.
bool IsStoreName(absl::string_view name) {
  if (name == kLatestName) {
    return true;
  }
  absl::ConsumeSuffix(&name, kRecord);
  return ParseStepName(name).has_value();
}

}  // namespace

int64_t WallNowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

CheckpointStore::CheckpointStore(FileSystem& file_system, std::string folder,
                                 StoreOptions options)
    : file_system_(file_system),
      folder_(std::move(folder)),
      options_(std::move(options)) {}

std::string CheckpointStore::At(const std::string& name) const {
  return absl::StrCat(folder_, "/", name);
}

absl::StatusOr<StoreListing> CheckpointStore::List() const {
  return ListSteps(file_system_, folder_, options_.examine);
}

absl::Status CheckpointStore::WriteText(const std::string& name,
                                        const std::string& text) {
  return WriteTextFile(file_system_, At(name), text, /*overwrite=*/true);
}

absl::Status CheckpointStore::WriteRecord(const std::string& name,
                                          const StepRecord& record) {
  return WriteText(StepRecordName(name), StepRecordText(record));
}

absl::Status CheckpointStore::RemoveIfThere(const std::string& name) {
  const absl::Status status = file_system_.RemoveFile(At(name));
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<bool> CheckpointStore::CheckPlace(const std::string& name,
                                                 bool overwrite) const {
  const absl::Status there = file_system_.GetStatus(At(name)).status();
  if (absl::IsNotFound(there)) {
    return false;
  }
  HOIST_RETURN_IF_ERROR(there);
  if (!overwrite) {
    return WithHint(
        absl::AlreadyExistsError(absl::StrCat(At(name), ": It is there")),
        "A step is saved once, unless it is to be overwritten");
  }
  if (absl::IsNotFound(
          file_system_.GetStatus(At(StepRecordName(name))).status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        At(name), ": It was not written by Hoist, and is not overwritten"));
  }
  return true;
}

absl::StatusOr<bool> CheckpointStore::IsPinned(const std::string& name) const {
  HOIST_ASSIGN_OR_RETURN(const std::string text,
                         ReadRecordText(At(StepRecordName(name))));
  const absl::StatusOr<StepRecord> record = ParseStepRecord(text);
  // A damaged record is replaced.
  return record.ok() && record->is_pinned;
}

absl::StatusOr<SavedStep> CheckpointStore::Save(
    int64_t step, const Catalog& catalog, CatalogFiles files,
    const WriteOptions& options, const std::map<std::string, double>& metrics) {
  if (step < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("There is no step ", step, " of a training"));
  }
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<StoreLock> lock,
      StoreLock::Acquire(folder_, options_.max_lock_wait_ns));
  HOIST_RETURN_IF_ERROR(RemoveLeftovers());
  const std::string name = NameOf(step, options);
  HOIST_ASSIGN_OR_RETURN(const bool is_there,
                         CheckPlace(name, options.overwrite));
  StepRecord record = {.step = step, .time_ns = options_.now_ns()};
  // Before the checkpoint, which is the store's from its first moment on. One
  // that is replaced must not have the metrics of the new one, nor this of it;
  // pinned is the step.
  if (is_there) {
    HOIST_ASSIGN_OR_RETURN(record.is_pinned, IsPinned(name));
  } else {
    record.metrics = metrics;
  }
  HOIST_RETURN_IF_ERROR(WriteRecord(name, record));
  absl::StatusOr<WriteReport> report =
      options_.write(catalog, files, file_system_, At(name), options);
  if (!report.ok()) {
    if (absl::IsNotFound(file_system_.GetStatus(At(name)).status())) {
      // What stays is removed with the next leftovers.
      RemoveIfThere(StepRecordName(name)).IgnoreError();
    }
    return report.status();
  }
  SavedStep saved = {.path = At(name), .report = *std::move(report)};
  saved.warnings = saved.report.warnings;
  if (is_there) {
    record.metrics = metrics;
    if (const absl::Status status = WriteRecord(name, record); !status.ok()) {
      saved.warnings.push_back(absl::StrCat(
          "The checkpoint is saved, its metrics are not: ", status.message()));
    }
  }
  if (const absl::Status status = WriteText(
          kLatestName,
          LatestRecordText(
              {.step = step, .name = name, .time_ns = options_.now_ns()}));
      !status.ok()) {
    saved.warnings.push_back(absl::StrCat(
        "The checkpoint is saved, and not recorded as the latest: ",
        status.message()));
  }
  return saved;
}

absl::Status CheckpointStore::RemoveLeftovers() {
  // First, for it may bring back a checkpoint that was to be replaced.
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> left,
                         NamesWithLeftovers(file_system_, folder_));
  for (const std::string& name : left) {
    if (IsStoreName(name)) {
      CleanUpLeftovers(file_system_, At(name));
    }
  }
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         file_system_.ListDirectory(folder_));
  for (const std::string& name : names) {
    if (absl::StartsWith(name, ".") && absl::EndsWith(name, kRemoved)) {
      HOIST_RETURN_IF_ERROR(RemoveFolder(name));
      continue;
    }
    // Records whose checkpoint was never published, or is removed.
    absl::string_view checkpoint = name;
    if (!absl::ConsumeSuffix(&checkpoint, kRecord) ||
        !ParseStepName(checkpoint) ||
        !absl::IsNotFound(
            file_system_.GetStatus(At(std::string(checkpoint))).status())) {
      continue;
    }
    const absl::StatusOr<std::string> text = ReadRecordText(At(name));
    if (text.ok() && ParseStepRecord(*text).ok()) {
      HOIST_RETURN_IF_ERROR(RemoveIfThere(name));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckpointStore::RemoveFolder(const std::string& name) {
  const std::string path = At(name);
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                         file_system_.ListDirectory(path));
  for (const std::string& file : files) {
    HOIST_RETURN_IF_ERROR(
        file_system_.RemoveFile(absl::StrCat(path, "/", file)));
  }
  return file_system_.RemoveDirectory(path);
}

absl::Status CheckpointStore::Remove(const StoredStep& step) {
  const std::string path = At(step.name);
  HOIST_ASSIGN_OR_RETURN(const FileStatus status, file_system_.GetStatus(path));
  if (status.kind != FileStatus::Kind::kDirectory) {
    HOIST_RETURN_IF_ERROR(file_system_.RemoveFile(path));
    return RemoveIfThere(StepRecordName(step.name));
  }
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                         file_system_.ListDirectory(path));
  for (const std::string& file : files) {
    HOIST_ASSIGN_OR_RETURN(
        const FileStatus inner,
        file_system_.GetStatus(absl::StrCat(path, "/", file)));
    if (inner.kind != FileStatus::Kind::kFile || !IsOwnFile(file)) {
      return WithHint(
          absl::FailedPreconditionError(absl::StrCat(
              path, ": It holds ", file,
              ", which Hoist has not written; nothing of it was removed")),
          "Move that elsewhere, or pin the checkpoint");
    }
  }
  // In one step it is no checkpoint any more.
  const std::string removed = absl::StrCat(".", step.name, kRemoved);
  HOIST_RETURN_IF_ERROR(file_system_.Rename(path, At(removed)));
  HOIST_RETURN_IF_ERROR(RemoveFolder(removed));
  return RemoveIfThere(StepRecordName(step.name));
}

absl::StatusOr<PruneReport> CheckpointStore::Prune(
    const RetentionPolicy& policy, bool is_dry_run) {
  std::unique_ptr<StoreLock> lock;
  if (!is_dry_run) {
    HOIST_ASSIGN_OR_RETURN(
        lock, StoreLock::Acquire(folder_, options_.max_lock_wait_ns));
    HOIST_RETURN_IF_ERROR(RemoveLeftovers());
  }
  HOIST_ASSIGN_OR_RETURN(StoreListing listing, List());
  PruneReport report;
  HOIST_ASSIGN_OR_RETURN(
      report.decisions,
      PlanRetention(listing.steps, listing.latest.index, policy));
  report.steps = std::move(listing.steps);
  for (const RetentionDecision& decision : report.decisions) {
    if (decision.keep) {
      continue;
    }
    const StoredStep& step = report.steps[decision.index];
    if (!is_dry_run) {
      HOIST_RETURN_IF_ERROR(Remove(step));
    }
    report.removed.push_back(step.name);
    report.removed_bytes += step.size_bytes;
  }
  if (!is_dry_run && !report.removed.empty()) {
    HOIST_RETURN_IF_ERROR(file_system_.SyncDirectory(folder_));
  }
  return report;
}

absl::Status CheckpointStore::SetPinned(int64_t step, bool is_pinned) {
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<StoreLock> lock,
      StoreLock::Acquire(folder_, options_.max_lock_wait_ns));
  HOIST_ASSIGN_OR_RETURN(const StoreListing listing, List());
  bool is_there = false;
  bool is_own = false;
  for (const StoredStep& stored : listing.steps) {
    if (stored.step != step) {
      continue;
    }
    is_there = true;
    if (stored.is_own) {
      is_own = true;
      HOIST_RETURN_IF_ERROR(WriteRecord(stored.name, {.step = stored.step,
                                                      .time_ns = stored.time_ns,
                                                      .metrics = stored.metrics,
                                                      .is_pinned = is_pinned}));
    }
  }
  if (!is_there) {
    return absl::NotFoundError(
        absl::StrCat(folder_, ": There is no checkpoint of step ", step));
  }
  return is_own ? absl::OkStatus()
                : WithHint(absl::FailedPreconditionError(absl::StrCat(
                               folder_, ": The checkpoint of step ", step,
                               " was not written by Hoist")),
                           "Such are never pruned, and need no pin");
}

}  // namespace hoist
