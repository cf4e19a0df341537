#ifndef HOIST_BENCHMARKS_TEMPORARY_FILE_H_
#define HOIST_BENCHMARKS_TEMPORARY_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

namespace hoist {

// A new file in the folder for temporary files (TMPDIR or /tmp), which is
// removed when this goes. Ends the program where it cannot be written.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content);
  // One of `size_bytes` pseudo-random bytes; in memory is one chunk at a time.
  static std::unique_ptr<TemporaryFile> OfSize(uint64_t size_bytes);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  TemporaryFile();

  std::string path_;
};

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_TEMPORARY_FILE_H_
