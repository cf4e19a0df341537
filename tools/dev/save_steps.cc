// Saves steps into a checkpoint store, as a training does, and keeps the last
// ones: what kill_loop.py kills.
//
//   save_steps FOLDER FIRST COUNT KEPT
//
// Saves COUNT steps from FIRST on; after each it removes all but the last KEPT,
// and prints the step on a line of its own.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "hoist/checkpoint/store/checkpoint_store.h"
#include "hoist/checkpoint/testing/small_checkpoint.h"
#include "hoist/checkpoint/write/write_checkpoint.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::Status Run(const std::string& folder, int64_t first, int64_t count,
                 int64_t kept) {
  const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
  CheckpointStore store(*file_system, folder, {.write = WriteCheckpoint});
  for (int64_t step = first; step < first + count; ++step) {
    const TensorCatalog source = SmallCheckpoint(static_cast<uint32_t>(step));
    // One in a folder now and then; those that were saved before this process
    // was killed may be there already.
    const WriteOptions options = {
        .overwrite = true,
        .max_shard_bytes = step % 2 == 0 ? 2 * kSmallTensorBytes : 0};
    HOIST_RETURN_IF_ERROR(store
                              .Save(step, source.catalog, source.files, options,
                                    {{"loss", 1.0 / static_cast<double>(step)}})
                              .status());
    HOIST_RETURN_IF_ERROR(
        store.Prune({.keep_last = kept}, /*is_dry_run=*/false).status());
    std::cout << step << std::endl;
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  int64_t first = 0;
  int64_t count = 0;
  int64_t kept = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[2], &first) ||
      !absl::SimpleAtoi(argv[3], &count) || !absl::SimpleAtoi(argv[4], &kept)) {
    std::cerr << "usage: save_steps FOLDER FIRST COUNT KEPT\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], first, count, kept);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
