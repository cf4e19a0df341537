#ifndef HOIST_CORE_IO_TESTING_DISK_IMAGE_H_
#define HOIST_CORE_IO_TESTING_DISK_IMAGE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hoist {

// What becomes of what was never synced, when the machine stops.
enum class Unsynced {
  kDropped,  // it is lost
  kKept,     // all of it had reached the disk, as if only the process had ended
  kSome,     // some of it had, by the seed: of files any pages, and changes of
             // directories up to some, or any of them
};

// A model of a directory on a disk and of the memory before that: which bytes
// of files and which entries of directories would be there if the machine
// stopped now. It is as strict as POSIX: only fsync() of a file keeps its bytes
// and permissions, and only fsync() of a directory its entries; changes that
// one call makes are kept as one. All paths are below the root, and name no
// links on their way. Thread-compatible.
class DiskImage {
 public:
  // All that is in the directory `root` now is on the disk.
  explicit DiskImage(std::string root);

  // Whether it is the root or something in it.
  bool Holds(absl::string_view path) const;
  // Whether something of it was opened by that number.
  bool Holds(int descriptor) const { return open_.contains(descriptor); }

  // What a call has done. Descriptors are only numbers here.
  void Open(const std::string& path, int descriptor);
  void CreateFile(const std::string& path, int descriptor, mode_t mode);
  void Close(int descriptor);
  void Write(int descriptor, uint64_t offset, absl::string_view bytes);
  void SetSize(int descriptor, uint64_t size_bytes);
  void Sync(int descriptor);
  void Rename(const std::string& from, const std::string& to);
  void Exchange(const std::string& a, const std::string& b);
  void Remove(const std::string& path);  // a file, or an empty directory
  void CreateDirectory(const std::string& path, mode_t mode);
  void SetPermissions(const std::string& path, mode_t mode);

  uint64_t SizeOf(int descriptor) const;
  uint64_t TotalBytes() const;  // of all files, as programs see them

  // Makes the real directory what the disk would have, which is this image's
  // content then; no descriptor is open.
  void Stop(Unsynced unsynced, uint64_t seed);

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodePtr>;

  // What happens to a file's bytes between two fsync().
  struct FileChange {
    bool sets_size = false;
    uint64_t offset = 0;  // or the size
    std::string bytes;
  };
  struct Node {
    enum class Kind { kFile, kDirectory, kLink } kind = Kind::kFile;
    mode_t mode = 0;
    mode_t synced_mode = 0;
    // As programs see them, and as the disk has them. A link's is its target.
    std::string bytes;
    std::string synced_bytes;
    std::vector<FileChange> unsynced;
    Entries entries;
    Entries synced_entries;
  };
  // An entry as one call left it: null if it is none any more.
  struct EntryChange {
    NodePtr directory;
    std::string name;
    NodePtr node;
  };
  using DirectoryChange = std::vector<EntryChange>;  // of one call

  static NodePtr Scan(const std::string& path);
  static void Apply(const FileChange& change, std::string& bytes);
  static void Restore(const Node& node, const std::string& path);

  // The directory that holds it, and its name there.
  std::pair<NodePtr, std::string> Find(const std::string& path) const;
  NodePtr NodeAt(const std::string& path) const;
  void Change(DirectoryChange change);
  void Change(int descriptor, FileChange change);
  void SyncEntriesOf(const NodePtr& directory);
  static void Keep(const DirectoryChange& change);
  static void KeepFiles(Node& node, Unsynced unsynced, std::mt19937_64& random);

  const std::string root_path_;
  NodePtr root_;
  std::map<int, NodePtr> open_;
  std::vector<DirectoryChange> unsynced_;  // in the order of the calls
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_TESTING_DISK_IMAGE_H_
