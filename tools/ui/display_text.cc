#include "hoist/tools/ui/display_text.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hoist {
namespace {

constexpr absl::string_view kEllipsis = "...";

// Whether all of it is ASCII that takes a column each and is shown as it is,
// as nearly all names are.
bool IsPlain(absl::string_view text) {
  bool is_plain = true;
  for (const char c : text) {
    is_plain &= c >= 0x20 && c < 0x7f;
  }
  return is_plain;
}

struct CodePoint {
  uint32_t value;
  size_t size;  // in bytes; 0: the next byte is not UTF-8
};

// The code point at the start of `text`, which is not empty.
CodePoint DecodeFirst(absl::string_view text) {
  constexpr CodePoint kInvalid = {0, 0};
  const uint8_t first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) {
    return {first, 1};
  }
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) {
    return kInvalid;
  }
  uint32_t value = first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) {
      return kInvalid;
    }
    value = (value << 6) | (byte & 0x3f);
  }
  const bool is_overlong =
      (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool is_surrogate = value >= 0xd800 && value < 0xe000;
  if (is_overlong || is_surrogate || value > 0x10ffff) {
    return kInvalid;
  }
  return {value, size};
}

struct Range {
  uint32_t first;
  uint32_t last;
};

template <size_t N>
bool IsIn(const Range (&ranges)[N], uint32_t value) {
  return std::any_of(ranges, ranges + N, [value](const Range& range) {
    return value >= range.first && value <= range.last;
  });
}

// Controls, and characters that hide or change the direction of others.
bool IsUnsafe(uint32_t value) {
  static constexpr Range kUnsafe[] = {
      {0x00, 0x1f},       {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
      {0x180e, 0x180e},   {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
      {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe000, 0xf8ff},
      {0xe0000, 0x10ffff}};
  return IsIn(kUnsafe, value);
}

size_t ColumnsOf(uint32_t value) {
  static constexpr Range kCombining[] = {
      {0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}};
  static constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},
                                    {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                    {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                    {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
  return IsIn(kCombining, value) ? 0 : IsIn(kWide, value) ? 2 : 1;
}

// A piece of text that is shown whole or not at all.
struct Piece {
  std::string text;
  size_t width;
};

// What to show for the start of `text`, which is removed.
Piece TakePiece(absl::string_view& text) {
  const CodePoint point = DecodeFirst(text);
  const absl::string_view raw = text.substr(0, std::max<size_t>(point.size, 1));
  text.remove_prefix(raw.size());
  std::string escaped;
  if (point.size == 0) {
    escaped = absl::StrFormat("\\x%02x", static_cast<uint8_t>(raw[0]));
  } else if (!IsUnsafe(point.value)) {
    return {std::string(raw), ColumnsOf(point.value)};
  } else if (point.value == '\n') {
    escaped = "\\n";
  } else if (point.value == '\r') {
    escaped = "\\r";
  } else if (point.value == '\t') {
    escaped = "\\t";
  } else if (point.value < 0x80) {
    escaped = absl::StrFormat("\\x%02x", point.value);
  } else if (point.value < 0x10000) {
    escaped = absl::StrFormat("\\u%04x", point.value);
  } else {
    escaped = absl::StrFormat("\\U%08x", point.value);
  }
  const size_t width = escaped.size();
  return {std::move(escaped), width};
}

// Where a character starts at or after `at`: not inside a UTF-8 sequence.
size_t CharacterStart(absl::string_view text, size_t at) {
  constexpr size_t kMaxContinuationBytes = 3;
  for (size_t i = 0; i < kMaxContinuationBytes && at < text.size(); ++i) {
    if ((static_cast<uint8_t>(text[at]) & 0xc0) != 0x80) {
      break;
    }
    ++at;
  }
  return at;
}

// The last pieces of `text` that fit into `max_width` columns.
std::string Tail(absl::string_view text, size_t max_width) {
  // Every column takes at most this many bytes, save for combining characters.
  constexpr size_t kMaxBytesPerColumn = 4;
  const size_t bytes = max_width * kMaxBytesPerColumn;
  if (text.size() > bytes) {
    text.remove_prefix(CharacterStart(text, text.size() - bytes));
  }
  std::deque<Piece> pieces;
  size_t width = 0;
  while (!text.empty()) {
    pieces.push_back(TakePiece(text));
    width += pieces.back().width;
    while (width > max_width) {
      width -= pieces.front().width;
      pieces.pop_front();
    }
  }
  std::string tail;
  for (const Piece& piece : pieces) {
    tail += piece.text;
  }
  return tail;
}

}  // namespace

size_t DisplayWidth(absl::string_view text) {
  if (IsPlain(text)) {
    return text.size();
  }
  size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = DecodeFirst(text);
    width += point.size == 0 ? 1 : ColumnsOf(point.value);
    text.remove_prefix(std::max<size_t>(point.size, 1));
  }
  return width;
}

std::string DisplayText(absl::string_view text, size_t max_width) {
  const size_t shown = std::max(max_width, kEllipsis.size() + 2);
  if (text.size() <= shown && IsPlain(text)) {
    return std::string(text);
  }
  const size_t head_width = (shown - kEllipsis.size() + 1) / 2;
  const size_t tail_width = shown - kEllipsis.size() - head_width;
  // Combining characters have no width, and so need a limit of their own.
  const size_t max_bytes = shown > SIZE_MAX / 8 ? SIZE_MAX : shown * 8;

  std::string all;
  size_t head_size = 0;  // bytes of `all` that fit into head_width
  size_t width = 0;
  absl::string_view rest = text;
  while (!rest.empty() && width <= shown && all.size() <= max_bytes) {
    const Piece piece = TakePiece(rest);
    width += piece.width;
    all += piece.text;
    if (width <= head_width && all.size() <= max_bytes / 2) {
      head_size = all.size();
    }
  }
  if (rest.empty() && width <= shown && all.size() <= max_bytes) {
    return all;
  }
  return absl::StrCat(all.substr(0, head_size), kEllipsis,
                      Tail(text, tail_width));
}

std::string DisplayText(absl::string_view text) {
  return DisplayText(text, SIZE_MAX);
}

}  // namespace hoist
