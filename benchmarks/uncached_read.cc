#include "hoist/benchmarks/uncached_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/chunks.h"
#include "hoist/core/status/annotate.h"

namespace hoist {

absl::Status ReadUncached(const std::string& path, uint64_t block_bytes,
                          ThreadPool* pool, absl::Span<uint8_t> out) {
  const int file = open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (file < 0) {
    return ErrnoStatus(errno,
                       absl::StrCat("Opening ", path, " past the cache"));
  }
  const absl::Cleanup close_file = [file] { close(file); };
  struct stat status;
  if (fstat(file, &status) != 0) {
    return ErrnoStatus(errno, path);
  }
  const auto file_bytes = static_cast<uint64_t>(status.st_size);
  return ForEachChunk(
      pool, out.size(), block_bytes, [&](uint64_t offset, uint64_t size) {
        const uint64_t end = std::min(offset + size, file_bytes);
        uint64_t at = offset;
        while (at < end) {
          const ssize_t got =
              pread(file, &out[at], offset + size - at, static_cast<off_t>(at));
          if (got < 0 && errno != EINTR) {
            return ErrnoStatus(
                errno, absl::StrCat("Reading ", path, " past the cache"));
          }
          if (got == 0) {
            return absl::DataLossError(
                absl::StrCat(path, " has become shorter"));
          }
          at += static_cast<uint64_t>(std::max<ssize_t>(got, 0));
        }
        return absl::OkStatus();
      });
}

}  // namespace hoist
