#include "hoist/checkpoint/compat/name_parts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

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
  for (size_t at = 0;;) {
    const size_t end = std::min(name.find('.', at), name.size());
    const absl::string_view part = name.substr(at, end - at);
    if (IsLayerNumber(part)) {
      int64_t number = 0;
      for (const char digit : part) {
        number = 10 * number + (digit - '0');
      }
      result.numbers.push_back(number);
      result.text.push_back('*');
    } else {
      result.text.append(part.data(), part.size());
    }
    if (end == name.size()) {
      return result;
    }
    result.text.push_back('.');
    at = end + 1;
  }
}

namespace {

// By byte.
constexpr std::array<bool, 256> PlainBytes() {
  std::array<bool, 256> is_plain{};
  for (const char byte :
       absl::string_view("0123456789_.-/: ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "abcdefghijklmnopqrstuvwxyz")) {
    is_plain[static_cast<unsigned char>(byte)] = true;
  }
  return is_plain;
}

}  // namespace

bool IsPlainName(absl::string_view name) {
  constexpr size_t kMaxNumbers = 8;
  static constexpr std::array<bool, 256> kIsPlain = PlainBytes();
  size_t numbers = 0;
  size_t start = 0;
  for (size_t i = 0; i <= name.size(); ++i) {
    if (i == name.size() || name[i] == '.') {
      numbers += IsLayerNumber(name.substr(start, i - start)) ? 1 : 0;
      start = i + 1;
    } else if (!kIsPlain[static_cast<unsigned char>(name[i])]) {
      return false;
    }
  }
  return numbers <= kMaxNumbers;
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
                         absl::Span<const int64_t> numbers) {
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
  // As long as parts of names are.
  using Row = absl::InlinedVector<size_t, 32>;
  Row before(b.size() + 1);
  Row row(b.size() + 1);
  Row next(b.size() + 1);
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
