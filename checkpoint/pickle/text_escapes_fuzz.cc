#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/text_escapes.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// DecimalToBytes() takes time in proportion to the square of the length.
constexpr size_t kMaxBytes = 4300;

// `digits` without its sign and leading zeros, with a "-" where it is negative.
std::string Plain(absl::string_view digits) {
  const bool is_negative = digits[0] == '-';
  digits.remove_prefix(digits.find_first_not_of("+-"));
  const size_t first = digits.find_first_not_of('0');
  if (first == absl::string_view::npos) {
    return "0";
  }
  return absl::StrCat(is_negative ? "-" : "", digits.substr(first));
}

void CheckDecimal(absl::string_view text) {
  const auto bytes = DecimalToBytes(text);
  if (!bytes.ok()) {
    HOIST_CHECK(absl::IsDataLoss(bytes.status()));
    const size_t sign =
        !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    HOIST_CHECK(text.size() == sign ||
                text.find_first_not_of("0123456789", sign) !=
                    absl::string_view::npos);
    return;
  }
  HOIST_CHECK(bytes->size() > sizeof(int64_t));
  // Back again, by another way.
  ValueGraph graph;
  const ValueId id = graph.Add({.kind = ValueKind::kBigInt, .data = *bytes});
  HOIST_CHECK(ValueText(Value(&graph, id)) == Plain(text));
}

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(
      reinterpret_cast<const char*>(data),
      size < hoist::kMaxBytes ? size : hoist::kMaxBytes);
  const auto literal = hoist::DecodePythonString(text);
  HOIST_CHECK(literal.ok() || absl::IsDataLoss(literal.status()));
  // Escapes never get longer, and there are two quotes.
  HOIST_CHECK(!literal.ok() || literal->size() + 2 <= text.size());
  const auto unicode = hoist::DecodeRawUnicode(text);
  HOIST_CHECK(unicode.ok() || absl::IsDataLoss(unicode.status()));
  // A byte of Latin-1 is two of UTF-8 at most.
  HOIST_CHECK(!unicode.ok() || unicode->size() <= 2 * text.size());
  hoist::CheckDecimal(text);
  return 0;
}
