#include "hoist/checkpoint/formats/detect/detect.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/foreign_files.h"
#include "hoist/checkpoint/formats/detect/pickle_files.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kHeadBytes = 4096;
constexpr size_t kShownBytes = 16;
constexpr absl::string_view kZipMagic = "PK\3\4";
constexpr size_t kLengthBytes = sizeof(uint64_t);
constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
constexpr absl::string_view kOffsetsKey = "\"data_offsets\"";

// A literal with the zeros in it.
template <size_t kSize>
constexpr absl::string_view Bytes(const char (&literal)[kSize]) {
  return absl::string_view(literal, kSize - 1);
}

// The pickled number that torch.save wrote first before 1.6: by protocols 0 and
// 1, 2, 3, 4 and 5.
constexpr absl::string_view kLegacyStarts[] = {
    Bytes("L119547037146038801333356L\n."),
    Bytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
    Bytes("\x80\x03\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
    Bytes("\x80\x04\x95\x0d\0\0\0\0\0\0\0"
          "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
    Bytes("\x80\x05\x95\x0d\0\0\0\0\0\0\0"
          "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
};

bool IsTorchLegacy(absl::string_view head) {
  return std::ranges::any_of(kLegacyStarts, [head](absl::string_view start) {
    return absl::StartsWith(head, start);
  });
}

// A tar archive; its reader tells bundles of files.
bool IsTar(absl::string_view head) {
  constexpr size_t kMagicOffset = 257;
  return head.size() > kMagicOffset &&
         absl::StartsWith(head.substr(kMagicOffset), "ustar");
}

// Whether a JSON object begins where that of a safetensors file would.
bool HasSafetensorsObject(absl::string_view head) {
  const size_t start = head.find_first_not_of(" \t\r\n", kLengthBytes);
  return start != absl::string_view::npos && head[start] == '{';
}

// Whether the head is also as long a header as the format allows, or starts
// with more blanks than `head` has of it.
bool IsSafetensors(absl::string_view head) {
  if (head.size() <= kLengthBytes ||
      LoadLittleEndian<uint64_t>(head.data()) > kMaxSafetensorsHeaderBytes) {
    return false;
  }
  return HasSafetensorsObject(head) ||
         head.find_first_not_of(" \t\r\n", kLengthBytes) ==
             absl::string_view::npos;
}

// By the records beside the pickle, as torch.load goes by them. An archive
// whose directory cannot be read is left to torch.save's reader.
Format FormatOfZip(const RandomAccessFile& file,
                   std::optional<ZipDirectory>& directory) {
  auto zip = ZipDirectory::Read(file);
  if (!zip.ok()) {
    return Format::kTorchZip;
  }
  directory = *std::move(zip);
  if (directory->Find("serialized_exported_program.json") != nullptr) {
    return Format::kTorchPt2;
  }
  for (const ZipMember& member : directory->members()) {
    const size_t slash = member.name.find('/');
    if (slash == std::string::npos) {
      continue;
    }
    const absl::string_view record =
        absl::string_view(member.name).substr(slash + 1);
    if (record == "constants.pkl") {
      return Format::kTorchScript;
    }
    if (record == "archive_format") {
      return Format::kTorchPt2;
    }
  }
  return Format::kTorchZip;
}

absl::Status Unknown(absl::string_view head) {
  std::string hex;
  std::string text;
  for (const char c : head.substr(0, kShownBytes)) {
    const auto byte = static_cast<uint8_t>(c);
    absl::StrAppendFormat(&hex, "%s%02x", hex.empty() ? "" : " ", byte);
    text += byte >= 0x20 && byte < 0x7f ? c : '.';
  }
  return WithHint(absl::InvalidArgumentError(absl::StrCat(
                      "Not a checkpoint format that Hoist knows: it starts ",
                      hex, " (as text: \"", text, "\")")),
                  "Hoist reads what torch.save and safetensors write; check "
                  "that this is the right file, and that it came whole");
}

}  // namespace

absl::StatusOr<Format> DetectFormat(const RandomAccessFile& file) {
  std::optional<ZipDirectory> directory;
  return DetectFormat(file, directory);
}

absl::StatusOr<Format> DetectFormat(const RandomAccessFile& file,
                                    std::optional<ZipDirectory>& directory) {
  if (file.size_bytes() == 0) {
    return WithHint(
        absl::DataLossError("The file is empty (0 bytes)"),
        "A save or a download was interrupted, or the disk was full: take the "
        "checkpoint before it, or download it again");
  }
  std::string head(static_cast<size_t>(std::min(file.size_bytes(), kHeadBytes)),
                   '\0');
  HOIST_RETURN_IF_ERROR(file.ReadAt(
      0, absl::MakeSpan(reinterpret_cast<uint8_t*>(head.data()), head.size())));
  // As a length of a header this would be too large.
  if (absl::StartsWith(head, kNativeMagic)) {
    return Format::kHoist;
  }
  // A header length may spell any of the other signatures: this comes first.
  if (IsSafetensors(head)) {
    return Format::kSafetensors;
  }
  if (absl::StartsWith(head, kZipMagic)) {
    return FormatOfZip(file, directory);
  }
  if (IsTorchLegacy(head)) {
    return Format::kTorchLegacy;
  }
  if (IsTar(head)) {
    return Format::kTorchTar;
  }
  // Its reader has a message for the length, also where that spells a text.
  if (HasSafetensorsObject(head) && absl::StrContains(head, kOffsetsKey)) {
    return Format::kSafetensors;
  }
  HOIST_ASSIGN_OR_RETURN(const bool is_pickle, IsBarePickle(file, head));
  if (is_pickle) {
    return Format::kPickle;
  }
  HOIST_RETURN_IF_ERROR(RefuseForeignFile(file, head));
  if (HasSafetensorsObject(head)) {
    return Format::kSafetensors;
  }
  return Unknown(head);
}

}  // namespace hoist
