#include "hoist/checkpoint/formats/native/native_layout.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {
namespace {

constexpr absl::string_view kEndMagic = "\n\x1A\n\rTSIOH\xF8";
constexpr size_t kCrcOffset = kNativeBlockBytes - sizeof(uint32_t);
constexpr size_t kHeaderReserved = 24;
constexpr size_t kFooterReserved = 32;
constexpr size_t kEndMagicOffset = 48;
constexpr uint16_t kNewestVersion = 2;

void Store(absl::string_view text, uint8_t* to) {
  std::memcpy(to, text.data(), text.size());
}

bool IsAt(absl::Span<const uint8_t> block, size_t offset,
          absl::string_view text) {
  return std::memcmp(block.data() + offset, text.data(), text.size()) == 0;
}

bool AreZero(absl::Span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte == 0; });
}

absl::Status CheckCrc(absl::Span<const uint8_t> block, absl::string_view what) {
  const uint32_t crc = Crc32c(block.first(kCrcOffset));
  const uint32_t recorded = NativeBlockCrc32c(block);
  return crc == recorded
             ? absl::OkStatus()
             : absl::DataLossError(absl::StrFormat(
                   "Its %s is damaged: its checksum is %08x, and %08x is "
                   "recorded",
                   what, crc, recorded));
}

absl::Status Newer(absl::string_view what) {
  return WithHint(
      absl::UnimplementedError(absl::StrCat(
          "A Hoist checkpoint that a newer Hoist has written: ", what)),
      "Read it with a newer Hoist, or have it written by "
      "--format-version=2");
}

}  // namespace

NativeBlock EncodeNativeHeader(const NativeHeader& header) {
  NativeBlock block{};
  Store(kNativeMagic, block.data());
  StoreLittleEndian(header.version, &block[10]);
  StoreLittleEndian(header.ignore_flags, &block[12]);
  StoreLittleEndian(header.read_only_flags, &block[16]);
  StoreLittleEndian(header.refuse_flags, &block[20]);
  StoreLittleEndian(Crc32c(absl::MakeConstSpan(block).first(kCrcOffset)),
                    &block[kCrcOffset]);
  return block;
}

NativeBlock EncodeNativeFooter(const NativeFooter& footer) {
  NativeBlock block{};
  StoreLittleEndian(footer.index_offset, &block[0]);
  StoreLittleEndian(footer.index_bytes, &block[8]);
  StoreLittleEndian(footer.file_bytes, &block[16]);
  StoreLittleEndian(footer.index_crc32c, &block[24]);
  StoreLittleEndian(footer.header_crc32c, &block[28]);
  Store(kEndMagic, &block[kEndMagicOffset]);
  StoreLittleEndian(Crc32c(absl::MakeConstSpan(block).first(kCrcOffset)),
                    &block[kCrcOffset]);
  return block;
}

uint32_t NativeBlockCrc32c(absl::Span<const uint8_t> block) {
  HOIST_CHECK(block.size() == kNativeBlockBytes);
  return LoadLittleEndian<uint32_t>(block.data() + kCrcOffset);
}

absl::StatusOr<NativeHeader> DecodeNativeHeader(
    absl::Span<const uint8_t> block) {
  HOIST_CHECK(block.size() == kNativeBlockBytes);
  if (!IsAt(block, 0, kNativeMagic)) {
    return absl::DataLossError("Its first bytes are no Hoist checkpoint's");
  }
  HOIST_RETURN_IF_ERROR(CheckCrc(block, "header"));
  const NativeHeader header = {
      .version = LoadLittleEndian<uint16_t>(&block[10]),
      .ignore_flags = LoadLittleEndian<uint32_t>(&block[12]),
      .read_only_flags = LoadLittleEndian<uint32_t>(&block[16]),
      .refuse_flags = LoadLittleEndian<uint32_t>(&block[20])};
  if (header.version == 0 || header.version > kNewestVersion) {
    return Newer(absl::StrCat("version ", header.version,
                              " of the format, and this reads 1 and 2"));
  }
  if (const uint32_t unknown = header.refuse_flags & ~kNativeEncodedChunks;
      unknown != 0) {
    return Newer(absl::StrCat("it cannot be read without feature ",
                              std::countr_zero(unknown)));
  }
  const bool has_flags =
      (header.ignore_flags | header.read_only_flags | header.refuse_flags) != 0;
  if (header.version == 1 && has_flags) {
    return absl::DataLossError(
        "Its header is wrong: version 1 of the format has no features");
  }
  if (!AreZero(block.subspan(kHeaderReserved, kCrcOffset - kHeaderReserved))) {
    return absl::DataLossError(
        "Its header is wrong: bytes that are reserved are not zero");
  }
  return header;
}

absl::StatusOr<NativeFooter> DecodeNativeFooter(absl::Span<const uint8_t> block,
                                                uint64_t file_bytes) {
  HOIST_CHECK(block.size() == kNativeBlockBytes &&
              file_bytes >= 2 * kNativeBlockBytes);
  if (!IsAt(block, kEndMagicOffset, kEndMagic)) {
    return WithHint(
        absl::DataLossError(absl::StrCat(
            "The file is cut off, or something was appended to it: the last ",
            kNativeBlockBytes, " of its ", file_bytes,
            " bytes are no footer of a Hoist checkpoint")),
        "The download may be incomplete: fetch the file again, and compare its "
        "size; if it was being saved, take the checkpoint before it");
  }
  HOIST_RETURN_IF_ERROR(CheckCrc(block, "footer"));
  const NativeFooter footer = {
      .index_offset = LoadLittleEndian<uint64_t>(&block[0]),
      .index_bytes = LoadLittleEndian<uint64_t>(&block[8]),
      .file_bytes = LoadLittleEndian<uint64_t>(&block[16]),
      .index_crc32c = LoadLittleEndian<uint32_t>(&block[24]),
      .header_crc32c = LoadLittleEndian<uint32_t>(&block[28])};
  if (footer.file_bytes != file_bytes) {
    return WithHint(
        absl::DataLossError(absl::StrCat(
            "The file has ", file_bytes, " bytes, and by its footer it had ",
            footer.file_bytes, " when it was written")),
        "Two files were joined, or a part of it is missing: get it again");
  }
  // No sum overflows: both are less than the file.
  const uint64_t index_end = file_bytes - kNativeBlockBytes;
  if (footer.index_offset < kNativeBlockBytes ||
      footer.index_offset > index_end ||
      footer.index_offset % kNativeAlignment != 0 ||
      footer.index_bytes != index_end - footer.index_offset ||
      !AreZero(
          block.subspan(kFooterReserved, kEndMagicOffset - kFooterReserved)) ||
      !AreZero(block.subspan(kEndMagicOffset + kEndMagic.size(), 2))) {
    return absl::DataLossError(absl::StrCat(
        "Its footer is wrong: an index of ", footer.index_bytes,
        " bytes at byte ", footer.index_offset, " of ", file_bytes));
  }
  if (footer.index_bytes > kMaxNativeIndexBytes) {
    return absl::DataLossError(absl::StrCat(
        "An index of ", footer.index_bytes,
        " bytes exceeds the format's limit of ", kMaxNativeIndexBytes));
  }
  return footer;
}

}  // namespace hoist
