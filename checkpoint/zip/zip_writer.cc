#include "hoist/checkpoint/zip/zip_writer.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

constexpr uint64_t kLocalHeaderBytes = 30;
constexpr uint64_t kDirectoryEntryBytes = 46;
constexpr uint64_t kZip64EndBytes = 56;
constexpr uint64_t kZip64LocatorBytes = 20;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kFieldBytes = 4;  // the id and size of an extra field
constexpr uint64_t kMoved = 0xffffffff;
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kUtf8Flag = 0x0800;
// Of the first version of PKZIP that knows zip64.
constexpr uint16_t kZip64Version = 45;

template <typename T>
void Append(T value, std::string& bytes) {
  char buffer[sizeof(T)];
  StoreLittleEndian(value, buffer);
  bytes.append(buffer, sizeof(T));
}

void Append16(uint64_t value, std::string& bytes) {
  Append(static_cast<uint16_t>(value), bytes);
}

void Append32(uint64_t value, std::string& bytes) {
  Append(static_cast<uint32_t>(value), bytes);
}

// The value, or the mark for one that is in a zip64 field.
void AppendClamped32(uint64_t value, std::string& bytes) {
  Append32(std::min(value, kMoved), bytes);
}

bool IsMoved(uint64_t value) { return value >= kMoved; }

// Of the zip64 field with both sizes in a local header, 0 without one.
uint64_t LocalZip64Bytes(uint64_t size_bytes) {
  return IsMoved(size_bytes) ? kFieldBytes + 2 * sizeof(uint64_t) : 0;
}

uint64_t DirectoryZip64Bytes(const ZipWriter::Member& member) {
  const uint64_t values = (IsMoved(member.size_bytes) ? 2 : 0) +
                          (IsMoved(member.header_offset) ? 1 : 0);
  return values == 0 ? 0 : kFieldBytes + values * sizeof(uint64_t);
}

uint16_t VersionOf(uint64_t zip64_bytes) {
  return zip64_bytes > 0 ? kZip64Version : 0;
}

}  // namespace

void ZipWriter::Add(absl::string_view name, uint64_t size_bytes,
                    uint64_t alignment) {
  HOIST_CHECK(name.size() <= kMaxNameBytes && alignment <= 32'768);
  Member member{.name = std::string(name),
                .size_bytes = size_bytes,
                .header_offset = end_};
  const uint64_t least = end_ + kLocalHeaderBytes + name.size() +
                         LocalZip64Bytes(size_bytes) + kFieldBytes;
  member.data_offset = (least + alignment - 1) / alignment * alignment;
  end_ = member.data_offset + size_bytes;
  directory_bytes_ +=
      kDirectoryEntryBytes + name.size() + DirectoryZip64Bytes(member);
  members_.push_back(std::move(member));
}

std::string ZipWriter::Header(const Member& member, uint32_t crc32) const {
  const uint64_t zip64_bytes = LocalZip64Bytes(member.size_bytes);
  std::string header;
  header.reserve(member.header_bytes());
  Append32(0x04034b50, header);
  Append16(VersionOf(zip64_bytes), header);
  Append16(kUtf8Flag, header);
  Append16(0, header);  // stored
  Append32(0, header);  // time and date, which PyTorch leaves out too
  Append32(crc32, header);
  AppendClamped32(member.size_bytes, header);
  AppendClamped32(member.size_bytes, header);
  Append16(member.name.size(), header);
  Append16(member.header_bytes() - kLocalHeaderBytes - member.name.size(),
           header);
  absl::StrAppend(&header, member.name);
  if (zip64_bytes > 0) {
    Append16(kZip64Field, header);
    Append16(2 * sizeof(uint64_t), header);
    Append(member.size_bytes, header);
    Append(member.size_bytes, header);
  }
  const uint64_t padding =
      member.header_bytes() - header.size() - kFieldBytes;
  absl::StrAppend(&header, "FB");
  Append16(padding, header);
  header.append(padding, 'Z');
  return header;
}

uint64_t ZipWriter::file_bytes() const {
  return end_ + directory_bytes_ + kZip64EndBytes + kZip64LocatorBytes +
         kEndBytes;
}

std::string ZipWriter::Directory(absl::Span<const uint32_t> crc32s) const {
  HOIST_CHECK(crc32s.size() == members_.size());
  std::string bytes;
  bytes.reserve(file_bytes() - end_);
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    const uint64_t zip64_bytes = DirectoryZip64Bytes(member);
    Append32(0x02014b50, bytes);
    Append16(VersionOf(zip64_bytes), bytes);  // of the writer
    Append16(VersionOf(zip64_bytes), bytes);
    Append16(kUtf8Flag, bytes);
    Append16(0, bytes);
    Append32(0, bytes);
    Append32(crc32s[i], bytes);
    AppendClamped32(member.size_bytes, bytes);
    AppendClamped32(member.size_bytes, bytes);
    Append16(member.name.size(), bytes);
    Append16(zip64_bytes, bytes);
    Append16(0, bytes);  // comment
    Append16(0, bytes);  // disk
    Append16(0, bytes);  // attributes
    Append32(0, bytes);
    AppendClamped32(member.header_offset, bytes);
    absl::StrAppend(&bytes, member.name);
    if (zip64_bytes > 0) {
      Append16(kZip64Field, bytes);
      Append16(zip64_bytes - kFieldBytes, bytes);
    }
    if (IsMoved(member.size_bytes)) {
      Append(member.size_bytes, bytes);
      Append(member.size_bytes, bytes);
    }
    if (IsMoved(member.header_offset)) {
      Append(member.header_offset, bytes);
    }
  }
  Append32(0x06064b50, bytes);
  Append(kZip64EndBytes - 12, bytes);  // without the first two fields
  Append16(kZip64Version, bytes);
  Append16(kZip64Version, bytes);
  Append32(0, bytes);
  Append32(0, bytes);
  Append(uint64_t{members_.size()}, bytes);
  Append(uint64_t{members_.size()}, bytes);
  Append(directory_bytes_, bytes);
  Append(end_, bytes);

  Append32(0x07064b50, bytes);
  Append32(0, bytes);
  Append(end_ + directory_bytes_, bytes);
  Append32(1, bytes);

  const uint64_t count =
      std::min<uint64_t>(members_.size(), std::numeric_limits<uint16_t>::max());
  Append32(0x06054b50, bytes);
  Append16(0, bytes);
  Append16(0, bytes);
  Append16(count, bytes);
  Append16(count, bytes);
  AppendClamped32(directory_bytes_, bytes);
  AppendClamped32(end_, bytes);
  Append16(0, bytes);
  return bytes;
}

}  // namespace hoist
