#include "hoist/core/io/file_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace hoist {

int FileCalls::Open(const char* path, int flags, mode_t mode) {
  return open(path, flags, mode);
}

int FileCalls::Close(int descriptor) { return close(descriptor); }

ssize_t FileCalls::Pwrite(int descriptor, const void* data, size_t size,
                          off_t offset) {
  return pwrite(descriptor, data, size, offset);
}

int FileCalls::Fallocate(int descriptor, off_t offset, off_t size) {
  return fallocate(descriptor, 0, offset, size);
}

int FileCalls::Ftruncate(int descriptor, off_t size) {
  return ftruncate(descriptor, size);
}

int FileCalls::Fsync(int descriptor) { return fsync(descriptor); }

int FileCalls::Rename(const char* from, const char* to) {
  return rename(from, to);
}

int FileCalls::Exchange(const char* a, const char* b) {
  return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

int FileCalls::Unlink(const char* path) { return unlink(path); }

int FileCalls::Mkdir(const char* path, mode_t mode) {
  return mkdir(path, mode);
}

int FileCalls::Rmdir(const char* path) { return rmdir(path); }

int FileCalls::Chmod(const char* path, mode_t mode) {
  return chmod(path, mode);
}

int FileCalls::Stat(const char* path, struct stat* out) {
  return stat(path, out);
}

int FileCalls::Statvfs(const char* path, struct statvfs* out) {
  return statvfs(path, out);
}

ssize_t FileCalls::Readlink(const char* path, char* out, size_t size) {
  return readlink(path, out, size);
}

int FileCalls::List(const char* path, std::vector<std::string>* names) {
  DIR* const directory = opendir(path);
  if (directory == nullptr) {
    return -1;
  }
  errno = 0;
  while (const dirent* const entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      names->push_back(entry->d_name);
    }
  }
  const int error_number = errno;
  closedir(directory);
  errno = error_number;
  return error_number == 0 ? 0 : -1;
}

pid_t FileCalls::Getpid() { return getpid(); }

int FileCalls::Kill(pid_t process, int signal) { return kill(process, signal); }

}  // namespace hoist
