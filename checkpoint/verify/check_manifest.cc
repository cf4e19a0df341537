#include "hoist/checkpoint/verify/check_manifest.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

namespace fs = std::filesystem;

// A path without "." and "..", from the root on.
fs::path Absolute(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return (error ? fs::path(path) : absolute).lexically_normal();
}

// As a manifest names `path`.
std::string NameIn(const fs::path& manifest, const fs::path& path) {
  return path.lexically_relative(manifest.parent_path()).string();
}

absl::Status ListFolder(const fs::path& folder, std::vector<fs::path>& files) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code of_entry;
    if (it->is_directory(of_entry)) {
      if (!it->is_symlink(of_entry) &&
          !absl::StartsWith(it->path().filename().string(), ".")) {
        HOIST_RETURN_IF_ERROR(ListFolder(it->path(), files));
      }
    } else if (it->is_regular_file(of_entry)) {
      files.push_back(it->path());
    }
  }
  return error ? ErrnoStatus(error.value(),
                             absl::StrCat(folder.string(), ": Listing it"))
               : absl::OkStatus();
}

// The files of what is at `path`, but for the manifest.
absl::StatusOr<std::vector<fs::path>> FilesOf(const fs::path& path,
                                              const fs::path& manifest) {
  std::error_code error;
  std::vector<fs::path> files;
  if (!fs::is_directory(path, error)) {
    files = {path};
  } else {
    HOIST_RETURN_IF_ERROR(ListFolder(path, files));
    std::erase(files, manifest);
    std::sort(files.begin(), files.end());
  }
  return files;
}

// Of `files`, in their order.
absl::StatusOr<std::vector<absl::StatusOr<std::string>>> DigestFiles(
    absl::Span<const fs::path> files, const DigestOptions& options) {
  std::vector<absl::StatusOr<std::string>> digests(files.size());
  uint64_t all_bytes = 0;
  for (const fs::path& file : files) {
    std::error_code error;
    const uintmax_t size = fs::file_size(file, error);
    all_bytes += error ? 0 : size;
  }
  std::atomic<uint64_t> done_bytes = 0;
  const auto add = [&](uint64_t bytes) {
    const uint64_t done = done_bytes += bytes;
    if (options.on_progress) {
      options.on_progress(done, all_bytes);
    }
  };
  const auto digest = [&](int64_t i) -> absl::Status {
    absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
        OpenFile(files[i].string());
    if (!file.ok()) {
      digests[i] = file.status();
    } else {
      digests[i] = FileSha256(*std::move(file), options.cancel, add);
    }
    return absl::IsCancelled(digests[i].status()) ? digests[i].status()
                                                  : absl::OkStatus();
  };
  const auto count = static_cast<int64_t>(files.size());
  if (options.pool != nullptr) {
    HOIST_RETURN_IF_ERROR(ParallelFor(*options.pool, count, digest));
  } else {
    for (int64_t i = 0; i < count; ++i) {
      HOIST_RETURN_IF_ERROR(digest(i));
    }
  }
  return digests;
}

// Whether `path` is in the folder, however deep.
bool IsBelow(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != ".." && relative != ".";
}

}  // namespace

absl::StatusOr<std::vector<ManifestEntry>> MakeManifest(
    const std::string& path, const std::string& manifest_path,
    const DigestOptions& options) {
  const fs::path manifest = Absolute(manifest_path);
  HOIST_ASSIGN_OR_RETURN(const std::vector<fs::path> files,
                         FilesOf(Absolute(path), manifest));
  HOIST_ASSIGN_OR_RETURN(const auto digests, DigestFiles(files, options));
  std::vector<ManifestEntry> entries;
  for (size_t i = 0; i < files.size(); ++i) {
    HOIST_RETURN_IF_ERROR(digests[i].status());
    entries.push_back({NameIn(manifest, files[i]), *digests[i]});
  }
  return entries;
}

absl::Status CheckManifest(const std::string& path,
                           const std::string& manifest_path,
                           absl::Span<const ManifestEntry> entries,
                           const DigestOptions& options, VerifyReport& report) {
  const fs::path root = Absolute(path);
  const fs::path manifest = Absolute(manifest_path);
  HOIST_ASSIGN_OR_RETURN(std::vector<fs::path> files, FilesOf(root, manifest));
  for (const ManifestEntry& entry : entries) {
    const fs::path named =
        (manifest.parent_path() / entry.name).lexically_normal();
    std::error_code error;
    if (IsBelow(named, root) && !fs::exists(named, error)) {
      report.damages.push_back({.path = named.string(),
                                .problem = "it is missing, and the manifest "
                                           "names it"});
    }
  }
  std::vector<const ManifestEntry*> recorded;
  bool has_gap = false;
  std::erase_if(files, [&](const fs::path& file) {
    std::vector<std::string> names = {NameIn(manifest, file), file.string()};
    if (IsBelow(file, root)) {
      names.push_back(file.lexically_relative(root).string());
    }
    const ManifestEntry* const entry = FindInManifest(entries, names);
    if (entry == nullptr) {
      has_gap = true;
      report.not_possible.push_back(
          {VerifyLevel::kChecksum,
           absl::StrCat("The manifest has no digest of ", file.string())});
    } else {
      recorded.push_back(entry);
    }
    return entry == nullptr;
  });
  if (!has_gap) {
    std::erase_if(report.not_possible, [](const auto& not_possible) {
      return not_possible.level == VerifyLevel::kChecksum;
    });
  }
  HOIST_ASSIGN_OR_RETURN(const auto digests, DigestFiles(files, options));
  for (size_t i = 0; i < files.size(); ++i) {
    std::string problem;
    if (!digests[i].ok()) {
      problem = std::string(digests[i].status().message());
    } else if (*digests[i] != recorded[i]->sha256) {
      problem = absl::StrCat("its SHA-256 is ", *digests[i], ", and ",
                             recorded[i]->sha256, " is recorded");
    }
    ++report.digested_files;
    if (!problem.empty()) {
      report.damages.push_back(
          {.path = files[i].string(), .problem = std::move(problem)});
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
