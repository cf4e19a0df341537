#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_FOLDER_NAMES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_FOLDER_NAMES_H_

#include <string>
#include <vector>

namespace hoist {

// What is in a directory, by name, sorted; links are what they point to.
struct FolderNames {
  std::vector<std::string> files;
  std::vector<std::string> folders;
};

// Lists a directory, as far as its first 100,000 entries; nothing where it
// cannot be read. Blocks. Thread-safe.
FolderNames ListFolder(const std::string& path);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_FOLDER_NAMES_H_
