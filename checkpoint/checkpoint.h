#ifndef HOIST_CHECKPOINT_CHECKPOINT_H_
#define HOIST_CHECKPOINT_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

struct OpenOptions {
  // Whose threads help, besides the caller's; null for none. Must outlive
  // Open().
  ThreadPool* pool = nullptr;
};

// A checkpoint that is open: its catalog, and the files to read tensors from.
//
//   HOIST_ASSIGN_OR_RETURN(Checkpoint checkpoint,
//                          Checkpoint::Open("model.pt"));
//   HOIST_ASSIGN_OR_RETURN(LoadResult loaded, Load(checkpoint));
//   const Tensor* weight = loaded.tensors.Find("fc.weight");
//
// Copies share the files, which are closed with the last. Thread-safe.
class Checkpoint {
 public:
  // Finds out by content what `path` is, and reads its structure; blocks for
  // that. It may be a file, the index of a checkpoint in several files, or a
  // directory with one (checkpoint/open_shards.h), also one of PyTorch's
  // distributed checkpoints (checkpoint/open_dcp.h). kNotFound and
  // kPermissionDenied of the file; kInvalidArgument for what is no checkpoint;
  // kUnimplemented for a format or a feature that Hoist knows and does not read
  // yet; kDataLoss for a damaged file; kPermissionDenied for what is refused as
  // unsafe.
  static absl::StatusOr<Checkpoint> Open(const std::string& path,
                                         const OpenOptions& options = {});
  // The same of what is open already, or in memory (core/io/memory_file.h).
  static absl::StatusOr<Checkpoint> Open(
      std::shared_ptr<const RandomAccessFile> file,
      const OpenOptions& options = {});

  const Catalog& catalog() const { return *catalog_; }
  const std::string& path() const { return path_; }
  // Parallel to catalog().files.
  const std::vector<std::shared_ptr<const RandomAccessFile>>& files() const {
    return files_;
  }
  // How long Open() took.
  int64_t open_time_ns() const { return open_time_ns_; }

 private:
  Checkpoint() = default;
  static absl::StatusOr<Checkpoint> OpenPath(const std::string& path,
                                             const OpenOptions& options);
  // A file in Hoist's own format, with those that it names.
  static absl::StatusOr<Checkpoint> OpenNative(
      std::shared_ptr<const RandomAccessFile> file);
  // What lies in `folder`, by `index_file` in it if that is given.
  static absl::StatusOr<Checkpoint> OpenFolder(const std::string& folder,
                                               const std::string& index_file,
                                               const OpenOptions& options);
  // With a warning if it is dangerous.
  void SetCatalog(Catalog catalog);

  std::string path_;
  std::shared_ptr<const Catalog> catalog_;
  std::vector<std::shared_ptr<const RandomAccessFile>> files_;
  int64_t open_time_ns_ = 0;
};

// Reads the tensors of `checkpoint` that `options` select and puts them where
// they say, each storage once; blocks until every byte is there. All or
// nothing: an error leaves nothing behind. kDataLoss if bytes are damaged or
// missing, kNotFound and kInvalidArgument for a selection that
// SelectTensors() refuses and for ranks and shard specs that do not fit,
// kPermissionDenied for dangerous names if `options` refuse them, kUnavailable
// without the wanted device, kResourceExhausted without memory or beyond what
// `options` allow, kCancelled.
absl::StatusOr<LoadResult> Load(const Checkpoint& checkpoint,
                                const LoadOptions& options = {});

// What Load() would do now, without doing it: reads no tensor, takes no memory
// for any, and needs no device. Indices are those of checkpoint.catalog(), or,
// for a rank, of its RankSlices. Whether it fits says CheckMemory(). Errors are
// those of Load() for the selection, the rank and for dangerous names. Blocks
// while it asks the system about the files.
absl::StatusOr<PlannedLoad> PlanLoad(const Checkpoint& checkpoint,
                                     const LoadOptions& options = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_CHECKPOINT_H_
