#include "hoist/checkpoint/store/list_steps.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/store/record_text.h"
#include "hoist/checkpoint/store/step_name.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using State = StoredStep::State;

// Looks at one entry of a folder.
class Entry {
 public:
  Entry(FileSystem& file_system, const std::string& folder, std::string name,
        const ExamineFunction& examine)
      : file_system_(file_system),
        path_(absl::StrCat(folder, "/", name)),
        examine_(examine) {
    step_.name = std::move(name);
  }

  // What it is; nullopt if it is no checkpoint. May add to `warnings`.
  std::optional<StoredStep> Look(const StepName& name,
                                 std::vector<std::string>& warnings);

 private:
  bool Has(const std::string& name) const {
    return std::binary_search(names_.begin(), names_.end(), name);
  }
  bool LooksLikeDcp() const {
    return Has(".metadata") ||
           std::any_of(names_.begin(), names_.end(),
                       [](const std::string& name) {
                         return absl::EndsWith(name, ".distcp");
                       });
  }
  bool LooksLikeTrainer() const {
    return absl::StartsWith(step_.name, "checkpoint-") && !has_record_;
  }
  void Measure(const FileStatus& status);
  void Reject(State state, std::string reason) {
    step_.state = state;
    step_.reason = std::move(reason);
  }
  // Of a folder of Hoist's own shards, whose index is written last.
  bool LacksIndex() const {
    return !Has("index.hoist") &&
           std::any_of(names_.begin(), names_.end(),
                       [](const std::string& name) {
                         return absl::EndsWith(name, ".hoist");
                       });
  }
  void LookAsDcp();
  void LookAsTrainer();
  void ReadRecord(std::vector<std::string>& warnings);
  // False if it is no checkpoint.
  bool LookInside(const StepName& name);

  FileSystem& file_system_;
  const std::string path_;
  const ExamineFunction& examine_;
  StoredStep step_;
  bool is_folder_ = false;
  bool has_record_ = false;
  std::vector<std::string> names_;  // in it, if it is a folder; sorted
};

void Entry::Measure(const FileStatus& status) {
  step_.time_ns = status.changed_ns;
  is_folder_ = status.kind == FileStatus::Kind::kDirectory;
  if (!is_folder_) {
    step_.size_bytes = status.size_bytes;
    return;
  }
  absl::StatusOr<std::vector<std::string>> names =
      file_system_.ListDirectory(path_);
  if (!names.ok()) {
    Reject(State::kUnreadable, std::string(names.status().message()));
    return;
  }
  names_ = *std::move(names);
  std::sort(names_.begin(), names_.end());
  for (const std::string& name : names_) {
    const auto inner = file_system_.GetStatus(absl::StrCat(path_, "/", name));
    if (inner.ok() && inner->kind == FileStatus::Kind::kFile) {
      step_.size_bytes += inner->size_bytes;
    }
  }
}

void Entry::LookAsDcp() {
  step_.format = "dcp";
  // It is written last.
  if (!Has(".metadata")) {
    Reject(State::kIncomplete, "no commit marker (.metadata)");
  }
}

void Entry::LookAsTrainer() {
  constexpr char kState[] = "trainer_state.json";
  step_.format = "trainer";
  if (!Has(kState)) {
    Reject(State::kIncomplete, absl::StrCat("no commit marker (", kState, ")"));
    return;
  }
  const absl::StatusOr<std::string> text =
      ReadRecordText(absl::StrCat(path_, "/", kState));
  const absl::StatusOr<TrainerState> state =
      text.ok() ? ParseTrainerState(*text) : text.status();
  if (!state.ok()) {
    Reject(State::kDamaged,
           absl::StrCat(kState, ": ", state.status().message()));
    return;
  }
  step_.metrics = state->metrics;
  // Its model may be of a format that Hoist does not read; that it is damaged
  // is another thing.
  if (const auto examined = examine_(path_);
      absl::IsDataLoss(examined.status())) {
    Reject(State::kDamaged, std::string(examined.status().message()));
  }
}

void Entry::ReadRecord(std::vector<std::string>& warnings) {
  const std::string path = StepRecordName(path_);
  const absl::StatusOr<std::string> text = ReadRecordText(path);
  if (absl::IsNotFound(text.status())) {
    return;
  }
  const absl::StatusOr<StepRecord> record =
      text.ok() ? ParseStepRecord(*text) : text.status();
  if (!record.ok()) {
    warnings.push_back(absl::StrCat(path, ": ", record.status().message()));
    return;
  }
  if (record->step != step_.step) {
    warnings.push_back(absl::StrCat(path, ": It is of step ", record->step));
    return;
  }
  has_record_ = true;
  step_.is_own = true;
  step_.is_pinned = record->is_pinned;
  step_.metrics = record->metrics;
  step_.time_ns = record->time_ns;
}

bool Entry::LookInside(const StepName& name) {
  const absl::StatusOr<Examined> examined = examine_(path_);
  if (examined.ok()) {
    step_.format = examined->format;
    if (!name.step && !examined->step) {
      return false;
    }
    step_.step = name.step ? *name.step : *examined->step;
    return true;
  }
  if (!name.step) {
    return false;
  }
  const std::string reason(examined.status().message());
  if (absl::IsDataLoss(examined.status())) {
    Reject(State::kDamaged, reason);
  } else if (is_folder_ && names_.empty()) {
    Reject(State::kIncomplete, "it is empty");
  } else {
    Reject(State::kUnreadable, reason);
  }
  return true;
}

std::optional<StoredStep> Entry::Look(const StepName& name,
                                      std::vector<std::string>& warnings) {
  const absl::StatusOr<FileStatus> status = file_system_.GetStatus(path_);
  if (!status.ok() || status->kind == FileStatus::Kind::kOther) {
    return std::nullopt;
  }
  step_.step = name.step.value_or(0);
  step_.metrics = name.metrics;
  Measure(*status);
  if (name.step) {
    ReadRecord(warnings);
  }
  if (step_.state != State::kCommitted) {
    return step_;
  }
  if (is_folder_ && LooksLikeDcp()) {
    LookAsDcp();
  } else if (is_folder_ && LooksLikeTrainer()) {
    LookAsTrainer();
  } else if (is_folder_ && LacksIndex()) {
    Reject(State::kIncomplete, "no commit marker (index.hoist)");
  } else if (!LookInside(name)) {
    return std::nullopt;
  }
  return step_;
}

bool IsBefore(const StoredStep& a, const StoredStep& b) {
  if (a.step != b.step) {
    return a.step < b.step;
  }
  return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.name < b.name;
}

}  // namespace

absl::StatusOr<Examined> ExamineCheckpoint(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  const Catalog& catalog = checkpoint.catalog();
  Examined examined = {.format = std::string(FormatName(catalog.format))};
  if (catalog.values != nullptr) {
    const std::optional<Value> step = catalog.root().Find("global_step");
    if (step && step->kind() == ValueKind::kInt) {
      examined.step = step->AsInt();
    }
  }
  return examined;
}

absl::StatusOr<StoreListing> ListSteps(FileSystem& file_system,
                                       const std::string& folder,
                                       const ExamineFunction& examine) {
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         file_system.ListDirectory(folder));
  StoreListing listing;
  for (const std::string& name : names) {
    const std::optional<StepName> parsed = ParseStepName(name);
    if (!parsed) {
      continue;
    }
    std::optional<StoredStep> step = Entry(file_system, folder, name, examine)
                                         .Look(*parsed, listing.warnings);
    if (step) {
      listing.steps.push_back(*std::move(step));
    }
  }
  std::sort(listing.steps.begin(), listing.steps.end(), IsBefore);
  const std::string path = absl::StrCat(folder, "/", kLatestName);
  const absl::StatusOr<std::string> text = ReadRecordText(path);
  if (!absl::IsNotFound(text.status())) {
    absl::StatusOr<LatestRecord> record =
        text.ok() ? ParseLatestRecord(*text) : text.status();
    if (record.ok()) {
      listing.latest_record = *std::move(record);
    } else {
      listing.warnings.push_back(
          absl::StrCat(path, ": ", record.status().message()));
    }
  }
  listing.latest = ChooseLatest(listing.steps, listing.latest_record);
  if (!listing.latest.warning.empty()) {
    listing.warnings.push_back(listing.latest.warning);
  }
  return listing;
}

}  // namespace hoist
