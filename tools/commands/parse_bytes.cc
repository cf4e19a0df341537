#include "hoist/tools/commands/parse_bytes.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

// How many bytes `unit` is.
std::optional<uint64_t> UnitBytes(absl::string_view unit) {
  if (unit.empty() || absl::EqualsIgnoreCase(unit, "B")) {
    return 1;
  }
  uint64_t decimal = 1;
  uint64_t binary = 1;
  for (const char prefix : {'K', 'M', 'G', 'T', 'P', 'E'}) {
    decimal *= 1000;
    binary *= 1024;
    if (absl::EqualsIgnoreCase(unit, std::string{prefix, 'B'})) {
      return decimal;
    }
    if (absl::EqualsIgnoreCase(unit, std::string{prefix, 'i', 'B'})) {
      return binary;
    }
  }
  return std::nullopt;
}

// Takes the digits at the start of `text` away from it.
absl::string_view TakeDigits(absl::string_view& text) {
  const auto end =
      std::find_if_not(text.begin(), text.end(), absl::ascii_isdigit);
  const auto count = static_cast<size_t>(end - text.begin());
  const absl::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// 0.`digits` times `unit_bytes`, rounded down. Up to 19 digits.
uint64_t FractionOf(uint64_t unit_bytes, absl::string_view digits) {
  absl::uint128 scale = 1;
  absl::uint128 value = 0;
  for (const char digit : digits) {
    scale *= 10;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  return absl::Uint128Low64(value * unit_bytes / scale);
}

std::optional<uint64_t> Parse(absl::string_view text) {
  // More do not change the result, nor are they what anybody wants.
  constexpr size_t kMaxFractionDigits = 19;
  const absl::string_view whole_digits = TakeDigits(text);
  absl::string_view fraction_digits;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    fraction_digits = TakeDigits(text);
    if (fraction_digits.empty() ||
        fraction_digits.size() > kMaxFractionDigits) {
      return std::nullopt;
    }
  }
  const std::optional<uint64_t> unit_bytes =
      UnitBytes(absl::StripLeadingAsciiWhitespace(text));
  uint64_t whole = 0;
  if (!unit_bytes || !absl::SimpleAtoi(whole_digits, &whole)) {
    return std::nullopt;
  }
  const auto whole_bytes = CheckedMul(whole, *unit_bytes);
  return whole_bytes ? CheckedAdd(*whole_bytes,
                                  FractionOf(*unit_bytes, fraction_digits))
                     : std::nullopt;
}

}  // namespace

absl::StatusOr<uint64_t> ParseBytes(absl::string_view text) {
  const std::optional<uint64_t> bytes = Parse(absl::StripAsciiWhitespace(text));
  if (!bytes) {
    return WithHint(absl::InvalidArgumentError(
                        absl::StrCat("\"", text, "\" is no amount of memory")),
                    "Write it as 28GiB, 512MiB, 1.5GB, or in bytes");
  }
  return *bytes;
}

}  // namespace hoist
