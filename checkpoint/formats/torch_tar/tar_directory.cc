#include "hoist/checkpoint/formats/torch_tar/tar_directory.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kBlockBytes = 512;
constexpr int kMaxHeaders = 10'000;
constexpr uint64_t kMaxExtensionBytes = uint64_t{1} << 20;

using Members = absl::flat_hash_map<std::string, TarMember>;

// A header's fields (POSIX.1-1988).
struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName = {0, 100};
constexpr Field kSize = {124, 12};
constexpr Field kChecksum = {148, 8};
constexpr size_t kType = 156;
constexpr Field kMagic = {257, 6};
constexpr Field kPrefix = {345, 155};

class Header {
 public:
  static absl::StatusOr<Header> Read(const RandomAccessFile& file,
                                     uint64_t offset) {
    Header header;
    HOIST_RETURN_IF_ERROR(file.ReadAt(offset, absl::MakeSpan(header.block_)));
    return header;
  }

  bool IsEmpty() const {
    return std::all_of(block_.begin(), block_.end(),
                       [](uint8_t byte) { return byte == 0; });
  }
  bool HasValidChecksum() const;
  // nullopt if it is no number below 2^63.
  std::optional<uint64_t> SizeBytes() const { return Number(kSize); }
  char type() const { return static_cast<char>(block_[kType]); }
  std::string Name() const;

 private:
  absl::string_view Bytes(Field field) const {
    return {reinterpret_cast<const char*>(block_.data()) + field.offset,
            field.size};
  }
  // Up to the first zero.
  absl::string_view Text(Field field) const {
    const absl::string_view bytes = Bytes(field);
    return bytes.substr(0, bytes.find('\0'));
  }
  std::optional<uint64_t> Number(Field field) const;

  std::array<uint8_t, kBlockBytes> block_;
};

// Octal digits, or a number of base 256 after a byte of 0x80.
std::optional<uint64_t> Header::Number(Field field) const {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  uint64_t value = 0;
  if (block_[field.offset] >= 0x80) {
    if (block_[field.offset] != 0x80) {
      return std::nullopt;
    }
    for (size_t i = 1; i < field.size; ++i) {
      if (value > kMax >> 8) {
        return std::nullopt;
      }
      value = value << 8 | block_[field.offset + i];
    }
    return value;
  }
  // Twelve digits at most: no more than 36 bits.
  for (const char digit : absl::StripAsciiWhitespace(Text(field))) {
    if (digit < '0' || digit > '7') {
      return std::nullopt;
    }
    value = value << 3 | static_cast<uint64_t>(digit - '0');
  }
  return value;
}

// The sum of all bytes, with blanks in place of the checksum itself; some old
// programs took them as signed.
bool Header::HasValidChecksum() const {
  const auto recorded = Number(kChecksum);
  int64_t sum = 0;
  int64_t signed_sum = 0;
  for (size_t i = 0; i < block_.size(); ++i) {
    const bool is_checksum =
        i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const uint8_t byte = is_checksum ? ' ' : block_[i];
    sum += byte;
    signed_sum += static_cast<int8_t>(byte);
  }
  return recorded && (static_cast<int64_t>(*recorded) == sum ||
                      static_cast<int64_t>(*recorded) == signed_sum);
}

std::string Header::Name() const {
  const std::string name(Text(kName));
  // GNU's has a blank in place of the zero, and other things there.
  if (Bytes(kMagic) == absl::string_view("ustar\0", kMagic.size) &&
      !Text(kPrefix).empty()) {
    return absl::StrCat(Text(kPrefix), "/", name);
  }
  return name;
}

// What PAX and GNU put before a member's header.
struct Extension {
  std::optional<std::string> name;
  std::optional<uint64_t> size_bytes;
};

class DirectoryReader {
 public:
  DirectoryReader(const RandomAccessFile& file,
                  absl::Span<const absl::string_view> names)
      : file_(file), names_(names) {}

  absl::StatusOr<Members> Run();

 private:
  absl::Status ReadMember(const Header& header);
  absl::Status AddMember(const Header& header, const std::string& name,
                         uint64_t size_bytes);
  absl::StatusOr<std::string> ReadText(uint64_t size_bytes);
  absl::Status ReadPaxRecords(absl::string_view records, bool is_global);
  absl::Status CutOff(absl::string_view what, uint64_t size_bytes) const;

  const RandomAccessFile& file_;
  const absl::Span<const absl::string_view> names_;
  uint64_t position_ = 0;  // of what comes next
  Extension extension_;
  Members members_;
};

absl::Status DirectoryReader::CutOff(absl::string_view what,
                                     uint64_t size_bytes) const {
  return WithHint(
      absl::DataLossError(absl::StrCat(
          what, " at offset ", position_, " of the tar archive is cut off: it ",
          "takes ", size_bytes, " bytes, and ", file_.size_bytes() - position_,
          " are left")),
      "The file is incomplete: download or copy it again");
}

absl::StatusOr<std::string> DirectoryReader::ReadText(uint64_t size_bytes) {
  if (size_bytes > kMaxExtensionBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("An extended header at offset ", position_,
                     " of the tar archive has ", size_bytes, " bytes"));
  }
  std::string text(static_cast<size_t>(size_bytes), '\0');
  HOIST_RETURN_IF_ERROR(file_.ReadAt(
      position_,
      absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size())));
  return text;
}

// Each is "LENGTH KEY=VALUE\n", where the length is that of all of it.
absl::Status DirectoryReader::ReadPaxRecords(absl::string_view records,
                                             bool is_global) {
  while (!records.empty() && records[0] != '\0') {
    const size_t blank = records.find(' ');
    uint64_t size;
    if (blank == absl::string_view::npos ||
        !absl::SimpleAtoi(records.substr(0, blank), &size) ||
        size > records.size() || size < blank + 2 ||
        records[size - 1] != '\n') {
      return absl::DataLossError(
          absl::StrCat("A PAX header before offset ", position_,
                       " of the tar archive has a record of a wrong length"));
    }
    const absl::string_view record =
        records.substr(blank + 1, size - blank - 2);
    records.remove_prefix(size);
    const size_t equals = record.find('=');
    if (equals == absl::string_view::npos) {
      return absl::DataLossError(
          absl::StrCat("A PAX header before offset ", position_,
                       " of the tar archive has a record without a value"));
    }
    const absl::string_view key = record.substr(0, equals);
    const absl::string_view value = record.substr(equals + 1);
    if (absl::StartsWith(key, "GNU.sparse") ||
        (is_global && (key == "path" || key == "size"))) {
      return absl::UnimplementedError(absl::StrCat(
          "The PAX record ", absl::CHexEscape(key), " before offset ",
          position_, " of the tar archive is not known"));
    }
    if (key == "path") {
      extension_.name = std::string(value);
    } else if (key == "size") {
      int64_t size_bytes;
      if (!absl::SimpleAtoi(value, &size_bytes) || size_bytes < 0) {
        return absl::DataLossError(absl::StrCat(
            "A PAX header before offset ", position_,
            " of the tar archive has the size ", absl::CHexEscape(value)));
      }
      extension_.size_bytes = static_cast<uint64_t>(size_bytes);
    }
  }
  return absl::OkStatus();
}

absl::Status DirectoryReader::AddMember(const Header& header,
                                        const std::string& name,
                                        uint64_t size_bytes) {
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
    return absl::OkStatus();
  }
  // '\0' is how the oldest archives mark a regular file.
  if (header.type() != '0' && header.type() != '\0' && header.type() != '7') {
    return absl::DataLossError(absl::StrCat(
        "Member ", name, " of the tar archive is no regular file, but of type ",
        absl::CHexEscape(std::string(1, header.type()))));
  }
  if (!members_
           .emplace(name, TarMember{.offset_bytes = position_,
                                    .size_bytes = size_bytes})
           .second) {
    return absl::DataLossError(
        absl::StrCat("The tar archive has two members ", name));
  }
  return absl::OkStatus();
}

absl::Status DirectoryReader::ReadMember(const Header& header) {
  const char type = header.type();
  const bool is_extension =
      type == 'x' || type == 'X' || type == 'g' || type == 'L' || type == 'K';
  const auto recorded = header.SizeBytes();
  if (!recorded) {
    return absl::DataLossError(
        absl::StrCat("The header before offset ", position_,
                     " of the tar archive has no valid size"));
  }
  uint64_t size_bytes = *recorded;
  std::string name = header.Name();
  if (!is_extension) {
    size_bytes = extension_.size_bytes.value_or(size_bytes);
    name = std::exchange(extension_, {}).name.value_or(name);
    // Links, devices and folders have no bytes, whatever they say.
    if (type >= '1' && type <= '6') {
      size_bytes = 0;
    }
  }
  if (size_bytes > file_.size_bytes() - position_) {
    return CutOff(absl::StrCat("Member ", absl::CHexEscape(name)), size_bytes);
  }
  if (type == 'S') {
    return absl::UnimplementedError(absl::StrCat(
        "Member ", absl::CHexEscape(name), " of the tar archive is sparse"));
  }
  if (type == 'L') {
    HOIST_ASSIGN_OR_RETURN(const std::string text, ReadText(size_bytes));
    extension_.name = text.substr(0, text.find('\0'));
  } else if (is_extension && type != 'K') {
    HOIST_ASSIGN_OR_RETURN(const std::string text, ReadText(size_bytes));
    HOIST_RETURN_IF_ERROR(ReadPaxRecords(text, /*is_global=*/type == 'g'));
  } else if (!is_extension) {
    HOIST_RETURN_IF_ERROR(AddMember(header, name, size_bytes));
  }
  // No overflow: the member ends inside of the file.
  position_ += (size_bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  return absl::OkStatus();
}

absl::StatusOr<Members> DirectoryReader::Run() {
  int headers = 0;
  // The last member may be there without what fills its last block.
  while (position_ < file_.size_bytes()) {
    if (file_.size_bytes() - position_ < kBlockBytes) {
      return CutOff("A header", kBlockBytes);
    }
    HOIST_ASSIGN_OR_RETURN(const Header header, Header::Read(file_, position_));
    if (header.IsEmpty()) {
      break;
    }
    if (!header.HasValidChecksum()) {
      return position_ == 0
                 ? absl::InvalidArgumentError("The file is no tar archive")
                 : absl::DataLossError(absl::StrCat(
                       "The header at offset ", position_,
                       " of the tar archive does not match its checksum"));
    }
    if (++headers > kMaxHeaders) {
      return absl::InvalidArgumentError(absl::StrCat(
          "The tar archive has more than ", kMaxHeaders, " members"));
    }
    position_ += kBlockBytes;
    HOIST_RETURN_IF_ERROR(ReadMember(header));
  }
  return std::move(members_);
}

}  // namespace

absl::StatusOr<absl::flat_hash_map<std::string, TarMember>> ReadTarDirectory(
    const RandomAccessFile& file, absl::Span<const absl::string_view> names) {
  return DirectoryReader(file, names).Run();
}

}  // namespace hoist
