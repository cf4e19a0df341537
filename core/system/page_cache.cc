#include "hoist/core/system/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kSampleBytes = uint64_t{1} << 20;
constexpr uint64_t kSamples = 64;

// Bytes of a file, in whole pages.
struct Pages {
  uint64_t offset;
  uint64_t size;
};

absl::Status Unavailable(int error_number) {
  return absl::UnavailableError(
      absl::StrCat("The system does not say what is in the page cache: ",
                   ErrnoStatus(error_number, "cachestat, mincore").message()));
}

// The system calls return their results as -1 and errno; here, resident pages.

absl::StatusOr<uint64_t> Cachestat(int fd, Pages pages) {
  // As linux/mman.h has them since 6.5; the number is that of all machines.
  constexpr long kSysCachestat = 451;
  struct {
    uint64_t offset;
    uint64_t size;
  } range = {pages.offset, pages.size};
  struct {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } stat = {};
  if (syscall(kSysCachestat, fd, &range, &stat, 0) == 0) {
    return stat.cached;
  }
  switch (errno) {
    case ENOSYS:
    case EPERM:
    case EACCES:
    case EOPNOTSUPP:
      return Unavailable(errno);
    default:
      return ErrnoStatus(errno, "Asking for what is in the page cache");
  }
}

// mincore() says "all" of files of others, without an error.
bool TellsTheTruth(int fd) {
  struct stat info;
  if (fstat(fd, &info) == 0 && info.st_uid == geteuid()) {
    return true;
  }
  const std::string path = absl::StrCat("/proc/self/fd/", fd);
  return faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

absl::StatusOr<uint64_t> Mincore(int fd, Pages pages, uint64_t page_bytes) {
  void* const mapped = mmap(nullptr, pages.size, PROT_READ, MAP_SHARED, fd,
                            static_cast<off_t>(pages.offset));
  if (mapped == MAP_FAILED) {
    return errno == EBADF
               ? ErrnoStatus(errno, "Asking for what is in the page cache")
               : Unavailable(errno);
  }
  std::vector<unsigned char> is_resident(pages.size / page_bytes);
  const int result = mincore(mapped, pages.size, is_resident.data());
  const int error_number = errno;
  munmap(mapped, pages.size);
  if (result != 0) {
    return Unavailable(error_number);
  }
  return static_cast<uint64_t>(
      std::count_if(is_resident.begin(), is_resident.end(),
                    [](unsigned char page) { return (page & 1) != 0; }));
}

absl::StatusOr<uint64_t> ResidentPages(int fd, Pages pages, uint64_t page_bytes,
                                       ResidencyMethod method) {
  if (method != ResidencyMethod::kMincore) {
    const auto resident = Cachestat(fd, pages);
    if (method == ResidencyMethod::kCachestat ||
        !absl::IsUnavailable(resident.status())) {
      return resident;
    }
  }
  if (!TellsTheTruth(fd)) {
    return Unavailable(EACCES);
  }
  return Mincore(fd, pages, page_bytes);
}

// All of `pages` in parts, or as many of it as are to be looked at.
std::vector<Pages> SamplesOf(Pages pages, uint64_t page_bytes) {
  const bool is_all = pages.size <= kSamples * kSampleBytes;
  const uint64_t stride = is_all ? kSampleBytes
                                 : (pages.size - kSampleBytes) /
                                       (kSamples - 1) / page_bytes * page_bytes;
  std::vector<Pages> samples;
  for (uint64_t at = 0; at < pages.size && samples.size() < kSamples;
       at += stride) {
    samples.push_back(
        {pages.offset + at, std::min(kSampleBytes, pages.size - at)});
  }
  return samples;
}

}  // namespace

absl::StatusOr<double> ResidentFraction(int fd, uint64_t offset, uint64_t size,
                                        ResidencyMethod method) {
  const auto end = CheckedAdd(offset, size);
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (!end || *end > std::numeric_limits<int64_t>::max() - page_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("No file has ", size, " bytes from byte ", offset));
  }
  if (size == 0) {
    return 1.0;
  }
  const uint64_t first = offset / page_bytes * page_bytes;
  const uint64_t last = (*end - 1) / page_bytes * page_bytes;
  uint64_t all = 0;
  uint64_t resident = 0;
  for (const Pages& sample :
       SamplesOf({first, last + page_bytes - first}, page_bytes)) {
    HOIST_ASSIGN_OR_RETURN(const uint64_t pages,
                           ResidentPages(fd, sample, page_bytes, method));
    all += sample.size / page_bytes;
    resident += pages;
  }
  return static_cast<double>(resident) / static_cast<double>(all);
}

}  // namespace hoist
