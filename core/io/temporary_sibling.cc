#include "hoist/core/io/temporary_sibling.h"

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr int kMaxLinks = 40;  // as Linux has it
// What follows a name in that of its sibling.
constexpr absl::string_view kMark = ".hoist-";

absl::string_view NameOf(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string Beside(const std::string& path, absl::string_view name) {
  return absl::StrCat(path.substr(0, path.rfind('/') + 1), name);
}

absl::string_view SuffixOf(SiblingKind kind) {
  return kind == SiblingKind::kNew ? ".tmp" : ".old";
}

struct Sibling {
  absl::string_view of_name;
  SiblingKind kind;
  int64_t process;
};

// What TemporarySibling() has said of itself in a name that it made.
std::optional<Sibling> ParseSibling(absl::string_view name) {
  Sibling sibling;
  if (absl::ConsumeSuffix(&name, SuffixOf(SiblingKind::kNew))) {
    sibling.kind = SiblingKind::kNew;
  } else if (absl::ConsumeSuffix(&name, SuffixOf(SiblingKind::kOld))) {
    sibling.kind = SiblingKind::kOld;
  } else {
    return std::nullopt;
  }
  const size_t mark = name.rfind(kMark);
  if (mark == absl::string_view::npos || !absl::ConsumePrefix(&name, ".")) {
    return std::nullopt;
  }
  sibling.of_name = name.substr(0, mark - 1);
  const absl::string_view numbers = name.substr(mark - 1 + kMark.size());
  const size_t dash = numbers.find('-');
  uint64_t random;
  if (sibling.of_name.empty() || dash == absl::string_view::npos ||
      !absl::SimpleAtoi(numbers.substr(0, dash), &sibling.process) ||
      sibling.process <= 0 ||
      !absl::SimpleHexAtoi(numbers.substr(dash + 1), &random)) {
    return std::nullopt;
  }
  return sibling;
}

// The same, if that process is gone.
std::optional<Sibling> ParseLeftover(FileSystem& file_system,
                                     absl::string_view name) {
  std::optional<Sibling> sibling = ParseSibling(name);
  if (sibling && file_system.IsProcessAlive(sibling->process)) {
    return std::nullopt;
  }
  return sibling;
}

}  // namespace

absl::StatusOr<std::string> FollowLinks(FileSystem& file_system,
                                        const std::string& path) {
  std::string place = path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    while (place.size() > 1 && place.back() == '/') {
      place.pop_back();
    }
    const absl::string_view name = NameOf(place);
    if (name.empty() || name == "." || name == "..") {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", path, "\" is not the name of something that can be replaced"));
    }
    const absl::StatusOr<std::string> target = file_system.ReadLink(place);
    if (absl::IsInvalidArgument(target.status()) ||
        absl::IsNotFound(target.status())) {
      return place;
    }
    HOIST_RETURN_IF_ERROR(target.status());
    place = absl::StartsWith(*target, "/") ? *target : Beside(place, *target);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", path, "\" is a link through too many links"));
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string TemporarySibling(FileSystem& file_system, const std::string& path,
                             SiblingKind kind) {
  std::random_device random;
  return Beside(path, absl::StrFormat(".%s%s%d-%08x%08x%s", NameOf(path), kMark,
                                      file_system.ProcessId(), random(),
                                      random(), SuffixOf(kind)));
}

void CleanUpLeftovers(FileSystem& file_system, const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> names =
      file_system.ListDirectory(DirectoryOf(path));
  if (!names.ok()) {
    return;
  }
  for (const std::string& name : *names) {
    const std::optional<Sibling> sibling = ParseLeftover(file_system, name);
    if (!sibling || sibling->of_name != NameOf(path)) {
      continue;
    }
    if (sibling->kind == SiblingKind::kOld &&
        absl::IsNotFound(file_system.GetStatus(path).status())) {
      (void)file_system.Rename(Beside(path, name), path);
      continue;
    }
    // First it is made one of this process: should it be, against what its name
    // says, still written on another machine, it cannot be published any more
    // while its files are removed.
    const std::string own =
        TemporarySibling(file_system, path, SiblingKind::kNew);
    if (file_system.Rename(Beside(path, name), own).ok()) {
      (void)RemoveFileOrDirectory(file_system, own);
    }
  }
}

absl::StatusOr<std::vector<std::string>> NamesWithLeftovers(
    FileSystem& file_system, const std::string& directory) {
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         file_system.ListDirectory(directory));
  std::vector<std::string> found;
  for (const std::string& name : names) {
    const std::optional<Sibling> sibling = ParseLeftover(file_system, name);
    if (sibling && (found.empty() || found.back() != sibling->of_name)) {
      found.emplace_back(sibling->of_name);
    }
  }
  return found;
}

absl::Status CheckFreeBytes(FileSystem& file_system, const std::string& path,
                            uint64_t expected_bytes) {
  if (expected_bytes == 0) {
    return absl::OkStatus();
  }
  HOIST_ASSIGN_OR_RETURN(const uint64_t free_bytes,
                         file_system.FreeBytes(DirectoryOf(path)));
  if (free_bytes >= expected_bytes) {
    return absl::OkStatus();
  }
  return WithHint(absl::ResourceExhaustedError(absl::StrCat(
                      "Writing \"", path, "\" takes ", expected_bytes,
                      " bytes, and the disk has ", free_bytes, " left")),
                  "Make room, or write it to another disk");
}

absl::Status AlreadyThereError(const std::string& path) {
  return absl::AlreadyExistsError(
      absl::StrCat("\"", path, "\" is already there"));
}

absl::Status RemoveFileOrDirectory(FileSystem& file_system,
                                   const std::string& path) {
  const bool is_link = file_system.ReadLink(path).ok();
  const absl::StatusOr<FileStatus> status = file_system.GetStatus(path);
  if (absl::IsNotFound(status.status()) && !is_link) {
    return absl::OkStatus();
  }
  if (is_link ||
      (status.ok() && status->kind != FileStatus::Kind::kDirectory)) {
    return file_system.RemoveFile(path);
  }
  HOIST_RETURN_IF_ERROR(status.status());
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         file_system.ListDirectory(path));
  for (const std::string& name : names) {
    HOIST_RETURN_IF_ERROR(
        file_system.RemoveFile(absl::StrCat(path, "/", name)));
  }
  return file_system.RemoveDirectory(path);
}

}  // namespace hoist
