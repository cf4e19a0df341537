#include "hoist/benchmarks/evict.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// A file that is open for reading.
class OpenedFile {
 public:
  static absl::StatusOr<OpenedFile> Open(const std::string& path) {
    OpenedFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status;
    if (file.descriptor_ < 0 || fstat(file.descriptor_, &status) != 0) {
      return ErrnoStatus(errno, path);
    }
    file.size_bytes_ = static_cast<size_t>(status.st_size);
    return file;
  }

  OpenedFile(OpenedFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        size_bytes_(other.size_bytes_) {}
  OpenedFile& operator=(OpenedFile&&) = delete;
  ~OpenedFile() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
  }

  int descriptor() const { return descriptor_; }
  size_t size_bytes() const { return size_bytes_; }

 private:
  explicit OpenedFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  size_t size_bytes_ = 0;
};

absl::StatusOr<double> ResidentShareOf(const OpenedFile& file,
                                       const std::string& path) {
  if (file.size_bytes() == 0) {
    return 0;
  }
  void* const mapping = mmap(nullptr, file.size_bytes(), PROT_READ, MAP_SHARED,
                             file.descriptor(), 0);
  if (mapping == MAP_FAILED) {
    return ErrnoStatus(errno, absl::StrCat("Mapping ", path));
  }
  const auto page_size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<uint8_t> pages((file.size_bytes() + page_size - 1) / page_size);
  const int result = mincore(mapping, file.size_bytes(), pages.data());
  const int error = errno;
  munmap(mapping, file.size_bytes());
  if (result != 0) {
    return ErrnoStatus(error, absl::StrCat("Asking for the pages of ", path));
  }
  const auto resident = std::count_if(pages.begin(), pages.end(),
                                      [](uint8_t page) { return page & 1; });
  return static_cast<double>(resident) / static_cast<double>(pages.size());
}

}  // namespace

absl::StatusOr<double> ResidentShare(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const OpenedFile file, OpenedFile::Open(path));
  return ResidentShareOf(file, path);
}

absl::Status EvictFromPageCache(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const OpenedFile file, OpenedFile::Open(path));
  // A dirty page cannot be dropped.
  if (fdatasync(file.descriptor()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("Writing back ", path));
  }
  // A page that another CPU is about to add to its lists stays the first time.
  constexpr int kAttempts = 5;
  double resident = 1;
  for (int i = 0; i < kAttempts && resident > kMaxColdShare; ++i) {
    const int error =
        posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
    if (error != 0) {
      return ErrnoStatus(error, absl::StrCat("Evicting ", path));
    }
    HOIST_ASSIGN_OR_RETURN(resident, ResidentShareOf(file, path));
  }
  if (resident > kMaxColdShare) {
    return WithHint(
        absl::FailedPreconditionError(
            absl::StrFormat("%s: %.1f %% of it are still in the page cache",
                            path, 100 * resident)),
        "End programs that map it, and keep it on a disk, not in memory");
  }
  return absl::OkStatus();
}

absl::Status WarmPageCache(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const OpenedFile file, OpenedFile::Open(path));
  constexpr size_t kChunkBytes = size_t{1} << 20;
  std::vector<uint8_t> chunk(kChunkBytes);
  for (off_t offset = 0;;) {
    const ssize_t got =
        pread(file.descriptor(), chunk.data(), chunk.size(), offset);
    if (got < 0 && errno != EINTR) {
      return ErrnoStatus(errno, absl::StrCat("Reading ", path));
    }
    if (got == 0) {
      break;
    }
    offset += std::max<ssize_t>(got, 0);
  }
  HOIST_ASSIGN_OR_RETURN(const double resident, ResidentShareOf(file, path));
  if (file.size_bytes() > 0 && resident < 1 - kMaxColdShare) {
    return WithHint(absl::FailedPreconditionError(absl::StrFormat(
                        "%s: only %.1f %% of it stay in the page cache", path,
                        100 * resident)),
                    "Use a smaller file, or a machine with more memory");
  }
  return absl::OkStatus();
}

}  // namespace hoist
