#include "hoist/core/io/atomic_directory.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/io/temporary_sibling.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint32_t kUsualFilePermissions = 0666;  // less the umask's

std::string Inside(const std::string& directory, absl::string_view name) {
  return absl::StrCat(directory, "/", name);
}

}  // namespace

absl::StatusOr<std::optional<AtomicDirectory::Replaced>>
AtomicDirectory::WhatToReplace(FileSystem& file_system, const std::string& path,
                               bool overwrite) {
  const absl::StatusOr<FileStatus> status = file_system.GetStatus(path);
  if (absl::IsNotFound(status.status())) {
    return std::nullopt;
  }
  HOIST_RETURN_IF_ERROR(status.status());
  if (!overwrite) {
    return AlreadyThereError(path);
  }
  Replaced replaced = {
      .is_directory = status->kind == FileStatus::Kind::kDirectory,
      .permissions = status->permissions,
      .file_permissions = kUsualFilePermissions};
  if (status->kind == FileStatus::Kind::kFile) {
    replaced.file_permissions = status->permissions;
    return replaced;
  }
  if (!replaced.is_directory) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", path, "\" is no file and no directory, and is not replaced"));
  }
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         file_system.ListDirectory(path));
  for (const std::string& name : names) {
    HOIST_ASSIGN_OR_RETURN(const FileStatus inside,
                           file_system.GetStatus(Inside(path, name)));
    if (inside.kind != FileStatus::Kind::kFile) {
      return WithHint(absl::FailedPreconditionError(absl::StrCat(
                          "\"", path, "\" is not replaced: \"", name,
                          "\" in it is no file, and would be lost")),
                      "Name another directory, or remove this one yourself");
    }
    if (&name == &names.front()) {
      replaced.file_permissions = inside.permissions;
    }
  }
  return replaced;
}

AtomicDirectory::AtomicDirectory(FileSystem& file_system, std::string path,
                                 std::string temporary_path,
                                 const PublishOptions& options,
                                 std::optional<Replaced> replaced)
    : file_system_(file_system),
      path_(std::move(path)),
      temporary_path_(std::move(temporary_path)),
      options_(options),
      replaced_(std::move(replaced)) {}

AtomicDirectory::~AtomicDirectory() {
  if (!is_published_) {
    (void)RemoveFileOrDirectory(file_system_, temporary_path_);
  }
}

absl::StatusOr<std::unique_ptr<AtomicDirectory>> AtomicDirectory::Create(
    FileSystem& file_system, const std::string& path,
    const PublishOptions& options) {
  HOIST_ASSIGN_OR_RETURN(const std::string place,
                         FollowLinks(file_system, path));
  CleanUpLeftovers(file_system, place);
  HOIST_ASSIGN_OR_RETURN(std::optional<Replaced> replaced,
                         WhatToReplace(file_system, place, options.overwrite));
  HOIST_RETURN_IF_ERROR(
      CheckFreeBytes(file_system, place, options.expected_bytes));
  std::string temporary_path =
      TemporarySibling(file_system, place, SiblingKind::kNew);
  HOIST_RETURN_IF_ERROR(file_system.CreateDirectory(temporary_path));
  return std::unique_ptr<AtomicDirectory>(
      new AtomicDirectory(file_system, place, std::move(temporary_path),
                          options, std::move(replaced)));
}

absl::StatusOr<std::unique_ptr<OutputFile>> AtomicDirectory::CreateFile(
    const std::string& name, uint64_t expected_bytes) {
  if (name.empty() || name == "." || name == ".." ||
      name.find('/') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is no name of a file"));
  }
  const std::string path = Inside(temporary_path_, name);
  if (!replaced_) {
    return file_system_.CreateFile(path, expected_bytes, kUsualFilePermissions);
  }
  HOIST_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file,
                         file_system_.CreateFile(path, expected_bytes,
                                                 replaced_->file_permissions));
  // What the umask has taken away.
  HOIST_RETURN_IF_ERROR(
      file_system_.SetPermissions(path, replaced_->file_permissions));
  return file;
}

absl::Status AtomicDirectory::Publish() {
  HOIST_ASSIGN_OR_RETURN(
      const std::optional<Replaced> replaced,
      WhatToReplace(file_system_, path_, options_.overwrite));
  if (replaced && replaced->is_directory) {
    HOIST_RETURN_IF_ERROR(
        file_system_.SetPermissions(temporary_path_, replaced->permissions));
  }
  HOIST_RETURN_IF_ERROR(file_system_.SyncDirectory(temporary_path_));
  if (options_.check) {
    HOIST_RETURN_IF_ERROR(options_.check(temporary_path_));
  }
  HOIST_ASSIGN_OR_RETURN(const std::string old,
                         TakePlace(replaced.has_value()));
  is_published_ = true;
  HOIST_RETURN_IF_ERROR(file_system_.SyncDirectory(DirectoryOf(path_)));
  if (!old.empty()) {
    (void)RemoveFileOrDirectory(file_system_, old);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AtomicDirectory::TakePlace(bool is_there) {
  if (!is_there) {
    HOIST_RETURN_IF_ERROR(file_system_.Rename(temporary_path_, path_));
    return std::string();
  }
  const absl::Status exchanged = file_system_.Exchange(temporary_path_, path_);
  if (exchanged.ok()) {
    return temporary_path_;
  }
  if (!absl::IsUnimplemented(exchanged)) {
    return exchanged;
  }
  std::string old = TemporarySibling(file_system_, path_, SiblingKind::kOld);
  HOIST_RETURN_IF_ERROR(file_system_.Rename(path_, old));
  const absl::Status renamed = file_system_.Rename(temporary_path_, path_);
  if (!renamed.ok()) {
    (void)file_system_.Rename(old, path_);
    return renamed;
  }
  return old;
}

}  // namespace hoist
