#include "hoist/checkpoint/compat/name_parts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace hoist {

bool IsLayerNumber(absl::string_view part) {
  constexpr size_t kMaxDigits = 9;
  return !part.empty() && part.size() <= kMaxDigits &&
         (part[0] != '0' || part.size() == 1) &&
         std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
}

NameTemplate TemplateOf(absl::string_view name) {
  NameTemplate result;
  result.text.reserve(name.size());
  bool is_first = true;
  for (const absl::string_view part : absl::StrSplit(name, '.')) {
    if (!is_first) {
      result.text.push_back('.');
    }
    is_first = false;
    if (IsLayerNumber(part)) {
      int64_t number = 0;
      static_cast<void>(absl::SimpleAtoi(part, &number));
      result.numbers.push_back(number);
      result.text.push_back('*');
    } else {
      result.text.append(part.data(), part.size());
    }
  }
  return result;
}

size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit) {
  const size_t longer = std::max(a.size(), b.size());
  if (longer - std::min(a.size(), b.size()) > limit) {
    return limit + 1;
  }
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::vector<size_t> next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return std::min(row[b.size()], limit + 1);
}

}  // namespace hoist
