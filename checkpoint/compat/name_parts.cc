#include "hoist/checkpoint/compat/name_parts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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

bool IsPlainName(absl::string_view name) {
  constexpr size_t kMaxNumbers = 8;
  constexpr absl::string_view kPlain = "_.-/: ";
  return std::all_of(
             name.begin(), name.end(),
             [&](char byte) {
               return absl::ascii_isalnum(static_cast<unsigned char>(byte)) ||
                      kPlain.find(byte) != absl::string_view::npos;
             }) &&
         TemplateOf(name).numbers.size() <= kMaxNumbers;
}

std::string TemplateRegex(absl::string_view text) {
  return absl::StrReplaceAll(text, {{".", "\\."}, {"*", "([0-9]+)"}});
}

std::string TemplateFill(absl::string_view text, int first_group) {
  std::string result;
  for (const char byte : text) {
    if (byte == '*') {
      absl::StrAppend(&result, "\\", first_group++);
    } else {
      result.push_back(byte);
    }
  }
  return result;
}

std::string TemplateName(absl::string_view text,
                         const std::vector<int64_t>& numbers) {
  std::string result;
  size_t next = 0;
  for (const char byte : text) {
    if (byte == '*' && next < numbers.size()) {
      absl::StrAppend(&result, numbers[next++]);
    } else {
      result.push_back(byte);
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
