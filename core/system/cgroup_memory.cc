#include "hoist/core/system/cgroup_memory.h"

#include <limits.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/system/text_file.h"

namespace hoist {
namespace {

// How a version of cgroups calls things.
struct Version {
  absl::string_view file_system;  // its type in mountinfo
  absl::string_view controller;   // in /proc/self/cgroup and mount options
  std::vector<absl::string_view> limits;
  absl::string_view usage;
  std::vector<absl::string_view> page_cache;  // in memory.stat, summed up
};

std::vector<Version> Versions() {
  return {{.file_system = "cgroup2",
           .controller = "",
           .limits = {"memory.max", "memory.high"},
           .usage = "memory.current",
           .page_cache = {"inactive_file", "active_file"}},
          {.file_system = "cgroup",
           .controller = "memory",
           .limits = {"memory.limit_in_bytes"},
           .usage = "memory.usage_in_bytes",
           .page_cache = {"total_inactive_file", "total_active_file"}}};
}

// Version 1's word for no limit is the largest number of whole pages.
constexpr uint64_t kNoLimitBytes = uint64_t{1} << 62;

std::optional<uint64_t> ReadNumber(const std::string& path) {
  const auto text = ReadTextFile(path);
  uint64_t number;
  if (!text || !absl::SimpleAtoi(*text, &number)) {
    return std::nullopt;  // "max", too
  }
  return number;
}

bool HasWord(absl::string_view words, absl::string_view word) {
  const std::vector<absl::string_view> all = absl::StrSplit(words, ',');
  return std::find(all.begin(), all.end(), word) != all.end();
}

// "4:memory,hugetlb:/path", of version 2 "0::/path".
std::optional<std::string> GroupOf(const Version& version,
                                   absl::string_view cgroups) {
  for (const absl::string_view line : absl::StrSplit(cgroups, '\n')) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() == 3 && absl::StartsWith(fields[2], "/") &&
        fields[2].size() < PATH_MAX && HasWord(fields[1], version.controller)) {
      return std::string(fields[2]);
    }
  }
  return std::nullopt;
}

struct Mount {
  std::string group;  // what of the hierarchy is mounted
  std::string path;   // where
};

// "35 31 0:32 /group /path rw shared:1 - cgroup source rw,memory".
std::optional<Mount> ParseMount(const Version& version,
                                absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(line, absl::MaxSplits(" - ", 1));
  const std::vector<absl::string_view> where =
      absl::StrSplit(halves.first, ' ');
  const std::vector<absl::string_view> what =
      absl::StrSplit(halves.second, ' ');
  Mount mount;
  // Spaces in paths are written "\040".
  if (where.size() < 5 || what.size() < 3 || what[0] != version.file_system ||
      !absl::CUnescape(where[3], &mount.group) ||
      !absl::CUnescape(where[4], &mount.path)) {
    return std::nullopt;
  }
  if (!version.controller.empty() && !HasWord(what[2], version.controller)) {
    return std::nullopt;
  }
  return mount;
}

// The way from what is mounted down to `group`, empty or with a slash before
// each name; nullopt if it is not in there.
std::optional<std::string> PathBelow(const Mount& mount,
                                     const std::string& group) {
  absl::string_view below = group;
  if (mount.group != "/" && !absl::ConsumePrefix(&below, mount.group)) {
    return std::nullopt;
  }
  absl::ConsumeSuffix(&below, "/");
  if (!below.empty() && below[0] != '/') {
    return std::nullopt;
  }
  // ".." leads out of what the own cgroup namespace shows.
  if (absl::StartsWith(below, "/..")) {
    return std::nullopt;
  }
  return std::string(below);
}

uint64_t PageCacheBytes(const Version& version, const std::string& folder) {
  const auto stat = ReadTextFile(absl::StrCat(folder, "/memory.stat"));
  uint64_t sum = 0;
  for (const absl::string_view line : absl::StrSplit(stat.value_or(""), '\n')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    uint64_t bytes;
    if (std::find(version.page_cache.begin(), version.page_cache.end(),
                  field.first) != version.page_cache.end() &&
        absl::SimpleAtoi(field.second, &bytes)) {
      sum = CheckedAdd(sum, bytes).value_or(sum);
    }
  }
  return sum;
}

void AddLimits(const Version& version, const std::string& root,
               const std::string& folder, std::vector<CgroupMemory>& limits) {
  for (const absl::string_view name : version.limits) {
    const std::string file = absl::StrCat(folder, "/", name);
    const auto limit = ReadNumber(root + file);
    if (!limit || *limit >= kNoLimitBytes) {
      continue;
    }
    const std::string usage = absl::StrCat(root, folder, "/", version.usage);
    const uint64_t used = ReadNumber(usage).value_or(0);
    const uint64_t cache = PageCacheBytes(version, root + folder);
    limits.push_back({file, *limit, used - std::min(used, cache)});
  }
}

// Where the group of this process is: at the mount it is mounted in, or, where
// that cannot be seen, the first mount, which is above it.
std::optional<Mount> FindMount(const Version& version, absl::string_view mounts,
                               const std::string& group, std::string& below) {
  std::optional<Mount> first;
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    const auto mount = ParseMount(version, line);
    const auto path = mount ? PathBelow(*mount, group) : std::nullopt;
    if (path) {
      below = *path;
      return mount;
    }
    if (!first) {
      first = mount;
    }
  }
  below.clear();
  return first;
}

}  // namespace

std::vector<CgroupMemory> CgroupMemoryLimits(const std::string& root) {
  const std::string cgroups =
      ReadTextFile(root + "/proc/self/cgroup").value_or("");
  const std::string mounts =
      ReadTextFile(root + "/proc/self/mountinfo").value_or("");
  std::vector<CgroupMemory> limits;
  for (const Version& version : Versions()) {
    const auto group = GroupOf(version, cgroups);
    if (!group) {
      continue;
    }
    std::string below;
    const auto mount = FindMount(version, mounts, *group, below);
    if (!mount) {
      continue;
    }
    AddLimits(version, root, mount->path + below, limits);
    while (!below.empty()) {
      below.resize(below.rfind('/'));
      AddLimits(version, root, mount->path + below, limits);
    }
  }
  return limits;
}

}  // namespace hoist
