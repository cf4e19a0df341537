#include "hoist/checkpoint/scan/tar_layout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/scan/byte_window.h"

namespace hoist {
namespace {

constexpr uint64_t kBlockBytes = 512;
constexpr size_t kMaxParts = 100'000;
constexpr size_t kSizeAt = 124;
constexpr size_t kChecksumAt = 148;
constexpr size_t kTypeAt = 156;

using Header = std::array<uint8_t, kBlockBytes>;

// A number field: octal text, or big-endian behind a set high bit.
std::optional<uint64_t> Number(absl::Span<const uint8_t> field) {
  uint64_t number = 0;
  if ((field[0] & 0x80) != 0) {
    for (size_t i = 0; i < field.size(); ++i) {
      const uint8_t byte = i == 0 ? field[0] & 0x7f : field[i];
      if (number >> 55 != 0) {
        return std::nullopt;
      }
      number = number << 8 | byte;
    }
    return number;
  }
  bool has_ended = false;
  bool has_digit = false;
  for (const uint8_t c : field) {
    if (c == ' ' || c == 0) {
      has_ended = has_digit;
    } else if (c < '0' || c > '7' || has_ended) {
      return std::nullopt;
    } else {
      number = number << 3 | static_cast<uint64_t>(c - '0');
      has_digit = true;
    }
  }
  return number;
}

bool HasRightChecksum(const Header& header) {
  const auto recorded =
      Number(absl::MakeConstSpan(header).subspan(kChecksumAt, 8));
  uint64_t sum = 0;
  for (size_t i = 0; i < header.size(); ++i) {
    const bool is_checksum = i >= kChecksumAt && i < kChecksumAt + 8;
    sum += is_checksum ? ' ' : header[i];
  }
  return recorded && *recorded == sum;
}

bool IsZero(const Header& header) {
  return std::all_of(header.begin(), header.end(),
                     [](uint8_t byte) { return byte == 0; });
}

// Behind the zero blocks from `at`, or where the file cannot be read.
uint64_t SkipZeroBlocks(ByteWindow& window, uint64_t at) {
  while (true) {
    const auto block = window.At(at, kBlockBytes);
    if (block.size() < kBlockBytes ||
        std::any_of(block.begin(), block.end(),
                    [](uint8_t byte) { return byte != 0; })) {
      return block.empty() ? window.size_bytes() : at;
    }
    at += kBlockBytes;
  }
}

std::string Name(const Header& header) {
  const auto* const text = reinterpret_cast<const char*>(header.data());
  return std::string(text, strnlen(text, 100));
}

bool IsHeaderOfMore(char type) {
  return type == 'x' || type == 'g' || type == 'X' || type == 'L' ||
         type == 'K';
}

bool IsPax(char type) { return type == 'x' || type == 'g' || type == 'X'; }

// Whether attributes of pax format give the member another size.
bool ChangesSize(const RandomAccessFile& file, uint64_t offset, uint64_t size) {
  std::string text(std::min<uint64_t>(size, ByteWindow::kMaxBytes), '\0');
  if (!file.ReadAt(offset,
                   absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()),
                                  text.size()))
           .ok()) {
    return true;
  }
  return size > text.size() || absl::StrContains(text, " size=") ||
         absl::StrContains(text, " GNU.sparse");
}

}  // namespace

bool LooksLikeTar(const RandomAccessFile& file) {
  Header header;
  return file.size_bytes() >= kBlockBytes &&
         file.ReadAt(0, absl::MakeSpan(header)).ok() && header[0] != 0 &&
         HasRightChecksum(header);
}

TarLayout ReadTarLayout(const RandomAccessFile& file) {
  TarLayout layout;
  const uint64_t file_size = file.size_bytes();
  ByteWindow window(file);
  uint64_t at = 0;
  while (at < file_size) {
    Header header;
    if (file_size - at < kBlockBytes ||
        !file.ReadAt(at, absl::MakeSpan(header)).ok()) {
      layout.problems.push_back("The tar archive is cut off");
      layout.parts.push_back(
          {absl::StrCat("(bytes from ", at, ")"), at, file_size - at});
      break;
    }
    // Some readers go on behind zeros.
    if (IsZero(header)) {
      at = SkipZeroBlocks(window, at);
      continue;
    }
    const auto size = Number(absl::MakeConstSpan(header).subspan(kSizeAt, 12));
    if (!HasRightChecksum(header) || !size ||
        layout.parts.size() == kMaxParts) {
      layout.problems.push_back(absl::StrCat(
          "The tar archive has no header at offset ", at, ", but bytes"));
      layout.parts.push_back(
          {absl::StrCat("(bytes from ", at, ")"), at, file_size - at});
      break;
    }
    at += kBlockBytes;
    const char type = static_cast<char>(header[kTypeAt]);
    const std::string name = Name(header);
    // Links and folders have no content, whatever their size says.
    const bool is_empty = type >= '1' && type <= '6';
    if (is_empty && *size > 0) {
      layout.problems.push_back(absl::StrCat(
          "Member ", name, " of the tar archive is a link with a size"));
    }
    if (type == 'S' ||
        (IsPax(type) &&
         ChangesSize(file, at, std::min(*size, file_size - at)))) {
      layout.problems.push_back(absl::StrCat(
          "Member ", name, " of the tar archive has its size somewhere else"));
    }
    const uint64_t taken = is_empty ? 0 : std::min(*size, file_size - at);
    if (!is_empty && *size > file_size - at) {
      layout.problems.push_back(
          absl::StrCat("Member ", name, " of the tar archive is cut off"));
    }
    if (!IsHeaderOfMore(type) && taken > 0) {
      layout.parts.push_back({name, at, taken});
    }
    at += std::min(file_size - at,
                   (taken + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
  }
  return layout;
}

}  // namespace hoist
