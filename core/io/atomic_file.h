#ifndef HOIST_CORE_IO_ATOMIC_FILE_H_
#define HOIST_CORE_IO_ATOMIC_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/io/output_file.h"

namespace hoist {

struct PublishOptions {
  // Replaces what is there, which stays until the new is whole. Else that is
  // kAlreadyExists, and nothing is changed.
  bool overwrite = false;
  // How much will be written, if that is known: refused with
  // kResourceExhausted, and nothing written, where the disk has less.
  uint64_t expected_bytes = 0;
};

// A file that appears at its path whole or not at all: it is written beside it
// under a temporary name, brought to the disk, and renamed. A link at the path
// is followed. What was there before is there, untouched, until Publish() is
// past its rename, whatever fails. Thread-compatible; file() is as OutputFile
// says.
class AtomicFile {
 public:
  // `file_system` must outlive it.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(
      FileSystem& file_system, const std::string& path,
      const PublishOptions& options);
  // Removes the temporary file, unless it was published.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  OutputFile& file();

  // Syncs, renames, and syncs the directory; blocks. It has the permissions of
  // the file that it replaces. After an error of what comes before the rename,
  // nothing has changed; after one of the directory's sync the new file is
  // there and whole, but may be gone, and the old one back, when the machine
  // stops.
  absl::Status Publish();

 private:
  struct State;
  explicit AtomicFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_ATOMIC_FILE_H_
