#include "hoist/checkpoint/zip/zip_builder.h"

#include "absl/strings/str_cat.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/hash/crc32.h"

namespace hoist {
namespace {

constexpr size_t kAlignment = 64;

template <typename T>
std::string Bytes(T value) {
  std::string bytes(sizeof(T), '\0');
  StoreLittleEndian<T>(value, bytes.data());
  return bytes;
}

std::string U16(uint64_t value) { return Bytes<uint16_t>(value); }
std::string U32(uint64_t value) { return Bytes<uint32_t>(value); }
std::string U64(uint64_t value) { return Bytes<uint64_t>(value); }

}  // namespace

void ZipBuilder::Add(absl::string_view name, absl::string_view content,
                     const MemberOptions& member) {
  const uint64_t header_offset = bytes_.size();
  const uint32_t crc32 = member.crc32.value_or(Crc32(
      {reinterpret_cast<const uint8_t*>(content.data()), content.size()}));
  const std::string local_name = member.local_name.value_or(std::string(name));
  const uint64_t start = header_offset + 30 + local_name.size() + 4;
  const std::string padding((kAlignment - start % kAlignment) % kAlignment,
                            'Z');
  absl::StrAppend(&bytes_, U32(0x04034b50), U16(0), U16(member.flags),
                  U16(member.method), U32(0), U32(0), U32(0), U32(0),
                  U16(local_name.size()), U16(4 + padding.size()), local_name);
  absl::StrAppend(&bytes_, "FB", U16(padding.size()), padding);
  last_offset_ = bytes_.size();
  const std::string data = member.stored.value_or(std::string(content));
  absl::StrAppend(&bytes_, data);
  if (!content.empty()) {
    absl::StrAppend(&bytes_, U32(0x08074b50), U32(crc32), U32(data.size()),
                    U32(content.size()));
  }

  const uint64_t offset = member.header_offset.value_or(header_offset);
  const uint64_t stored = member.stored_bytes.value_or(data.size());
  const bool moved = options_.zip64_in_entries;
  const std::string extra =
      moved ? absl::StrCat(U16(7), U16(1), "x", U16(1), U16(24),
                           U64(content.size()), U64(stored), U64(offset))
            : "";
  const uint64_t kMoved = 0xffffffff;
  absl::StrAppend(&directory_, U32(0x02014b50), U16(0), U16(0),
                  U16(member.flags), U16(member.method), U32(0), U32(crc32),
                  U32(moved ? kMoved : stored),
                  U32(moved ? kMoved : content.size()), U16(name.size()),
                  U16(extra.size()), U16(0));
  absl::StrAppend(&directory_, U16(0), U16(0), U32(0),
                  U32(moved ? kMoved : offset), name, extra);
  ++count_;
}

std::string ZipBuilder::Finish() {
  const uint64_t directory_offset = bytes_.size();
  bytes_ += directory_;
  const uint64_t end_offset = bytes_.size();
  if (options_.zip64) {
    absl::StrAppend(&bytes_, U32(0x06064b50), U64(44), U16(0x31e), U16(0x2d),
                    U32(0), U32(0), U64(count_), U64(count_));
    absl::StrAppend(&bytes_, U64(directory_.size()), U64(directory_offset),
                    U32(0x07064b50), U32(0), U64(end_offset), U32(1));
  }
  absl::StrAppend(&bytes_, U32(0x06054b50), U16(0), U16(0), U16(count_),
                  U16(count_), U32(directory_.size()), U32(directory_offset));
  absl::StrAppend(&bytes_, U16(options_.comment.size()), options_.comment);
  return bytes_;
}

}  // namespace hoist
