#include "hoist/core/io/mmap_path.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/core/io/one_read_queue.h"
#include "hoist/core/io/read_fully.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14
#endif

namespace hoist {
namespace {

constexpr char kHint[] = "Load it with --io=pread";

// A mapping, and the file it is of.
class Mapping {
 public:
  Mapping(std::shared_ptr<const RandomAccessFile> file, void* data)
      : file_(std::move(file)), data_(static_cast<uint8_t*>(data)) {}
  ~Mapping() {
    if (data_ != nullptr) {
      munmap(data_, file_->size_bytes());
    }
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const RandomAccessFile& file() const { return *file_; }
  absl::Span<uint8_t> bytes() const { return {data_, file_->size_bytes()}; }

  // Reads the pages of a range, so that touching them raises no signal.
  absl::Status Populate(uint64_t offset, uint64_t size) const;

 private:
  const std::shared_ptr<const RandomAccessFile> file_;
  uint8_t* const data_;
};

absl::Status Mapping::Populate(uint64_t offset, uint64_t size) const {
  if (size == 0) {
    return absl::OkStatus();
  }
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page;
  int errors = 0;
  while (madvise(data_ + begin, offset + size - begin, MADV_POPULATE_READ) !=
         0) {
    const int error_number = errno;
    if (error_number == EINVAL) {
      // An older kernel: the size is all that can be asked for.
      return file_->CheckUnchanged();
    }
    if (error_number == EINTR || error_number == EAGAIN) {
      continue;
    }
    // EFAULT stands for SIGBUS, and that for an I/O error or a file cut short.
    HOIST_RETURN_IF_ERROR(file_->CheckUnchanged());
    if (++errors > kMaxIoRetries) {
      return WithHint(
          ErrnoStatus(error_number == EFAULT ? EIO : error_number,
                      absl::StrCat("\"", file_->path(), "\": Reading ", size,
                                   " bytes at byte ", offset,
                                   " of the mapped file failed")),
          kHint);
    }
  }
  return absl::OkStatus();
}

class MmapQueue : public OneReadQueue {
 public:
  explicit MmapQueue(const Mapping& mapping) : mapping_(mapping) {}

 private:
  absl::Status Read(uint64_t offset,
                    std::vector<absl::Span<uint8_t>> parts) override {
    uint64_t size = 0;
    for (const absl::Span<uint8_t> part : parts) {
      size += part.size();
    }
    const uint64_t file_size = mapping_.bytes().size();
    if (offset > file_size || size > file_size - offset) {
      return absl::DataLossError(absl::StrCat(
          "\"", mapping_.file().path(), "\": Wanted ", size,
          " bytes from byte ", offset, ", the file has ", file_size));
    }
    HOIST_RETURN_IF_ERROR(mapping_.Populate(offset, size));
    const uint8_t* from = mapping_.bytes().data() + offset;
    for (const absl::Span<uint8_t> part : parts) {
      if (!part.empty() && part.data() != from) {
        std::memcpy(part.data(), from, part.size());
      }
      from += part.size();
    }
    return absl::OkStatus();
  }

  const Mapping& mapping_;
};

class MmapPath : public ReadPath {
 public:
  explicit MmapPath(std::shared_ptr<const Mapping> mapping)
      : mapping_(std::move(mapping)) {}

  ReadMethod method() const override { return ReadMethod::kMmap; }
  std::unique_ptr<ReadQueue> MakeQueue(int, size_t) override {
    return std::make_unique<MmapQueue>(*mapping_);
  }
  absl::Span<uint8_t> mapped_bytes() const override {
    return mapping_->bytes();
  }
  std::shared_ptr<const void> mapping() const override { return mapping_; }

 private:
  const std::shared_ptr<const Mapping> mapping_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReadPath>> MakeMmapPath(
    std::shared_ptr<const RandomAccessFile> file) {
  if (file->descriptor() < 0) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            "\"", file->path(), "\" is no file that can be mapped")),
        kHint);
  }
  void* data = nullptr;
  if (file->size_bytes() > 0) {
    // Private, so that who writes to a tensor does not write to the file.
    data = mmap(nullptr, file->size_bytes(), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_NORESERVE, file->descriptor(), 0);
    if (data == MAP_FAILED) {
      const int error_number = errno;
      return WithHint(
          ErrnoStatus(error_number,
                      absl::StrCat("Mapping \"", file->path(), "\" failed")),
          kHint);
    }
  }
  return std::make_unique<MmapPath>(
      std::make_shared<const Mapping>(std::move(file), data));
}

}  // namespace hoist
