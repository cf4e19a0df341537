#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/io/read_fully.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

std::string Quoted(const std::string& path) {
  return absl::StrCat("\"", path, "\"");
}

class PosixFile final : public RandomAccessFile {
 public:
  PosixFile(std::string path, int fd, const struct stat& info)
      : path_(std::move(path)),
        fd_(fd),
        size_bytes_(static_cast<uint64_t>(info.st_size)),
        changed_(info.st_mtim) {}
  ~PosixFile() override { close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    return ReadScattered(offset, {&out, 1});
  }

  absl::Status ReadScattered(
      uint64_t offset,
      absl::Span<const absl::Span<uint8_t>> parts) const override {
    uint64_t wanted = 0;
    for (const absl::Span<uint8_t> part : parts) {
      wanted += part.size();
    }
    if (offset > size_bytes_ || wanted > size_bytes_ - offset) {
      return absl::DataLossError(
          absl::StrCat(Quoted(path_), ": Wanted ", wanted, " bytes from byte ",
                       offset, ", the file has ", size_bytes_));
    }
    return Annotate(
        ReadFully([this](const iovec* into, int count,
                         off_t at) { return preadv(fd_, into, count, at); },
                  offset, parts),
        Quoted(path_));
  }

  int descriptor() const override { return fd_; }

  absl::Status CheckUnchanged() const override {
    struct stat now;
    if (fstat(fd_, &now) != 0) {
      const int error_number = errno;
      return ErrnoStatus(error_number,
                         absl::StrCat("Examining ", Quoted(path_)));
    }
    const bool is_same_size = static_cast<uint64_t>(now.st_size) == size_bytes_;
    if (is_same_size && now.st_mtim.tv_sec == changed_.tv_sec &&
        now.st_mtim.tv_nsec == changed_.tv_nsec) {
      return absl::OkStatus();
    }
    return WithHint(
        absl::DataLossError(absl::StrCat(
            Quoted(path_), " was changed while it was read",
            is_same_size ? ""
                         : absl::StrCat(": it had ", size_bytes_,
                                        " bytes, and has ", now.st_size))),
        "Wait until whoever writes it is done, and load it again");
  }

 private:
  const std::string path_;
  const int fd_;
  const uint64_t size_bytes_;
  const struct timespec changed_;
};

absl::Status OpenError(int error_number, const std::string& path) {
  const absl::Status error =
      ErrnoStatus(error_number, absl::StrCat("Opening ", Quoted(path)));
  switch (error_number) {
    case ENOENT:
      return WithHint(error,
                      "Check the path; relative ones start where you are");
    case EACCES:
      return WithHint(error, "Check who may read the file and its folders");
    default:
      return error;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(
    const std::string& path) {
  int fd;
  do {
    // O_NONBLOCK: opening a pipe that nobody writes to would block for ever.
    fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    const int error_number = errno;
    return OpenError(error_number, path);
  }
  struct stat info;
  if (fstat(fd, &info) != 0) {
    const int error_number = errno;
    close(fd);
    return ErrnoStatus(error_number, absl::StrCat("Examining ", Quoted(path)));
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            Quoted(path), " is ",
            S_ISDIR(info.st_mode) ? "a directory" : "not a regular file")),
        "Name one file");
  }
  return std::make_unique<PosixFile>(path, fd, info);
}

}  // namespace hoist
