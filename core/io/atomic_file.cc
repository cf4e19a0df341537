#include "hoist/core/io/atomic_file.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/io/temporary_sibling.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// What is there, if that may be replaced; nullopt if nothing is.
absl::StatusOr<std::optional<FileStatus>> FileToReplace(FileSystem& file_system,
                                                        const std::string& path,
                                                        bool overwrite) {
  absl::StatusOr<FileStatus> status = file_system.GetStatus(path);
  if (absl::IsNotFound(status.status())) {
    return std::nullopt;
  }
  HOIST_RETURN_IF_ERROR(status.status());
  if (status->kind != FileStatus::Kind::kFile) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", path, "\" is no file, and is not replaced by one"));
  }
  if (!overwrite) {
    return AlreadyThereError(path);
  }
  return *std::move(status);
}

}  // namespace

AtomicFile::AtomicFile(FileSystem& file_system, std::string path,
                       const PublishOptions& options,
                       std::unique_ptr<OutputFile> file)
    : file_system_(file_system),
      path_(std::move(path)),
      temporary_path_(file->path()),
      options_(options),
      file_(std::move(file)) {}

AtomicFile::~AtomicFile() {
  file_ = nullptr;
  if (!is_published_) {
    (void)file_system_.RemoveFile(temporary_path_);
  }
}

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Create(
    FileSystem& file_system, const std::string& path,
    const PublishOptions& options) {
  HOIST_ASSIGN_OR_RETURN(const std::string place,
                         FollowLinks(file_system, path));
  CleanUpLeftovers(file_system, place);
  HOIST_ASSIGN_OR_RETURN(const std::optional<FileStatus> replaced,
                         FileToReplace(file_system, place, options.overwrite));
  HOIST_RETURN_IF_ERROR(
      CheckFreeBytes(file_system, place, options.expected_bytes));
  HOIST_ASSIGN_OR_RETURN(
      std::unique_ptr<OutputFile> file,
      file_system.CreateFile(
          TemporarySibling(file_system, place, SiblingKind::kNew),
          options.expected_bytes, replaced ? replaced->permissions : 0666));
  std::unique_ptr<AtomicFile> result(
      new AtomicFile(file_system, place, options, std::move(file)));
  if (replaced) {
    // What the umask has taken away.
    HOIST_RETURN_IF_ERROR(file_system.SetPermissions(result->temporary_path_,
                                                     replaced->permissions));
  }
  return result;
}

absl::Status AtomicFile::Publish() {
  HOIST_RETURN_IF_ERROR(file_->Sync());
  file_ = nullptr;
  if (options_.check) {
    HOIST_RETURN_IF_ERROR(options_.check(temporary_path_));
  }
  HOIST_RETURN_IF_ERROR(
      FileToReplace(file_system_, path_, options_.overwrite).status());
  HOIST_RETURN_IF_ERROR(file_system_.Rename(temporary_path_, path_));
  is_published_ = true;
  return file_system_.SyncDirectory(DirectoryOf(path_));
}

}  // namespace hoist
