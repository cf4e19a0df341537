#include "hoist/checkpoint/pickle/text_escapes.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace hoist {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number of `count` hexadecimal digits at `at`, or -1.
int64_t HexAt(absl::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) {
    return -1;
  }
  int64_t value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (HexDigit(text[i]) < 0) {
      return -1;
    }
    value = value * 16 + HexDigit(text[i]);
  }
  return value;
}

// Surrogates stay, each on its own: Python writes such text too.
void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | code >> 6));
    out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | code >> 12));
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out->push_back(static_cast<char>(0xf0 | code >> 18));
    out->push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

absl::Status BadEscape() {
  return absl::DataLossError("its text has an escape that is none");
}

}  // namespace

absl::StatusOr<std::string> DecodePythonString(absl::string_view literal) {
  literal = absl::StripAsciiWhitespace(literal);
  if (literal.size() < 2 || literal.front() != literal.back() ||
      (literal.front() != '\'' && literal.front() != '"')) {
    return absl::DataLossError("its text is not in quotes");
  }
  literal = literal.substr(1, literal.size() - 2);
  std::string out;
  for (size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\') {
      out.push_back(literal[i]);
      continue;
    }
    if (++i == literal.size()) {
      return BadEscape();
    }
    constexpr absl::string_view kLetters = "\\'\"abfnrtv";
    constexpr absl::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const size_t letter = kLetters.find(literal[i]);
    if (letter != absl::string_view::npos) {
      out.push_back(kMeanings[letter]);
    } else if (literal[i] == 'x') {
      const int64_t code = HexAt(literal, i + 1, 2);
      if (code < 0) {
        return BadEscape();
      }
      out.push_back(static_cast<char>(code));
      i += 2;
    } else if (literal[i] >= '0' && literal[i] <= '7') {
      int code = 0;
      size_t end = i;
      while (end < literal.size() && end < i + 3 && literal[end] >= '0' &&
             literal[end] <= '7') {
        code = code * 8 + (literal[end++] - '0');
      }
      out.push_back(static_cast<char>(code));
      i = end - 1;
    } else {
      // Python leaves it as it is.
      out.push_back('\\');
      out.push_back(literal[i]);
    }
  }
  return out;
}

absl::StatusOr<std::string> DecodeRawUnicode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 1 < text.size() &&
                           (text[i + 1] == 'u' || text[i + 1] == 'U');
    if (!is_escape) {
      AppendUtf8(static_cast<uint8_t>(text[i]), &out);
      continue;
    }
    const size_t digits = text[i + 1] == 'u' ? 4 : 8;
    const int64_t code = HexAt(text, i + 2, digits);
    if (code < 0 || code > 0x10ffff) {
      return BadEscape();
    }
    AppendUtf8(static_cast<uint32_t>(code), &out);
    i += 1 + digits;
  }
  return out;
}

absl::StatusOr<std::string> DecimalToBytes(absl::string_view digits) {
  const bool negative = absl::StartsWith(digits, "-");
  if (negative || absl::StartsWith(digits, "+")) {
    digits.remove_prefix(1);
  }
  if (digits.empty()) {
    return absl::DataLossError("its text is no number");
  }
  std::string bytes;  // the magnitude, the lowest byte first
  for (const char digit : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) {
      return absl::DataLossError("its text is no number");
    }
    uint32_t carry = static_cast<uint32_t>(digit - '0');
    for (char& byte : bytes) {
      carry += static_cast<uint8_t>(byte) * 10u;
      byte = static_cast<char>(carry);
      carry >>= 8;
    }
    if (carry != 0) {
      bytes.push_back(static_cast<char>(carry));
    }
  }
  // Room for the sign, and for the form that big integers have.
  do {
    bytes.push_back('\0');
  } while (bytes.size() <= sizeof(int64_t));
  if (negative) {
    uint32_t carry = 1;
    for (char& byte : bytes) {
      carry += static_cast<uint8_t>(~byte);
      byte = static_cast<char>(carry);
      carry >>= 8;
    }
  }
  return bytes;
}

}  // namespace hoist
