#include "hoist/core/io/direct_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hoist {

DirectFile::DirectFile(std::shared_ptr<const RandomAccessFile> file)
    : file_(std::move(file)) {
  if (file_->descriptor() < 0) {
    AddNote("it is no file of the system");
    return;
  }
  // Not by its path: another file may be there by now.
  const std::string path = absl::StrCat("/proc/self/fd/", file_->descriptor());
  do {
    descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) {
    AddNote(absl::StrCat("opening with O_DIRECT failed: ", strerror(errno)));
    return;
  }
  is_direct_ = true;
}

DirectFile::~DirectFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

absl::Status DirectFile::Finish(DirectRead& read, ssize_t result) {
  if (read.Complete(result)) {
    return absl::OkStatus();
  }
  if (result == -EINVAL || result == -EOPNOTSUPP) {
    is_direct_ = false;
    AddNote("the file system takes no reads with O_DIRECT");
  } else if (result < 0) {
    AddNote(absl::StrCat("a read with O_DIRECT failed: ",
                         strerror(static_cast<int>(-result))));
  }
  return file_->ReadScattered(read.offset(), read.parts());
}

void DirectFile::AddNote(absl::string_view note) {
  MutexLock lock(&mu_);
  if (note_.empty()) {
    note_ = std::string(note);
  }
}

std::string DirectFile::note() {
  MutexLock lock(&mu_);
  return note_;
}

}  // namespace hoist
