#include "hoist/tools/ui/load_lines.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"

namespace hoist {
namespace {

// Files that are read alike.
struct Group {
  absl::string_view method;
  absl::string_view reason;
  int64_t count = 0;
};

// In the order of their first files.
std::vector<Group> GroupByWay(absl::Span<const LoadReport::FileIo> files) {
  std::vector<Group> groups;
  for (const LoadReport::FileIo& file : files) {
    const auto known =
        std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
          return group.method == file.method && group.reason == file.reason;
        });
    if (known == groups.end()) {
      groups.push_back(
          {.method = file.method, .reason = file.reason, .count = 1});
    } else {
      ++known->count;
    }
  }
  return groups;
}

}  // namespace

std::string ReadLines(absl::Span<const LoadReport::FileIo> files) {
  constexpr size_t kMaxLines = 4;
  const std::vector<Group> groups = GroupByWay(files);
  // A line for the rest takes the place of one.
  const size_t shown =
      groups.size() > kMaxLines ? kMaxLines - 1 : groups.size();
  std::string text;
  int64_t left = static_cast<int64_t>(files.size());
  for (size_t i = 0; i < shown; ++i) {
    const Group& group = groups[i];
    absl::StrAppend(&text, "  ",
                    files.size() == 1
                        ? ""
                        : absl::StrCat(CountText(group.count, "file"), " "),
                    "read by ", DisplayText(group.method), ": ",
                    DisplayText(group.reason), "\n");
    left -= group.count;
  }
  if (left > 0) {
    absl::StrAppend(&text, "  and ", CountText(left, "file"),
                    " for other reasons\n");
  }
  return text;
}

std::string MemoryLine(uint64_t host_bytes, uint64_t pinned_bytes,
                       uint64_t device_bytes) {
  const std::pair<uint64_t, absl::string_view> kinds[] = {
      {host_bytes, "host"}, {pinned_bytes, "pinned"}, {device_bytes, "device"}};
  std::vector<std::string> parts;
  for (const auto& [bytes, name] : kinds) {
    if (bytes > 0) {
      parts.push_back(absl::StrCat(HumanBytes(bytes), " ", name));
    }
  }
  return parts.empty()
             ? ""
             : absl::StrCat("  memory at most: ", absl::StrJoin(parts, ", "),
                            "\n");
}

}  // namespace hoist
