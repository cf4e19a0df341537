#include "hoist/checkpoint/zip/zip_directory.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocatorSignature = 0x07064b50;

constexpr size_t kLocalBytes = 30;
constexpr size_t kEntryBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kLocatorBytes = 20;
// The end record stands before a comment of at most this many bytes.
constexpr size_t kMaxCommentBytes = 0xffff;

constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kEncryptedFlag = 1;
// A field that has moved to the zip64 record.
constexpr uint32_t kMoved32 = 0xffffffff;
constexpr uint16_t kMoved16 = 0xffff;

uint16_t Load16(const uint8_t* at) { return LoadLittleEndian<uint16_t>(at); }
uint32_t Load32(const uint8_t* at) { return LoadLittleEndian<uint32_t>(at); }
uint64_t Load64(const uint8_t* at) { return LoadLittleEndian<uint64_t>(at); }

absl::Status Incomplete(absl::string_view found) {
  return WithHint(absl::DataLossError(absl::StrCat(
                      found,
                      ": the file is incomplete, or was cut off while it was "
                      "written or copied")),
                  "Download or copy it again, and compare the sizes; if it was "
                  "being saved, "
                  "take the checkpoint before it");
}

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("The zip directory is damaged: ", what));
}

// Where the directory is, and how much of it.
struct DirectoryRange {
  uint64_t offset_bytes;
  uint64_t size_bytes;
  uint64_t entry_count;
};

// Offset of the last end record, in what is read from the end of the file.
std::optional<size_t> FindEndRecord(const Bytes& tail) {
  if (tail.size() < kEndBytes) {
    return std::nullopt;
  }
  for (size_t at = tail.size() - kEndBytes + 1; at-- > 0;) {
    if (Load32(&tail[at]) == kEndSignature) {
      return at;
    }
  }
  return std::nullopt;
}

// The zip64 end record, if a locator before the end record says where it is.
absl::StatusOr<std::optional<DirectoryRange>> FindZip64(
    const RandomAccessFile& file, uint64_t end_offset) {
  if (end_offset < kLocatorBytes + kEnd64Bytes) {
    return std::nullopt;
  }
  Bytes locator(kLocatorBytes);
  HOIST_RETURN_IF_ERROR(
      file.ReadAt(end_offset - kLocatorBytes, absl::MakeSpan(locator)));
  if (Load32(&locator[0]) != kLocatorSignature) {
    return std::nullopt;
  }
  const uint64_t at = Load64(&locator[8]);
  if (at > end_offset - kLocatorBytes - kEnd64Bytes) {
    return Corrupt(
        absl::StrCat("its zip64 end record would be at offset ", at));
  }
  Bytes end(kEnd64Bytes);
  HOIST_RETURN_IF_ERROR(file.ReadAt(at, absl::MakeSpan(end)));
  if (Load32(&end[0]) != kEnd64Signature) {
    return Corrupt(absl::StrCat("there is no zip64 end record at offset ", at));
  }
  if (Load32(&end[16]) != 0 || Load32(&end[20]) != 0 ||
      Load64(&end[24]) != Load64(&end[32])) {
    return absl::UnimplementedError(
        "Zip archives of several disks are not read");
  }
  return DirectoryRange{.offset_bytes = Load64(&end[48]),
                        .size_bytes = Load64(&end[40]),
                        .entry_count = Load64(&end[32])};
}

// The bytes among which the end record is.
absl::StatusOr<Bytes> ReadTail(const RandomAccessFile& file) {
  Bytes tail(static_cast<size_t>(
      std::min<uint64_t>(file.size_bytes(), kMaxCommentBytes + kEndBytes)));
  HOIST_RETURN_IF_ERROR(
      file.ReadAt(file.size_bytes() - tail.size(), absl::MakeSpan(tail)));
  return tail;
}

absl::StatusOr<DirectoryRange> FindDirectory(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const Bytes tail, ReadTail(file));
  const uint64_t tail_offset = file.size_bytes() - tail.size();
  const auto found = FindEndRecord(tail);
  if (!found) {
    return Incomplete("The zip archive has no central directory at its end");
  }
  const uint8_t* const end = &tail[*found];
  const uint64_t end_offset = tail_offset + *found;
  HOIST_ASSIGN_OR_RETURN(const auto zip64, FindZip64(file, end_offset));
  DirectoryRange range;
  if (zip64) {
    range = *zip64;
  } else {
    const bool moved = Load16(end + 10) == kMoved16 ||
                       Load32(end + 12) == kMoved32 ||
                       Load32(end + 16) == kMoved32;
    if (moved) {
      return Corrupt("it has no zip64 end record, and needs one");
    }
    if (Load16(end + 4) != 0 || Load16(end + 6) != 0 ||
        Load16(end + 8) != Load16(end + 10)) {
      return absl::UnimplementedError(
          "Zip archives of several disks are not read");
    }
    range = {.offset_bytes = Load32(end + 16),
             .size_bytes = Load32(end + 12),
             .entry_count = Load16(end + 10)};
  }
  const auto range_end = CheckedAdd(range.offset_bytes, range.size_bytes);
  if (!range_end || *range_end > end_offset) {
    return Incomplete(absl::StrCat(
        "The zip directory would be ", range.size_bytes, " bytes at offset ",
        range.offset_bytes, ", and its end is at ", end_offset));
  }
  const auto least = CheckedMul<uint64_t>(range.entry_count, kEntryBytes);
  if (!least || *least > range.size_bytes) {
    return Corrupt(absl::StrCat(range.entry_count, " entries in ",
                                range.size_bytes, " bytes"));
  }
  return range;
}

// Takes the moved fields of `member` from the zip64 block of its extra field.
absl::Status ReadZip64Field(absl::Span<const uint8_t> extra, bool size_moved,
                            bool stored_moved, bool offset_moved,
                            ZipMember& member) {
  if (!size_moved && !stored_moved && !offset_moved) {
    return absl::OkStatus();
  }
  while (extra.size() >= 4) {
    const uint16_t id = Load16(extra.data());
    const uint16_t size = Load16(extra.data() + 2);
    extra.remove_prefix(4);
    if (size > extra.size()) {
      break;
    }
    if (id != kZip64Field) {
      extra.remove_prefix(size);
      continue;
    }
    absl::Span<const uint8_t> fields = extra.subspan(0, size);
    const auto take = [&fields](bool moved, uint64_t& value) {
      if (!moved) {
        return true;
      }
      if (fields.size() < sizeof(uint64_t)) {
        return false;
      }
      value = Load64(fields.data());
      fields.remove_prefix(sizeof(uint64_t));
      return true;
    };
    if (take(size_moved, member.size_bytes) &&
        take(stored_moved, member.stored_bytes) &&
        take(offset_moved, member.header_offset_bytes)) {
      return absl::OkStatus();
    }
    break;
  }
  return Corrupt(absl::StrCat("member ", member.name,
                              " lacks the zip64 sizes that it refers to"));
}

// Reads the entry at the start of `rest`, and removes it from there.
absl::StatusOr<ZipMember> TakeEntry(absl::Span<const uint8_t>& rest) {
  if (rest.size() < kEntryBytes || Load32(rest.data()) != kEntrySignature) {
    return Corrupt("an entry is missing");
  }
  const uint8_t* const entry = rest.data();
  const size_t name_size = Load16(entry + 28);
  const size_t extra_size = Load16(entry + 30);
  const size_t comment_size = Load16(entry + 32);
  if (rest.size() < kEntryBytes + name_size + extra_size + comment_size) {
    return Corrupt("an entry is longer than the directory");
  }
  ZipMember member;
  member.name.assign(reinterpret_cast<const char*>(entry) + kEntryBytes,
                     name_size);
  member.flags = Load16(entry + 8);
  member.method = Load16(entry + 10);
  member.crc32 = Load32(entry + 16);
  member.stored_bytes = Load32(entry + 20);
  member.size_bytes = Load32(entry + 24);
  member.header_offset_bytes = Load32(entry + 42);
  HOIST_RETURN_IF_ERROR(ReadZip64Field(
      rest.subspan(kEntryBytes + name_size, extra_size),
      member.size_bytes == kMoved32, member.stored_bytes == kMoved32,
      member.header_offset_bytes == kMoved32, member));
  rest.remove_prefix(kEntryBytes + name_size + extra_size + comment_size);
  return member;
}

absl::Status CheckMember(const ZipMember& member, uint64_t file_size) {
  if (member.flags & kEncryptedFlag) {
    return WithHint(absl::UnimplementedError(absl::StrCat(
                        "Member ", member.name, " of the zip is encrypted")),
                    "Decrypt the archive first");
  }
  if (member.is_stored() && member.stored_bytes != member.size_bytes) {
    return Corrupt(absl::StrCat("member ", member.name, " has ",
                                member.stored_bytes, " stored bytes and ",
                                member.size_bytes, " of content"));
  }
  const auto end = CheckedAdd(member.header_offset_bytes, member.stored_bytes);
  if (!end || file_size < kLocalBytes || *end > file_size - kLocalBytes) {
    return Incomplete(absl::StrCat("Member ", member.name, " has ",
                                   member.stored_bytes, " bytes from offset ",
                                   member.header_offset_bytes,
                                   ", and the file has ", file_size));
  }
  return absl::OkStatus();
}

// Members that share bytes would let a small file ask for much memory.
absl::Status ExpectApart(const std::vector<ZipMember>& members) {
  std::vector<const ZipMember*> in_order;
  in_order.reserve(members.size());
  for (const ZipMember& member : members) {
    in_order.push_back(&member);
  }
  const auto is_before = [](const ZipMember* a, const ZipMember* b) {
    return a->header_offset_bytes < b->header_offset_bytes;
  };
  // Most directories are in the order of their members.
  if (!std::is_sorted(in_order.begin(), in_order.end(), is_before)) {
    std::sort(in_order.begin(), in_order.end(), is_before);
  }
  for (size_t i = 1; i < in_order.size(); ++i) {
    const ZipMember& before = *in_order[i - 1];
    // Lies inside the file, as CheckMember() made sure.
    const uint64_t end = before.header_offset_bytes + before.stored_bytes +
                         ZipLocalHeaderBytes(before);
    if (end > in_order[i]->header_offset_bytes) {
      return Corrupt(absl::StrCat("members ", before.name, " and ",
                                  in_order[i]->name, " lie over each other"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ZipDirectory> ZipDirectory::Read(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const DirectoryRange range, FindDirectory(file));
  // No more than the file has, as FindDirectory() made sure.
  Bytes bytes(static_cast<size_t>(range.size_bytes));
  HOIST_RETURN_IF_ERROR(file.ReadAt(range.offset_bytes, absl::MakeSpan(bytes)));
  absl::Span<const uint8_t> rest(bytes);
  ZipDirectory directory;
  directory.members_.reserve(static_cast<size_t>(range.entry_count));
  directory.index_.reserve(static_cast<size_t>(range.entry_count));
  for (uint64_t i = 0; i < range.entry_count; ++i) {
    HOIST_ASSIGN_OR_RETURN(ZipMember member, TakeEntry(rest));
    HOIST_RETURN_IF_ERROR(CheckMember(member, file.size_bytes()));
    directory.members_.push_back(std::move(member));
    const absl::string_view name = directory.members_.back().name;
    if (!directory.index_.emplace(name, directory.members_.size() - 1).second) {
      return Corrupt(absl::StrCat("member ", name, " is there more than once"));
    }
  }
  HOIST_RETURN_IF_ERROR(ExpectApart(directory.members_));
  return directory;
}

absl::StatusOr<bool> HasZipEndRecord(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const Bytes tail, ReadTail(file));
  return FindEndRecord(tail).has_value();
}

const ZipMember* ZipDirectory::Find(absl::string_view name) const {
  const auto entry = index_.find(name);
  return entry == index_.end() ? nullptr : &members_[entry->second];
}

size_t ZipLocalHeaderBytes(const ZipMember& member) {
  return kLocalBytes + member.name.size();
}

absl::StatusOr<uint64_t> ZipDataOffset(const RandomAccessFile& file,
                                       const ZipMember& member) {
  Bytes header(ZipLocalHeaderBytes(member));
  if (absl::Status status =
          file.ReadAt(member.header_offset_bytes, absl::MakeSpan(header));
      !status.ok()) {
    return Annotate(status, absl::StrCat("Header of ", member.name));
  }
  return ZipDataOffsetOf(member, header, file.size_bytes());
}

absl::StatusOr<uint64_t> ZipDataOffsetOf(const ZipMember& member,
                                         absl::Span<const uint8_t> header,
                                         uint64_t file_size_bytes) {
  if (Load32(&header[0]) != kLocalSignature) {
    return absl::DataLossError(absl::StrCat("Member ", member.name,
                                            " has no header at offset ",
                                            member.header_offset_bytes));
  }
  const absl::string_view name(
      reinterpret_cast<const char*>(header.data()) + kLocalBytes,
      member.name.size());
  if (Load16(&header[26]) != member.name.size() || name != member.name) {
    return absl::DataLossError(absl::StrCat(
        "Member ", member.name, " has another name in its header at offset ",
        member.header_offset_bytes));
  }
  // Neither overflows: the header is inside the file, and so are the bytes, but
  // for the extra field between them.
  const uint64_t offset =
      member.header_offset_bytes + header.size() + Load16(&header[28]);
  if (offset > file_size_bytes ||
      member.stored_bytes > file_size_bytes - offset) {
    return Incomplete(absl::StrCat(
        "Member ", member.name, " has ", member.stored_bytes,
        " bytes at offset ", offset, ", and the file has ", file_size_bytes));
  }
  return offset;
}

uint64_t MaxExpandingBytes(const ZipMember& member, uint64_t max_bytes) {
  constexpr uint64_t kFreeBytes = uint64_t{4} << 20;
  constexpr uint64_t kMaxRatio = 32;
  if (!member.is_deflated() || member.stored_bytes > max_bytes / kMaxRatio) {
    return max_bytes;
  }
  return std::min(max_bytes, kFreeBytes + kMaxRatio * member.stored_bytes);
}

absl::StatusOr<Bytes> ReadZipMember(const RandomAccessFile& file,
                                    const ZipMember& member,
                                    uint64_t max_bytes) {
  if (!member.is_stored() && !member.is_deflated()) {
    return absl::UnimplementedError(
        absl::StrCat("Member ", member.name, " is compressed by method ",
                     member.method, "; deflate (8) is what Hoist reads"));
  }
  if (member.size_bytes > max_bytes) {
    const absl::Status too_big = absl::ResourceExhaustedError(
        absl::StrCat("Member ", member.name, " has ", member.size_bytes,
                     " bytes; at most ", max_bytes, " are read"));
    return member.is_deflated()
               ? WithHint(too_big,
                          "If it is what you expect, unpack the archive, and "
                          "pack it again uncompressed (zip -0 -r)")
               : too_big;
  }
  if (member.size_bytes / kMaxInflateRatio > member.stored_bytes) {
    return Corrupt(absl::StrCat("member ", member.name, " would have ",
                                member.size_bytes, " bytes in ",
                                member.stored_bytes));
  }
  HOIST_ASSIGN_OR_RETURN(const uint64_t offset, ZipDataOffset(file, member));
  Bytes bytes(static_cast<size_t>(member.size_bytes));
  if (member.is_stored()) {
    HOIST_RETURN_IF_ERROR(file.ReadAt(offset, absl::MakeSpan(bytes)));
  } else {
    InflateReader stream(file, offset, member.stored_bytes);
    absl::Status status = stream.Read(absl::MakeSpan(bytes));
    status.Update(stream.ExpectEnd());
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("Member ", member.name));
    }
  }
  const uint32_t crc32 = Crc32(bytes);
  if (member.crc32 != 0 && crc32 != member.crc32) {
    return absl::DataLossError(absl::StrFormat(
        "Member %s is damaged: its checksum is %08x, and %08x is recorded",
        member.name, crc32, member.crc32));
  }
  return bytes;
}

}  // namespace hoist
