#ifndef HOIST_CHECKPOINT_PICKLE_TEXT_ESCAPES_H_
#define HOIST_CHECKPOINT_PICKLE_TEXT_ESCAPES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

// The text forms of protocol 0. kDataLoss where text is not of the form.
// Thread-safe.

// A quoted Python string literal, as 'a\n\x00', to its bytes.
absl::StatusOr<std::string> DecodePythonString(absl::string_view literal);

// Python's raw-unicode-escape, Latin-1 with \uXXXX and \UXXXXXXXX, to UTF-8.
absl::StatusOr<std::string> DecodeRawUnicode(absl::string_view text);

// A decimal integer, with or without a sign, to two's complement,
// little-endian, of more than 8 bytes. Takes time in proportion to the square
// of the length.
absl::StatusOr<std::string> DecimalToBytes(absl::string_view digits);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_TEXT_ESCAPES_H_
