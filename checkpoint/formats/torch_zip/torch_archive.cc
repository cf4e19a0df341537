#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/formats/torch_zip/cut_archive.h"
#include "hoist/checkpoint/formats/torch_zip/foreign_archives.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxTextBytes = 4096;
constexpr uint64_t kMaxPickleBytes = uint64_t{1} << 30;
constexpr absl::string_view kPickle = "data.pkl";

// Versions of the container that PyTorch reads.
constexpr int64_t kOldestVersion = 1;
constexpr int64_t kNewestVersion = 10;

bool HasMember(const ZipDirectory& zip, absl::string_view prefix,
               absl::string_view record) {
  return zip.Find(absl::StrCat(prefix, record)) != nullptr;
}

// The folders of the archive's members, each with its "/", in their order.
std::vector<std::string> Prefixes(const ZipDirectory& zip) {
  std::vector<std::string> prefixes;
  absl::flat_hash_set<std::string> known;
  std::string last;
  for (const ZipMember& member : zip.members()) {
    if (!last.empty() && absl::StartsWith(member.name, last)) {
      continue;
    }
    const size_t slash = member.name.find('/');
    if (slash != std::string::npos) {
      last = member.name.substr(0, slash + 1);
      if (known.insert(last).second) {
        prefixes.push_back(last);
      }
    }
  }
  return prefixes;
}

// The one folder that has all of `records`; "" if none has.
absl::StatusOr<std::string> FindPrefix(
    const ZipDirectory& zip, const std::vector<std::string>& prefixes,
    absl::Span<const absl::string_view> records) {
  // torch takes the first member's folder. Archives that were unpacked and
  // packed again have others before it (__MACOSX/).
  std::string prefix;
  for (const std::string& candidate : prefixes) {
    const bool has_all = std::all_of(records.begin(), records.end(),
                                     [&](absl::string_view record) {
                                       return HasMember(zip, candidate, record);
                                     });
    if (!has_all) {
      continue;
    }
    if (!prefix.empty()) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              "This zip archive holds several checkpoints: ", prefix,
              records[0], " and ", candidate, records[0])),
          "Unpack it, and pack each folder alone, uncompressed (zip -0 -r)");
    }
    prefix = candidate;
  }
  return prefix;
}

// The directory of an archive; of one that is cut off, what is left of it.
absl::StatusOr<ZipDirectory> ReadDirectory(const RandomAccessFile& file) {
  absl::StatusOr<ZipDirectory> zip = ZipDirectory::Read(file);
  if (absl::IsDataLoss(zip.status())) {
    HOIST_ASSIGN_OR_RETURN(const bool has_end, HasZipEndRecord(file));
    if (!has_end) {
      return CutArchiveError(file);
    }
    // Also the end of an archive inside of this one, where that is cut off.
    return WithHint(zip.status(),
                    "The file is damaged or cut off: get it again, and compare "
                    "the sizes");
  }
  return zip;
}

}  // namespace

absl::StatusOr<TorchArchive> TorchArchive::Open(
    const RandomAccessFile& file, std::optional<ZipDirectory> directory) {
  if (!directory) {
    HOIST_ASSIGN_OR_RETURN(directory, ReadDirectory(file));
  }
  HOIST_ASSIGN_OR_RETURN(
      std::string prefix,
      FindPrefix(*directory, Prefixes(*directory), {kPickle}));
  if (prefix.empty()) {
    return ForeignArchiveError(file, *directory);
  }
  return TorchArchive(file, *std::move(directory), std::move(prefix));
}

absl::StatusOr<TorchArchive> TorchArchive::OpenHolding(
    const RandomAccessFile& file, absl::Span<const absl::string_view> records,
    absl::string_view what) {
  HOIST_ASSIGN_OR_RETURN(ZipDirectory zip, ZipDirectory::Read(file));
  HOIST_ASSIGN_OR_RETURN(std::string prefix,
                         FindPrefix(zip, Prefixes(zip), records));
  if (prefix.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("This zip archive is no ", what, ": no folder in it has ",
                     absl::StrJoin(records, " and ")));
  }
  return TorchArchive(file, std::move(zip), std::move(prefix));
}

const ZipMember* TorchArchive::Find(absl::string_view record) const {
  return directory_.Find(absl::StrCat(prefix_, record));
}

absl::StatusOr<std::optional<std::string>> TorchArchive::ReadText(
    absl::string_view record) const {
  const ZipMember* const member = Find(record);
  if (member == nullptr) {
    return std::nullopt;
  }
  HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes,
                         ReadZipMember(file_, *member, kMaxTextBytes));
  return std::string(absl::StripAsciiWhitespace(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

std::vector<std::string> TorchArchive::Records() const {
  std::vector<std::string> records;
  for (const ZipMember& member : directory_.members()) {
    if (absl::StartsWith(member.name, prefix_) && !member.is_folder()) {
      records.push_back(member.name.substr(prefix_.size()));
    }
  }
  return records;
}

absl::StatusOr<std::vector<uint8_t>> TorchArchive::ReadPickle(
    absl::string_view record) const {
  const ZipMember* const member = Find(record);
  if (member == nullptr) {
    return absl::DataLossError(
        absl::StrCat("The archive has no record ", record));
  }
  return ReadZipMember(file_, *member,
                       MaxExpandingBytes(*member, kMaxPickleBytes));
}

absl::StatusOr<std::string> TorchArchive::ReadVersion() const {
  HOIST_ASSIGN_OR_RETURN(auto text, ReadText(".data/version"));
  if (!text) {
    HOIST_ASSIGN_OR_RETURN(text, ReadText("version"));
  }
  if (!text) {
    return absl::DataLossError("The archive has no record \"version\"");
  }
  int64_t version;
  if (!absl::SimpleAtoi(*text, &version)) {
    return absl::DataLossError(
        absl::StrCat("The record \"version\" says \"", *text, "\""));
  }
  if (version > kNewestVersion) {
    return WithHint(
        absl::UnimplementedError(absl::StrCat(
            "The archive has version ", version,
            " of PyTorch's container, newer than Hoist knows (", kOldestVersion,
            " to ", kNewestVersion,
            "): its layout may have changed, so nothing of it is read")),
        "A newer Hoist may read it; or load it with the PyTorch that wrote it, "
        "and save the state dict as safetensors");
  }
  if (version < kOldestVersion) {
    return absl::UnimplementedError(
        absl::StrCat("Version ", version, " of the container is not known; ",
                     kOldestVersion, " to ", kNewestVersion, " are"));
  }
  return absl::StrCat(version);
}

absl::StatusOr<bool> TorchArchive::ReadIsBigEndian() const {
  HOIST_ASSIGN_OR_RETURN(const auto order, ReadText("byteorder"));
  if (!order || *order == "little") {
    return false;
  }
  if (*order == "big") {
    return true;
  }
  return absl::DataLossError(
      absl::StrCat("The record \"byteorder\" says \"", *order, "\""));
}

}  // namespace hoist
