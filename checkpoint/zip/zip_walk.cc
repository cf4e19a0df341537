#include "hoist/checkpoint/zip/zip_walk.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kDescriptorSignature = 0x08074b50;
constexpr size_t kLocalBytes = 30;
constexpr size_t kDescriptorBytes = 16;
constexpr size_t kDescriptor64Bytes = 24;

constexpr uint16_t kSizesFollow = 8;
constexpr uint16_t kZip64Field = 1;
constexpr uint32_t kMoved32 = 0xffffffff;

constexpr uint64_t kMaxMembers = 1'000'000;
constexpr uint64_t kMaxSearchedBytes = uint64_t{256} << 20;

uint16_t Load16(const uint8_t* at) { return LoadLittleEndian<uint16_t>(at); }
uint32_t Load32(const uint8_t* at) { return LoadLittleEndian<uint32_t>(at); }
uint64_t Load64(const uint8_t* at) { return LoadLittleEndian<uint64_t>(at); }

// The zip64 block of an extra field, if there is one.
std::optional<absl::Span<const uint8_t>> Zip64Block(
    absl::Span<const uint8_t> extra) {
  while (extra.size() >= 4) {
    const uint16_t id = Load16(extra.data());
    const size_t size = Load16(extra.data() + 2);
    extra.remove_prefix(4);
    if (size > extra.size()) {
      break;
    }
    if (id == kZip64Field) {
      return extra.subspan(0, size);
    }
    extra.remove_prefix(size);
  }
  return std::nullopt;
}

}  // namespace

struct ZipWalk::Header {
  ZipMember member;  // without sizes, where these follow
  bool sizes_follow = false;
  bool is_zip64 = false;
  uint64_t data_offset = 0;
};

absl::StatusOr<bool> ZipWalk::HasSignature(uint64_t offset,
                                           uint32_t signature) {
  Bytes bytes(sizeof(signature));
  if (offset > file_.size_bytes() ||
      bytes.size() > file_.size_bytes() - offset) {
    return false;
  }
  HOIST_RETURN_IF_ERROR(file_.ReadAt(offset, absl::MakeSpan(bytes)));
  return Load32(bytes.data()) == signature;
}

absl::StatusOr<std::optional<ZipWalk::Header>> ZipWalk::ReadHeader() {
  HOIST_ASSIGN_OR_RETURN(const bool is_member,
                         HasSignature(offset_, kLocalSignature));
  if (!is_member) {
    HOIST_ASSIGN_OR_RETURN(has_directory_,
                           HasSignature(offset_, kEntrySignature));
    return std::nullopt;
  }
  const uint64_t left = file_.size_bytes() - offset_;
  Bytes fixed(kLocalBytes);
  if (left < fixed.size()) {
    return std::nullopt;
  }
  HOIST_RETURN_IF_ERROR(file_.ReadAt(offset_, absl::MakeSpan(fixed)));
  const size_t name_bytes = Load16(&fixed[26]);
  Bytes rest(name_bytes + Load16(&fixed[28]));
  if (left - fixed.size() < rest.size()) {
    return std::nullopt;
  }
  HOIST_RETURN_IF_ERROR(
      file_.ReadAt(offset_ + fixed.size(), absl::MakeSpan(rest)));
  Header header;
  ZipMember& member = header.member;
  member.name.assign(reinterpret_cast<const char*>(rest.data()), name_bytes);
  member.flags = Load16(&fixed[6]);
  member.method = Load16(&fixed[8]);
  member.crc32 = Load32(&fixed[14]);
  member.stored_bytes = Load32(&fixed[18]);
  member.size_bytes = Load32(&fixed[22]);
  member.header_offset_bytes = offset_;
  header.sizes_follow = (member.flags & kSizesFollow) != 0;
  header.data_offset = offset_ + fixed.size() + rest.size();
  const auto zip64 = Zip64Block(absl::MakeConstSpan(rest).subspan(name_bytes));
  header.is_zip64 = zip64.has_value();
  if (zip64 && zip64->size() >= 16 && member.stored_bytes == kMoved32) {
    member.size_bytes = Load64(zip64->data());
    member.stored_bytes = Load64(zip64->data() + 8);
  }
  cut_name_ = member.name;
  return header;
}

// Whether what is at `offset` says that the content ended there.
absl::StatusOr<bool> ZipWalk::HasDescriptor(const Header& header,
                                            uint64_t offset, ZipMember& member,
                                            uint64_t& end) {
  Bytes bytes(header.is_zip64 ? kDescriptor64Bytes : kDescriptorBytes);
  if (offset > file_.size_bytes() ||
      bytes.size() > file_.size_bytes() - offset) {
    return false;
  }
  HOIST_RETURN_IF_ERROR(file_.ReadAt(offset, absl::MakeSpan(bytes)));
  const uint64_t stored =
      header.is_zip64 ? Load64(&bytes[8]) : Load32(&bytes[8]);
  if (Load32(&bytes[0]) != kDescriptorSignature ||
      stored != offset - header.data_offset) {
    return false;
  }
  member.crc32 = Load32(&bytes[4]);
  member.stored_bytes = stored;
  member.size_bytes = header.is_zip64 ? Load64(&bytes[16]) : Load32(&bytes[12]);
  end = offset + bytes.size();
  return true;
}

absl::StatusOr<bool> ZipWalk::Search(const Header& header, ZipMember& member,
                                     uint64_t& end) {
  constexpr uint64_t kPieceBytes = 1 << 20;
  constexpr uint8_t kSignature[] = {'P', 'K', 7, 8};
  Bytes piece;
  uint64_t offset = header.data_offset;
  while (searched_bytes_ < kMaxSearchedBytes) {
    piece.resize(static_cast<size_t>(
        std::min(kPieceBytes, file_.size_bytes() - offset)));
    if (piece.size() < sizeof(kSignature)) {
      return false;
    }
    HOIST_RETURN_IF_ERROR(file_.ReadAt(offset, absl::MakeSpan(piece)));
    searched_bytes_ += piece.size();
    for (auto found = piece.begin();; ++found) {
      found = std::search(found, piece.end(), std::begin(kSignature),
                          std::end(kSignature));
      if (found == piece.end()) {
        break;
      }
      HOIST_ASSIGN_OR_RETURN(
          const bool is_end,
          HasDescriptor(header,
                        offset + static_cast<uint64_t>(found - piece.begin()),
                        member, end));
      if (is_end) {
        return true;
      }
    }
    // A signature may lie across two pieces.
    offset += piece.size() - (sizeof(kSignature) - 1);
  }
  return false;
}

absl::StatusOr<bool> ZipWalk::FindEnd(const Header& header,
                                      std::optional<uint64_t> size,
                                      ZipMember& member, uint64_t& end) {
  if (size && member.is_stored()) {
    const auto data_end = CheckedAdd(header.data_offset, *size);
    if (!data_end) {
      return false;
    }
    HOIST_ASSIGN_OR_RETURN(const bool is_end,
                           HasDescriptor(header, *data_end, member, end));
    if (is_end || *size > 0) {
      return is_end;
    }
  } else {
    HOIST_ASSIGN_OR_RETURN(const bool is_end, Search(header, member, end));
    if (is_end) {
      return true;
    }
  }
  // Where there is no content, nothing may follow it.
  for (const uint32_t next : {kLocalSignature, kEntrySignature}) {
    HOIST_ASSIGN_OR_RETURN(const bool is_next,
                           HasSignature(header.data_offset, next));
    if (is_next) {
      end = header.data_offset;
      return true;
    }
  }
  return false;
}

absl::StatusOr<std::optional<ZipMember>> ZipWalk::Next(SizeOf size_of) {
  cut_name_.clear();
  if (count_ == kMaxMembers) {
    return std::nullopt;
  }
  HOIST_ASSIGN_OR_RETURN(auto header, ReadHeader());
  if (!header) {
    return std::nullopt;
  }
  ZipMember member = header->member;
  uint64_t end = 0;
  if (header->sizes_follow) {
    HOIST_ASSIGN_OR_RETURN(const bool is_whole,
                           FindEnd(*header, size_of(member.name), member, end));
    if (!is_whole) {
      return std::nullopt;
    }
  } else {
    const auto data_end = CheckedAdd(header->data_offset, member.stored_bytes);
    if (!data_end || *data_end > file_.size_bytes()) {
      return std::nullopt;
    }
    end = *data_end;
  }
  offset_ = end;
  ++count_;
  cut_name_.clear();
  return member;
}

}  // namespace hoist
