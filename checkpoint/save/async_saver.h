#ifndef HOIST_CHECKPOINT_SAVE_ASYNC_SAVER_H_
#define HOIST_CHECKPOINT_SAVE_ASYNC_SAVER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/checkpoint/write/catalog_of_tensors.h"
#include "hoist/core/system/host_arena.h"
#include "hoist/core/thread/mutex.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

struct AsyncSaverOptions {
  // Writes on one of its threads, and copies with all. Must outlive the saver.
  ThreadPool* pool = nullptr;
  // Host memory that copies of tensors take at most.
  uint64_t max_staging_bytes = uint64_t{16} << 30;
  // For tensors on GPUs, which are copied through it. Null: one is made for the
  // time of the copy. Not owned.
  PinnedPool* pinned_pool = nullptr;
};

// Saves checkpoints while a training goes on: copies the tensors, returns, and
// writes the copy in the background.
//
//   AsyncSaver saver({.pool = &pool});
//   for (;;) {
//     ... a step of the training ...
//     HOIST_RETURN_IF_ERROR(saver.Save(tensors, {{"step", step}},
//                                      [&](const TensorCatalog& source) {
//       return store.Save(step, source.catalog, source.files, options, metrics)
//           .status();
//     }));
//   }
//   HOIST_RETURN_IF_ERROR(saver.Wait());
//
// Checkpoints are written one after the other, in the order of Save().
// Thread-safe.
class AsyncSaver {
 public:
  // Writes a checkpoint of what it is given; called once, on a thread of the
  // pool.
  using WriteFunction =
      std::function<absl::Status(const TensorCatalog& source)>;

  explicit AsyncSaver(const AsyncSaverOptions& options);
  // As Wait(), but that failures that no call has returned are lost.
  ~AsyncSaver();
  AsyncSaver(const AsyncSaver&) = delete;
  AsyncSaver& operator=(const AsyncSaver&) = delete;

  // Copies the tensors, on the CPU or on GPUs, and has `write` called with the
  // copy, in which aliases are aliases. When it returns, the tensors may
  // change; what GPUs were given to do before is waited for. Blocks for the
  // copy, and before it while copies that are not written yet leave too little
  // of max_staging_bytes.
  //
  // If an earlier save has failed, returns that error, once, and saves nothing.
  // kResourceExhausted for more than max_staging_bytes, or without memory;
  // errors as of CatalogOfTensors() and of copying. Nothing is written after an
  // error.
  absl::Status Save(const StateDict& tensors, const NamedValues& values,
                    WriteFunction write) ABSL_LOCKS_EXCLUDED(mu_);

  // Blocks until all is written. The first error of a save that no call has
  // returned yet.
  absl::Status Wait() ABSL_LOCKS_EXCLUDED(mu_);

  // What copies take now, with memory that is kept for the next.
  uint64_t staging_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Pending {
    TensorCatalog source;
    std::shared_ptr<HostArena> staging;
    WriteFunction write;
  };

  absl::StatusOr<std::shared_ptr<HostArena>> TakeStaging(uint64_t bytes)
      ABSL_LOCKS_EXCLUDED(mu_);
  void GiveBack(std::shared_ptr<HostArena> staging) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Copy(const TensorLayout& layout, uint8_t* staging) const;
  absl::Status CopyFromDevice(int device, const TensorLayout& layout,
                              uint8_t* staging) const;
  // Writes what is pending, until nothing is.
  void WritePending() ABSL_LOCKS_EXCLUDED(mu_);

  const AsyncSaverOptions options_;
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mu_);
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t used_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of copies
  // Memory of a copy that was written, for the next: its pages are there.
  std::shared_ptr<HostArena> spare_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);  // that no call has returned
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SAVE_ASYNC_SAVER_H_
