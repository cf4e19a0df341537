#include "hoist/checkpoint/scan/zip_layout.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/scan/byte_window.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocatorSignature = 0x07064b50;
constexpr uint32_t kDescriptorSignature = 0x08074b50;

constexpr size_t kLocalBytes = 30;
constexpr size_t kEntryBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kLocatorBytes = 20;
constexpr size_t kMaxTailBytes = 0xffff + kEndBytes;
constexpr uint64_t kMaxDirectoryBytes = uint64_t{32} << 20;
constexpr size_t kMaxProblems = 100;
constexpr size_t kMaxArchives = 100'000;

constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kEncryptedFlag = 0x1;
constexpr uint16_t kDescriptorFlag = 0x8;
// Strong encryption, patches, and a hidden directory.
constexpr uint16_t kStrangeFlags = 0x20 | 0x40 | 0x2000;
constexpr uint16_t kMoved16 = 0xffff;
constexpr uint32_t kMoved32 = 0xffffffff;

uint16_t Load16(const uint8_t* at) { return LoadLittleEndian<uint16_t>(at); }
uint32_t Load32(const uint8_t* at) { return LoadLittleEndian<uint32_t>(at); }
uint64_t Load64(const uint8_t* at) { return LoadLittleEndian<uint64_t>(at); }

// Bytes of `file` that are known to be there; empty if they cannot be read.
Bytes ReadRange(const RandomAccessFile& file, uint64_t offset, uint64_t size) {
  if (offset > file.size_bytes() || size > file.size_bytes() - offset) {
    return {};
  }
  Bytes bytes(static_cast<size_t>(size));
  if (!file.ReadAt(offset, absl::MakeSpan(bytes)).ok()) {
    bytes.clear();
  }
  return bytes;
}

struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t count = 0;
  uint64_t end_offset = 0;    // of the first end record
  uint64_t end = 0;           // behind the last one, and its comment
  uint64_t shift = 0;         // of all offsets in it
  bool is_elsewhere = false;  // than its end record says
  // The end record and the 64-bit one disagree.
  bool has_two_records = false;
};

bool HasSignature(const RandomAccessFile& file, uint64_t offset,
                  uint32_t signature) {
  const Bytes bytes = ReadRange(file, offset, 4);
  return bytes.size() == 4 && Load32(bytes.data()) == signature;
}

// Whether the short form of a number neither is `value` nor says that it has
// moved to the long one.
bool Differs(uint64_t short_form, uint64_t value, uint64_t moved) {
  return short_form != moved && short_form != value;
}

// The directory that the end record at `end_offset` is of, if one is there.
std::optional<Directory> DirectoryAt(const RandomAccessFile& file,
                                     uint64_t end_offset) {
  const Bytes end = ReadRange(file, end_offset, kEndBytes);
  if (end.empty()) {
    return std::nullopt;
  }
  Directory found{.offset = Load32(&end[16]),
                  .size = Load32(&end[12]),
                  .count = Load16(&end[10]),
                  .end_offset = end_offset,
                  .end = end_offset + kEndBytes + Load16(&end[20])};
  const Bytes locator =
      end_offset < kLocatorBytes
          ? Bytes()
          : ReadRange(file, end_offset - kLocatorBytes, kLocatorBytes);
  if (!locator.empty() && Load32(locator.data()) == kLocatorSignature) {
    // Some readers trust the locator, and some that the record is before it.
    const uint64_t told = Load64(&locator[8]);
    const uint64_t before =
        end_offset -
        std::min<uint64_t>(end_offset, kLocatorBytes + kEnd64Bytes);
    for (const uint64_t at : {told, before}) {
      const Bytes end64 = ReadRange(file, at, kEnd64Bytes);
      if (end64.empty() || Load32(end64.data()) != kEnd64Signature) {
        continue;
      }
      const Directory found32 = found;
      found.offset = Load64(&end64[48]);
      found.size = Load64(&end64[40]);
      found.count = Load64(&end64[32]);
      found.end_offset = at;
      found.has_two_records = at != before ||
                              Differs(found32.offset, found.offset, kMoved32) ||
                              Differs(found32.size, found.size, kMoved32) ||
                              Differs(found32.count, found.count, kMoved16);
      break;
    }
  }
  if (found.size > found.end_offset) {
    return std::nullopt;
  }
  // Some readers trust the offset, and some that the end record follows.
  const uint64_t before_end = found.end_offset - found.size;
  found.is_elsewhere = found.offset != before_end;
  if (found.is_elsewhere && found.offset < before_end &&
      !HasSignature(file, found.offset, kEntrySignature)) {
    found.shift = before_end - found.offset;
    found.offset = before_end;
  }
  if (found.offset > found.end_offset ||
      found.size > found.end_offset - found.offset) {
    return std::nullopt;
  }
  if (found.count > 0 && !HasSignature(file, found.offset, kEntrySignature)) {
    return std::nullopt;
  }
  return found;
}

std::optional<Directory> FindDirectory(const RandomAccessFile& file) {
  const uint64_t size = std::min<uint64_t>(file.size_bytes(), kMaxTailBytes);
  const uint64_t offset = file.size_bytes() - size;
  const Bytes tail = ReadRange(file, offset, size);
  if (tail.size() < kEndBytes) {
    return std::nullopt;
  }
  for (size_t at = tail.size() - kEndBytes + 1; at-- > 0;) {
    if (tail[at] != 'P' || Load32(&tail[at]) != kEndSignature) {
      continue;
    }
    if (auto directory = DirectoryAt(file, offset + at)) {
      return directory;
    }
  }
  return std::nullopt;
}

// Where an archive begins whose end record is the last before `end`: offsets in
// it count from there. Those of others before it are not looked at, which may
// be where such an offset leads to in the file.
std::optional<uint64_t> BeginOfArchive(const RandomAccessFile& file,
                                       uint64_t end) {
  const Bytes record =
      end < kEndBytes ? Bytes() : ReadRange(file, end - kEndBytes, kEndBytes);
  if (record.empty() || Load32(record.data()) != kEndSignature ||
      Load16(&record[20]) != 0) {
    return std::nullopt;
  }
  uint64_t size = Load32(&record[12]);
  uint64_t offset = Load32(&record[16]);
  uint64_t records = end - kEndBytes;
  constexpr uint64_t kLong = kEnd64Bytes + kLocatorBytes;
  if (records >= kLong &&
      HasSignature(file, records - kLocatorBytes, kLocatorSignature)) {
    records -= kLong;
    const Bytes long_record = ReadRange(file, records, kEnd64Bytes);
    if (long_record.empty() || Load32(long_record.data()) != kEnd64Signature) {
      return std::nullopt;
    }
    size = Load64(&long_record[40]);
    offset = Load64(&long_record[48]);
  }
  if (size > records || offset > records - size) {
    return std::nullopt;
  }
  const uint64_t directory = records - size;
  const uint64_t begin = directory - offset;
  return HasSignature(file, begin, kLocalSignature) &&
                 HasSignature(file, directory, kEntrySignature)
             ? std::optional(begin)
             : std::nullopt;
}

// The 64-bit values of an extra field, in its order, for what has moved there.
Bytes Zip64Values(absl::Span<const uint8_t> extra) {
  while (extra.size() >= 4) {
    const uint16_t id = Load16(extra.data());
    const uint16_t size = Load16(extra.data() + 2);
    extra.remove_prefix(4);
    if (size > extra.size()) {
      break;
    }
    if (id == kZip64Field) {
      return Bytes(extra.begin(), extra.begin() + size);
    }
    extra.remove_prefix(size);
  }
  return {};
}

class LayoutReader {
 public:
  explicit LayoutReader(const RandomAccessFile& file)
      : file_(file), window_(file) {}

  ZipLayout Run();

 private:
  struct Range {
    uint64_t begin;
    uint64_t end;
    bool has_descriptor;
  };

  void ReadDirectory(const Directory& directory);
  void ReadEntry(absl::Span<const uint8_t> entry, absl::string_view name,
                 absl::Span<const uint8_t> extra);
  void AddMember(ZipPart part, uint16_t flags, uint64_t header_offset);
  // Compares with the directory; returns where the content is.
  void ReadLocalHeader(const ZipPart& part, uint16_t flags, uint64_t offset,
                       uint64_t& data_offset);
  void FindGaps(const Directory& directory);
  void AddGap(uint64_t begin, uint64_t end, bool after_descriptor_member);
  bool IsDescriptor(uint64_t begin, uint64_t size);
  bool IsZero(uint64_t begin, uint64_t end);
  void AddProblem(std::string member, std::string message);

  const RandomAccessFile& file_;
  ByteWindow window_;
  ZipLayout layout_;
  uint64_t shift_ = 0;
  absl::flat_hash_set<std::string> names_;
  std::vector<Range> ranges_;
};

ZipLayout LayoutReader::Run() {
  const auto directory = FindDirectory(file_);
  if (!directory) {
    AddProblem("", "The zip archive has no directory that can be read");
    layout_.parts.push_back({.name = "(bytes from 0)",
                             .stored_bytes = file_.size_bytes(),
                             .size_bytes = file_.size_bytes()});
    return std::move(layout_);
  }
  if (directory->is_elsewhere) {
    AddProblem("", "The zip directory is not where its end record says");
  }
  if (directory->has_two_records) {
    AddProblem("", "The zip archive has two end records that disagree");
  }
  shift_ = directory->shift;
  ReadDirectory(*directory);
  FindGaps(*directory);
  if (!window_.status().ok()) {
    AddProblem("", std::string(window_.status().message()));
  }
  return std::move(layout_);
}

void LayoutReader::ReadDirectory(const Directory& directory) {
  if (directory.size > kMaxDirectoryBytes) {
    AddProblem(
        "", absl::StrCat("The zip directory has ", directory.size,
                         " bytes; at most ", kMaxDirectoryBytes, " are read"));
    return;
  }
  const Bytes bytes = ReadRange(file_, directory.offset, directory.size);
  absl::Span<const uint8_t> rest(bytes);
  uint64_t count = 0;
  while (rest.size() >= kEntryBytes && Load32(rest.data()) == kEntrySignature) {
    const size_t name_size = Load16(&rest[28]);
    const size_t extra_size = Load16(&rest[30]);
    const size_t size =
        kEntryBytes + name_size + extra_size + Load16(&rest[32]);
    if (size > rest.size()) {
      break;
    }
    ReadEntry(rest,
              absl::string_view(
                  reinterpret_cast<const char*>(rest.data()) + kEntryBytes,
                  name_size),
              rest.subspan(kEntryBytes + name_size, extra_size));
    rest.remove_prefix(size);
    ++count;
  }
  if (!rest.empty() || bytes.size() != directory.size) {
    AddProblem("", "The zip directory is damaged");
  } else if (count != directory.count) {
    AddProblem("", absl::StrCat("The zip directory has ", count,
                                " entries, and its end record says ",
                                directory.count));
  }
}

void LayoutReader::ReadEntry(absl::Span<const uint8_t> entry,
                             absl::string_view name,
                             absl::Span<const uint8_t> extra) {
  ZipPart part{.name = std::string(name),
               .is_member = true,
               .method = Load16(&entry[10]),
               .crc32 = Load32(&entry[16]),
               .stored_bytes = Load32(&entry[20]),
               .size_bytes = Load32(&entry[24])};
  uint64_t header_offset = Load32(&entry[42]);
  const Bytes moved = Zip64Values(extra);
  size_t at = 0;
  bool lacks_values = false;
  const auto take = [&](uint64_t& value) {
    if (value != kMoved32) {
      return;
    }
    if (at + 8 > moved.size()) {
      lacks_values = true;
      return;
    }
    value = Load64(&moved[at]);
    at += 8;
  };
  take(part.size_bytes);
  take(part.stored_bytes);
  take(header_offset);
  if (lacks_values) {
    AddProblem(part.name, "Its sizes are missing");
  }
  if (name.find('\0') != absl::string_view::npos) {
    AddProblem(part.name, "There is a zero byte in its name");
  }
  if (!names_.insert(part.name).second) {
    AddProblem(part.name, "Another member has the same name");
  }
  AddMember(std::move(part), Load16(&entry[8]), header_offset);
}

void LayoutReader::AddMember(ZipPart part, uint16_t flags,
                             uint64_t header_offset) {
  const uint64_t file_size = file_.size_bytes();
  if (header_offset > file_size || shift_ > file_size - header_offset) {
    AddProblem(part.name, "It would begin behind the end of the file");
    return;
  }
  header_offset += shift_;
  part.is_encrypted = (flags & kEncryptedFlag) != 0;
  if (part.is_encrypted) {
    AddProblem(part.name, "It is marked as encrypted");
  }
  if ((flags & kStrangeFlags) != 0) {
    AddProblem(part.name,
               absl::StrCat("Its flags are ", absl::Hex(flags, absl::kZeroPad4),
                            ", which readers take in different ways"));
  }
  uint64_t data_offset = std::min(file_size, header_offset + kLocalBytes);
  ReadLocalHeader(part, flags, header_offset, data_offset);
  if (part.stored_bytes > file_size - data_offset) {
    AddProblem(
        part.name,
        absl::StrCat("It has ", part.stored_bytes, " bytes at offset ",
                     data_offset, ", and the archive ends at ", file_size));
    part.stored_bytes = file_size - data_offset;
  }
  if (part.method == 0 && part.size_bytes != part.stored_bytes) {
    AddProblem(part.name, absl::StrCat("It is not compressed, and has ",
                                       part.stored_bytes, " bytes stored for ",
                                       part.size_bytes, " of content"));
  }
  part.offset_bytes = data_offset;
  ranges_.push_back({.begin = header_offset,
                     .end = data_offset + part.stored_bytes,
                     .has_descriptor = (flags & kDescriptorFlag) != 0});
  layout_.parts.push_back(std::move(part));
}

void LayoutReader::ReadLocalHeader(const ZipPart& part, uint16_t flags,
                                   uint64_t offset, uint64_t& data_offset) {
  const Bytes header = ReadRange(file_, offset, kLocalBytes);
  if (header.empty() || Load32(header.data()) != kLocalSignature) {
    AddProblem(part.name, absl::StrCat("It has no header at offset ", offset));
    return;
  }
  const size_t name_size = Load16(&header[26]);
  const size_t extra_size = Load16(&header[28]);
  const Bytes name = ReadRange(file_, offset + kLocalBytes, name_size);
  data_offset = std::min<uint64_t>(
      file_.size_bytes(), offset + kLocalBytes + name_size + extra_size);
  const auto differs = [this, &part](absl::string_view what) {
    AddProblem(part.name, absl::StrCat("Its header has another ", what,
                                       " than the directory"));
  };
  if (std::string(name.begin(), name.end()) != part.name) {
    differs("name");
  }
  const uint16_t local_flags = Load16(&header[6]);
  if (((local_flags ^ flags) & (kEncryptedFlag | kStrangeFlags)) != 0) {
    differs("set of flags");
  }
  if (Load16(&header[8]) != part.method) {
    differs("compression method");
  }
  const uint32_t crc32 = Load32(&header[14]);
  const uint32_t stored = Load32(&header[18]);
  const uint32_t size = Load32(&header[22]);
  // A writer that streams does not know them yet, and leaves 0.
  const bool is_later = (local_flags & kDescriptorFlag) != 0;
  if (crc32 != part.crc32 && !(is_later && crc32 == 0)) {
    differs("checksum");
  }
  if ((stored != kMoved32 && stored != part.stored_bytes &&
       !(is_later && stored == 0)) ||
      (size != kMoved32 && size != part.size_bytes &&
       !(is_later && size == 0))) {
    differs("size");
  }
}

void LayoutReader::FindGaps(const Directory& directory) {
  std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t covered = 0;
  bool has_descriptor = false;
  bool overlaps = false;
  for (const Range& range : ranges_) {
    overlaps |= range.begin < covered;
    if (range.begin > covered) {
      AddGap(covered, range.begin, has_descriptor);
    }
    if (range.end >= covered) {
      covered = range.end;
      has_descriptor = range.has_descriptor;
    }
  }
  overlaps |= directory.offset < covered;
  if (overlaps) {
    AddProblem("", "Members of the zip archive lie over each other");
  }
  if (directory.offset > covered) {
    AddGap(covered, directory.offset, has_descriptor);
  }
  const uint64_t directory_end = directory.offset + directory.size;
  if (directory.end_offset > directory_end) {
    AddGap(directory_end, directory.end_offset, false);
  }
  if (directory.end < file_.size_bytes()) {
    AddGap(directory.end, file_.size_bytes(), false);
  } else if (directory.end > file_.size_bytes()) {
    AddProblem("", "The comment of the zip archive is cut off");
  }
  // Between the end records is nothing but a comment; it is looked at, too.
  const uint64_t tail_begin = std::min(directory.end_offset, directory.end);
  const uint64_t tail_end = std::min(directory.end, file_.size_bytes());
  if (tail_end - tail_begin > kEndBytes) {
    layout_.parts.push_back(
        {.name = absl::StrCat("(bytes from ", tail_begin, ")"),
         .offset_bytes = tail_begin,
         .stored_bytes = tail_end - tail_begin,
         .size_bytes = tail_end - tail_begin});
  }
}

void LayoutReader::AddGap(uint64_t begin, uint64_t end,
                          bool after_descriptor_member) {
  if (after_descriptor_member && IsDescriptor(begin, end - begin)) {
    return;
  }
  if (IsZero(begin, end)) {
    return;
  }
  AddProblem("", absl::StrCat(end - begin, " bytes at offset ", begin,
                              " belong to no member of the zip archive"));
  layout_.parts.push_back({.name = absl::StrCat("(bytes from ", begin, ")"),
                           .offset_bytes = begin,
                           .stored_bytes = end - begin,
                           .size_bytes = end - begin});
}

// Checksum and sizes of 4 or 8 bytes, with or without a signature.
bool LayoutReader::IsDescriptor(uint64_t begin, uint64_t size) {
  if (size == 12 || size == 20) {
    return true;
  }
  const auto bytes = window_.At(begin, 4);
  return (size == 16 || size == 24) && bytes.size() == 4 &&
         Load32(bytes.data()) == kDescriptorSignature;
}

bool LayoutReader::IsZero(uint64_t begin, uint64_t end) {
  while (begin < end) {
    const auto bytes = window_.At(
        begin, std::min<uint64_t>(end - begin, ByteWindow::kMaxBytes));
    if (bytes.empty() || !std::all_of(bytes.begin(), bytes.end(),
                                      [](uint8_t b) { return b == 0; })) {
      return false;
    }
    begin += bytes.size();
  }
  return true;
}

void LayoutReader::AddProblem(std::string member, std::string message) {
  if (layout_.problems.size() < kMaxProblems) {
    layout_.problems.push_back({std::move(member), std::move(message)});
  }
}

}  // namespace

bool LooksLikeZip(const RandomAccessFile& file) {
  if (HasSignature(file, 0, kLocalSignature) ||
      HasSignature(file, 0, kEndSignature)) {
    return true;
  }
  return FindDirectory(file).has_value();
}

std::vector<uint64_t> FindArchives(const RandomAccessFile& file) {
  std::vector<uint64_t> begins;
  for (uint64_t end = file.size_bytes(); end > 0; end = begins.back()) {
    const auto begin = BeginOfArchive(file, end);
    if (!begin || begins.size() == kMaxArchives) {
      return {};
    }
    begins.push_back(*begin);
  }
  std::reverse(begins.begin(), begins.end());
  return begins.size() > 1 ? begins : std::vector<uint64_t>();
}

ZipLayout ReadZipLayout(const RandomAccessFile& file) {
  return LayoutReader(file).Run();
}

}  // namespace hoist
