#ifndef HOIST_CORE_IO_TEMPORARY_SIBLING_H_
#define HOIST_CORE_IO_TEMPORARY_SIBLING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/io/file_system.h"

namespace hoist {

// What AtomicFile and AtomicDirectory share, and what cleans up after others.
// All of it blocks.

// `path` without slashes at its end, or what it leads to if it is a link, be it
// through other links; nothing need be there. kInvalidArgument for what has no
// name, and for links without end.
absl::StatusOr<std::string> FollowLinks(FileSystem& file_system,
                                        const std::string& path);

// The directory that `path` is in, which FollowLinks() returned.
std::string DirectoryOf(const std::string& path);

enum class SiblingKind {
  kNew,  // what will be at the path, ".NAME.hoist-PROCESS-RANDOM.tmp"
  kOld,  // what was there until it is replaced, "….old"
};

// A name beside `path` that is this process's, and that nothing has.
std::string TemporarySibling(FileSystem& file_system, const std::string& path,
                             SiblingKind kind);

// Removes what processes that are gone have left beside `path` under such
// names; of an old one that nothing has replaced, it puts that back. What
// cannot be removed stays.
void CleanUpLeftovers(FileSystem& file_system, const std::string& path);

// Names in `directory` that CleanUpLeftovers() has something to do for, be they
// there themselves or not. Errors are those of listing it.
absl::StatusOr<std::vector<std::string>> NamesWithLeftovers(
    FileSystem& file_system, const std::string& directory);

// kResourceExhausted if the disk has less than `expected_bytes` for `path`.
absl::Status CheckFreeBytes(FileSystem& file_system, const std::string& path,
                            uint64_t expected_bytes);

// kAlreadyExists: it was not to be replaced.
absl::Status AlreadyThereError(const std::string& path);

// Removes a file, or a directory of nothing but files; ok if nothing is there.
absl::Status RemoveFileOrDirectory(FileSystem& file_system,
                                   const std::string& path);

}  // namespace hoist

#endif  // HOIST_CORE_IO_TEMPORARY_SIBLING_H_
