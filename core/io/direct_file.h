#ifndef HOIST_CORE_IO_DIRECT_FILE_H_
#define HOIST_CORE_IO_DIRECT_FILE_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "hoist/core/io/direct_read.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// A file opened a second time, with O_DIRECT, and what was found out about it
// since. Internal to core/io. Thread-safe.
class DirectFile {
 public:
  explicit DirectFile(std::shared_ptr<const RandomAccessFile> file);
  ~DirectFile();
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;

  // -1 if the file cannot be opened so.
  int descriptor() const { return descriptor_; }
  // Whether it makes sense to try.
  bool is_direct() const { return is_direct_; }

  // Ends `read`, of which preadv(2) or io_uring returned `result` (bytes, or
  // -errno). What is missing is read again from the page cache, which knows how
  // to retry and what to say; a file that takes no O_DIRECT is not asked again.
  absl::Status Finish(DirectRead& read, ssize_t result);

  // Keeps `note` if it is the first.
  void AddNote(absl::string_view note) ABSL_LOCKS_EXCLUDED(mu_);
  std::string note() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::shared_ptr<const RandomAccessFile> file_;
  int descriptor_ = -1;
  std::atomic<bool> is_direct_ = false;
  Mutex mu_;
  std::string note_ ABSL_GUARDED_BY(mu_);
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_DIRECT_FILE_H_
