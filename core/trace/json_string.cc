#include "hoist/core/trace/json_string.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hoist {
namespace {

// The length of the valid UTF-8 sequence that `text` begins with; 0 if there is
// none.
size_t SequenceSize(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) {
    return 1;
  }
  const size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc0 || byte(0) >= 0xf8 || text.size() < size) {
    return 0;
  }
  uint32_t code = byte(0) & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  return code < kLeast[size] || code > 0x10ffff || is_surrogate ? 0 : size;
}

}  // namespace

std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  while (!text.empty()) {
    const size_t size = SequenceSize(text);
    const char first = text[0];
    if (size == 0) {
      absl::StrAppend(&json, "\\ufffd");
    } else if (first == '"' || first == '\\') {
      absl::StrAppend(&json, "\\", text.substr(0, 1));
    } else if (size == 1 && first < 0x20) {
      absl::StrAppendFormat(&json, "\\u%04x", first);
    } else {
      absl::StrAppend(&json, text.substr(0, size));
    }
    text.remove_prefix(std::max(size, size_t{1}));
  }
  json += '"';
  return json;
}

}  // namespace hoist
