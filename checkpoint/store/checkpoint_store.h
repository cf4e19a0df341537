#ifndef HOIST_CHECKPOINT_STORE_CHECKPOINT_STORE_H_
#define HOIST_CHECKPOINT_STORE_CHECKPOINT_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/store/list_steps.h"
#include "hoist/checkpoint/store/retention.h"
#include "hoist/checkpoint/store/stored_step.h"
#include "hoist/checkpoint/write/write_options.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// WriteCheckpoint() of checkpoint/write, or what takes its place in tests.
using WriteFunction = std::function<absl::StatusOr<WriteReport>(
    const Catalog& catalog, CatalogFiles files, FileSystem& file_system,
    const std::string& path, const WriteOptions& options)>;

// Nanoseconds of the wall clock since 1970.
int64_t WallNowNs();

struct StoreOptions {
  WriteFunction write;  // for Save()
  ExamineFunction examine = ExamineCheckpoint;
  std::function<int64_t()> now_ns = WallNowNs;
  // How long what changes the store waits for another process that does.
  int64_t max_lock_wait_ns = 10'000'000'000;
};

struct SavedStep {
  std::string path;
  WriteReport report;
  // Also that the record of the latest could not be written: a reader finds
  // the checkpoint nevertheless.
  std::vector<std::string> warnings;
};

struct PruneReport {
  std::vector<StoredStep> steps;             // before
  std::vector<RetentionDecision> decisions;  // of each of them
  // Names of what was removed, or would be; of it the bytes.
  std::vector<std::string> removed;
  uint64_t removed_bytes = 0;
};

// A folder of the checkpoints of a training, one for each step:
//
//   step-1200.hoist        a checkpoint, a file or a folder
//   step-1200.hoist.json   its record: metrics, time, whether it is pinned
//   latest.json            which was saved last
//   .hoist-lock            who changes the store now
//
// A checkpoint is there whole or not at all. Files that are not named so, and
// checkpoints without a record, are never changed; those of Lightning, Trainer
// and torch.distributed.checkpoint are listed. What changes it holds the lock,
// so that any number of processes may use one store. Thread-safe; blocks.
class CheckpointStore {
 public:
  // `folder` is there. `file_system` must outlive it.
  CheckpointStore(FileSystem& file_system, std::string folder,
                  StoreOptions options);

  const std::string& folder() const { return folder_; }

  // kNotFound if there is no such folder.
  absl::StatusOr<StoreListing> List() const;

  // Saves a checkpoint with its metrics, then records it as the latest; for
  // the arguments see WriteCheckpoint(). A step that is there already is
  // kAlreadyExists unless options.overwrite; kFailedPrecondition if that one
  // is not Hoist's. After an error nothing is new, and all that was there
  // before is there, but for the metrics of a step that was to be replaced.
  // A pinned step stays pinned.
  absl::StatusOr<SavedStep> Save(int64_t step, const Catalog& catalog,
                                 CatalogFiles files,
                                 const WriteOptions& options,
                                 const std::map<std::string, double>& metrics);

  // Removes what `policy` does not keep, and what processes that were killed
  // have left; with `is_dry_run` only says what. Errors as of PlanRetention();
  // the first error of removing ends it.
  absl::StatusOr<PruneReport> Prune(const RetentionPolicy& policy,
                                    bool is_dry_run);

  // Pinned checkpoints are not pruned. kNotFound without such a step,
  // kFailedPrecondition if it is not Hoist's own: that is never pruned anyway.
  absl::Status SetPinned(int64_t step, bool is_pinned);

 private:
  std::string At(const std::string& name) const;
  absl::Status WriteText(const std::string& name, const std::string& text);
  absl::Status WriteRecord(const std::string& name, const StepRecord& record);
  // Whether there is one at `name`, which may be replaced.
  absl::StatusOr<bool> CheckPlace(const std::string& name,
                                  bool overwrite) const;
  // What the record of the checkpoint `name` says.
  absl::StatusOr<bool> IsPinned(const std::string& name) const;
  absl::Status Remove(const StoredStep& step);
  absl::Status RemoveFolder(const std::string& name);
  absl::Status RemoveIfThere(const std::string& name);
  // What a process that was killed while it saved or removed has left.
  absl::Status RemoveLeftovers();

  FileSystem& file_system_;
  const std::string folder_;
  const StoreOptions options_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_CHECKPOINT_STORE_H_
