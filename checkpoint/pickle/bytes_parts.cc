#include "hoist/checkpoint/pickle/bytes_parts.h"

#include <cstdint>
#include <string>
#include <utility>

namespace hoist {

void AddBytes(absl::string_view bytes, PickleParts& parts) {
  std::string utf8;
  utf8.reserve(bytes.size() + bytes.size() / 2);
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x80) {
      utf8.push_back(c);
    } else {
      utf8.push_back(static_cast<char>(0xc0 | byte >> 6));
      utf8.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    }
  }
  parts.Class("_codecs", "encode");
  parts.Text(std::move(utf8));
  parts.SharedText("latin1");
  parts.EndTuple(2);
  parts.Call();
}

}  // namespace hoist
