#include "hoist/checkpoint/scan/pickle_strings.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"

namespace hoist {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number that is the first `count` characters of `text`, all hexadecimal.
std::optional<uint32_t> HexNumber(absl::string_view text, size_t count) {
  if (text.size() < count) {
    return std::nullopt;
  }
  uint32_t number = 0;
  for (const char c : text.substr(0, count)) {
    const int digit = HexDigit(c);
    if (digit < 0) {
      return std::nullopt;
    }
    number = number << 4 | static_cast<uint32_t>(digit);
  }
  return number;
}

void AppendUtf8(uint32_t code, std::string& out) {
  const auto tail = [&out, code](int shift) {
    out.push_back(static_cast<char>(0x80 | (code >> shift & 0x3f)));
  };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | (code >> 18 & 7)));
    tail(12);
    tail(6);
    tail(0);
  }
}

// What a backslash and `c` stand for, if it is one character.
std::optional<char> SimpleEscape(char c) {
  switch (c) {
    case '\\':
    case '\'':
    case '"':
      return c;
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return std::nullopt;
  }
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

std::string UnescapeRawUnicode(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      AppendUtf8(static_cast<uint8_t>(text[i]), out);
      continue;
    }
    const char kind = text[++i];
    const size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    const auto code = digits == 0 ? std::optional<uint32_t>()
                                  : HexNumber(text.substr(i + 1), digits);
    if (code) {
      AppendUtf8(*code, out);
      i += digits;
    } else {
      out.push_back('\\');
      AppendUtf8(static_cast<uint8_t>(kind), out);
    }
  }
  return out;
}

std::string UnescapePythonString(absl::string_view literal) {
  absl::string_view text = absl::StripAsciiWhitespace(literal);
  if (text.size() >= 2 && text[0] == text[text.size() - 1] &&
      (text[0] == '\'' || text[0] == '"')) {
    text = text.substr(1, text.size() - 2);
  }
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char kind = text[++i];
    if (const auto simple = SimpleEscape(kind)) {
      out.push_back(*simple);
    } else if (IsOctal(kind)) {
      int code = kind - '0';
      for (int n = 1; n < 3 && i + 1 < text.size() && IsOctal(text[i + 1]);
           ++n) {
        code = code * 8 + (text[++i] - '0');
      }
      out.push_back(static_cast<char>(code));
    } else if (const auto code = HexNumber(text.substr(i + 1), 2);
               kind == 'x' && code) {
      out.push_back(static_cast<char>(*code));
      i += 2;
    } else {
      out.push_back('\\');
      out.push_back(kind);
    }
  }
  return out;
}

}  // namespace hoist
