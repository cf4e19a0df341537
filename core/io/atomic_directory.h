#ifndef HOIST_CORE_IO_ATOMIC_DIRECTORY_H_
#define HOIST_CORE_IO_ATOMIC_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

// A directory of files that appears at its path whole or not at all, as an
// AtomicFile does: one that is there is changed for the new one in one step,
// and removed then. Thread-compatible.
class AtomicDirectory {
 public:
  // `file_system` must outlive it.
  static absl::StatusOr<std::unique_ptr<AtomicDirectory>> Create(
      FileSystem& file_system, const std::string& path,
      const PublishOptions& options);
  // Removes the temporary directory, unless it was published.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  // A new file in it by that name, which has no slash; closed, at the latest,
  // before Publish().
  absl::StatusOr<std::unique_ptr<OutputFile>> CreateFile(
      const std::string& name, uint64_t expected_bytes);

  // Files are Sync()ed by who wrote them; syncs the directory, renames it, and
  // syncs its parent; blocks. Errors as of AtomicFile::Publish().
  absl::Status Publish();

 private:
  struct State;
  explicit AtomicDirectory(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_ATOMIC_DIRECTORY_H_
