#include "hoist/core/system/memory_budget.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/system/cgroup_memory.h"
#include "hoist/core/system/text_file.h"

namespace hoist {
namespace {

std::string Text(uint64_t bytes) {
  constexpr double kMebi = 1 << 20;
  const double mebi = static_cast<double>(bytes) / kMebi;
  return mebi < 1024 ? absl::StrFormat("%.1f MiB", mebi)
                     : absl::StrFormat("%.1f GiB", mebi / 1024);
}

// What stands behind `name` in the file at `path`, words apart.
std::vector<std::string> WordsAfter(absl::string_view name,
                                    const std::string& path) {
  const std::string text = ReadTextFile(path).value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, name)) {
      return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    }
  }
  return {};
}

// "MemAvailable:   22429228 kB"
std::optional<uint64_t> KibibytesAfter(absl::string_view name,
                                       const std::string& path) {
  const auto words = WordsAfter(name, path);
  uint64_t kibibytes;
  if (words.size() != 2 || words[1] != "kB" ||
      !absl::SimpleAtoi(words[0], &kibibytes)) {
    return std::nullopt;
  }
  return CheckedMul(kibibytes, uint64_t{1024});
}

void Lower(uint64_t available_bytes, std::string reason, MemoryBudget& budget) {
  if (available_bytes < budget.available_bytes) {
    budget = {available_bytes, std::move(reason)};
  }
}

uint64_t Left(uint64_t limit, uint64_t used) {
  return limit - std::min(limit, used);
}

}  // namespace

MemoryBudget HostMemoryBudget(const std::string& root) {
  MemoryBudget budget;
  const auto machine = KibibytesAfter("MemAvailable:", root + "/proc/meminfo");
  if (machine) {
    Lower(*machine, absl::StrCat("machine has ", Text(*machine), " available"),
          budget);
  }
  for (const CgroupMemory& group : CgroupMemoryLimits(root)) {
    Lower(Left(group.limit_bytes, group.used_bytes),
          absl::StrCat("container allows ", Text(group.limit_bytes),
                       " (page cache not counted: ", Text(group.used_bytes),
                       " in use), says ", group.file),
          budget);
  }
  const auto address_space =
      WordsAfter("Max address space", root + "/proc/self/limits");
  uint64_t limit;
  if (!address_space.empty() && absl::SimpleAtoi(address_space[0], &limit)) {
    const uint64_t used =
        KibibytesAfter("VmSize:", root + "/proc/self/status").value_or(0);
    Lower(Left(limit, used),
          absl::StrCat("ulimit -v allows ", Text(limit), " of address space (",
                       Text(used), " in use)"),
          budget);
  }
  return budget;
}

}  // namespace hoist
