#include "hoist/checkpoint/formats/detect/folder_names.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

namespace hoist {

FolderNames ListFolder(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr size_t kMaxEntries = 100'000;
  FolderNames names;
  std::error_code error;
  fs::directory_iterator entries(path, error);
  for (size_t i = 0;
       !error && entries != fs::directory_iterator() && i < kMaxEntries;
       ++i, entries.increment(error)) {
    std::error_code ignored;
    auto& list = entries->is_directory(ignored) ? names.folders : names.files;
    list.push_back(entries->path().filename().string());
  }
  std::sort(names.files.begin(), names.files.end());
  std::sort(names.folders.begin(), names.folders.end());
  return names;
}

}  // namespace hoist
