#include "hoist/checkpoint/scan/file_scan.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/scan/pickle_search.h"
#include "hoist/checkpoint/scan/tar_layout.h"
#include "hoist/checkpoint/scan/zip_layout.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/file_range.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr int kMaxDepth = 4;
constexpr size_t kChunkBytes = size_t{1} << 20;
// Of all members that are decompressed at one time.
constexpr uint64_t kMaxInflatedBytes = uint64_t{128} << 20;
// Of everything read, archives in archives again: at least, and as a multiple
// of the file.
constexpr uint64_t kFreeContentBytes = uint64_t{1} << 30;
constexpr uint64_t kMaxContentFactor = 4;
constexpr size_t kMaxFindings = 200'000;
constexpr size_t kMaxProblems = 1000;

// What compresses a whole file.
absl::string_view CompressionOf(absl::string_view head, bool is_whole_file) {
  const auto begins = [head](absl::string_view magic) {
    return absl::StartsWith(head, magic);
  };
  if (begins("\x1f\x8b\x08")) return "gzip";
  if (begins("BZh") && head.size() > 9 && head.substr(4, 6) == "1AY&SY") {
    return "bzip2";
  }
  if (begins(absl::string_view("\xfd"
                               "7zXZ\0",
                               6)))
    return "xz";
  if (begins("7z\xbc\xaf\x27\x1c")) return "7z";
  if (begins("Rar!\x1a\x07")) return "RAR";
  if (begins("\x28\xb5\x2f\xfd")) return "zstd";
  if (begins("\x04\x22\x4d\x18")) return "lz4";
  if (is_whole_file && head.size() > 2 && head[0] == 'x' &&
      (head[1] == '\x01' || head[1] == '\x5e' || head[1] == '\x9c' ||
       head[1] == '\xda')) {
    return "zlib";
  }
  return "";
}

PickleExpectation ExpectationFor(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const absl::string_view ending :
       {".pt", ".pth", ".th", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill",
        ".debug_pkl"}) {
    if (absl::EndsWith(lower, ending)) {
      return PickleExpectation::kPossible;
    }
  }
  return PickleExpectation::kNone;
}

class Scanner {
 public:
  explicit Scanner(uint64_t file_size)
      : content_left_(file_size > kFreeContentBytes / kMaxContentFactor
                          ? file_size * kMaxContentFactor
                          : kFreeContentBytes) {}

  // `member` is its name for the report, `name` what its maker called it.
  void ScanContent(const RandomAccessFile& file, const std::string& member,
                   absl::string_view name, int depth);
  ScanReport Finish() { return std::move(report_); }

 private:
  // One archive, or several that follow each other.
  void ScanArchives(const RandomAccessFile& file, const std::string& member,
                    int depth);
  void ScanZip(const RandomAccessFile& file, const std::string& member,
               int depth);
  void ScanZipPart(const RandomAccessFile& file, const ZipPart& part,
                   const std::string& member, int depth);
  void ScanTar(const RandomAccessFile& file, const std::string& member,
               int depth);
  void ScanPickles(const RandomAccessFile& file, const std::string& member,
                   uint64_t start, PickleExpectation expectation);
  // False, with a problem, where reading so much more would be too much.
  bool TakeContent(uint64_t size, const std::string& member);
  absl::StatusOr<uint32_t> ChecksumOf(const RandomAccessFile& file);
  void AddProblem(const std::string& member, std::string message);

  uint64_t content_left_;
  uint64_t inflated_left_ = kMaxInflatedBytes;
  ScanReport report_;
};

std::string Inside(const std::string& member, absl::string_view name) {
  return member.empty() ? std::string(name) : absl::StrCat(member, "/", name);
}

// --- numpy -------------------------------------------------------------------

struct NumpyHeader {
  uint64_t data_offset = 0;
  bool has_objects = false;
};

// Of a .npy file (numpy.lib.format, versions 1 to 3).
std::optional<NumpyHeader> ReadNumpyHeader(const RandomAccessFile& file,
                                           absl::string_view head) {
  if (!absl::StartsWith(head, "\x93NUMPY") || head.size() < 12) {
    return std::nullopt;
  }
  const bool is_short = head[6] == 1;
  const uint64_t begin = is_short ? 10 : 12;
  const uint64_t size = is_short ? LoadLittleEndian<uint16_t>(head.data() + 8)
                                 : LoadLittleEndian<uint32_t>(head.data() + 8);
  if (size > file.size_bytes() - begin) {
    return std::nullopt;
  }
  Bytes text(static_cast<size_t>(std::min<uint64_t>(size, kChunkBytes)));
  if (!file.ReadAt(begin, absl::MakeSpan(text)).ok()) {
    return std::nullopt;
  }
  const std::string header(text.begin(), text.end());
  // A type such as '|O', of the array or a field: nothing else in a header has
  // a capital O behind a quote or a sign of byte order.
  bool has_objects = false;
  for (size_t at = header.find('O'); at != std::string::npos && at > 0;
       at = header.find('O', at + 1)) {
    has_objects |= absl::string_view("'\"|<>=").find(header[at - 1]) !=
                   absl::string_view::npos;
  }
  return NumpyHeader{begin + size, has_objects};
}

// --- contents ----------------------------------------------------------------

void Scanner::ScanContent(const RandomAccessFile& file,
                          const std::string& member, absl::string_view name,
                          int depth) {
  if (file.size_bytes() == 0 || !TakeContent(file.size_bytes(), member)) {
    return;
  }
  Bytes head_bytes(
      static_cast<size_t>(std::min<uint64_t>(file.size_bytes(), 16)));
  if (const absl::Status status = file.ReadAt(0, absl::MakeSpan(head_bytes));
      !status.ok()) {
    AddProblem(member, std::string(status.message()));
    return;
  }
  const absl::string_view head(reinterpret_cast<const char*>(head_bytes.data()),
                               head_bytes.size());
  const bool is_tar = LooksLikeTar(file);
  const bool is_zip =
      (!is_tar || absl::StartsWith(head, "PK")) && LooksLikeZip(file);
  if (is_zip || is_tar) {
    if (depth == kMaxDepth) {
      AddProblem(member, absl::StrCat("Archives lie more than ", kMaxDepth,
                                      " deep in each other"));
      ScanPickles(file, member, 0, PickleExpectation::kNone);
    } else if (is_zip) {
      ScanArchives(file, member, depth);
    } else {
      ScanTar(file, member, depth);
    }
    return;
  }
  if (const auto compression = CompressionOf(head, depth == 0);
      !compression.empty()) {
    AddProblem(member, absl::StrCat("It is compressed (", compression,
                                    "), and not looked into"));
    return;
  }
  if (const auto numpy = ReadNumpyHeader(file, head)) {
    // What Python makes of the start is no pickle; what follows may be.
    ScanPickles(file, member, numpy->data_offset,
                numpy->has_objects ? PickleExpectation::kCertain
                                   : PickleExpectation::kNone);
    return;
  }
  ScanPickles(file, member, 0, ExpectationFor(name));
}

void Scanner::ScanPickles(const RandomAccessFile& file,
                          const std::string& member, uint64_t start,
                          PickleExpectation expectation) {
  PickleSearch search = FindPickles(file, start, expectation);
  for (std::string& problem : search.problems) {
    AddProblem(member, std::move(problem));
  }
  absl::flat_hash_set<std::pair<std::string, std::string>> seen;
  for (PickleGlobal& global : search.globals) {
    if (!seen.emplace(global.module, global.name).second) {
      continue;
    }
    if (report_.findings.size() == kMaxFindings) {
      AddProblem(member, "Too many names are imported");
      return;
    }
    const GlobalClass global_class =
        global.is_known ? ClassifyGlobal(global.module, global.name)
                        : GlobalClass::kDangerous;
    report_.findings.push_back({.member = member,
                                .position = global.position,
                                .module = std::move(global.module),
                                .name = std::move(global.name),
                                .global_class = global_class});
  }
}

void Scanner::ScanTar(const RandomAccessFile& file, const std::string& member,
                      int depth) {
  TarLayout layout = ReadTarLayout(file);
  for (std::string& problem : layout.problems) {
    AddProblem(member, std::move(problem));
  }
  for (const TarPart& part : layout.parts) {
    ScanContent(FileRange(file, part.offset_bytes, part.size_bytes),
                Inside(member, part.name), part.name, depth + 1);
  }
}

void Scanner::ScanArchives(const RandomAccessFile& file,
                           const std::string& member, int depth) {
  const std::vector<uint64_t> begins = FindArchives(file);
  if (begins.empty()) {
    ScanZip(file, member, depth);
  }
  for (size_t i = 0; i < begins.size(); ++i) {
    const uint64_t end =
        i + 1 < begins.size() ? begins[i + 1] : file.size_bytes();
    ScanZip(FileRange(file, begins[i], end - begins[i]),
            Inside(member, absl::StrCat("(archive from ", begins[i], ")")),
            depth);
  }
}

void Scanner::ScanZip(const RandomAccessFile& file, const std::string& member,
                      int depth) {
  ZipLayout layout = ReadZipLayout(file);
  for (ZipLayout::Problem& problem : layout.problems) {
    AddProblem(problem.member.empty() ? member : Inside(member, problem.member),
               std::move(problem.message));
  }
  for (const ZipPart& part : layout.parts) {
    ScanZipPart(file, part, Inside(member, part.name), depth);
  }
}

void Scanner::ScanZipPart(const RandomAccessFile& file, const ZipPart& part,
                          const std::string& member, int depth) {
  const FileRange stored(file, part.offset_bytes, part.stored_bytes);
  if (!part.is_member) {
    // A search, and no more: that it is there is a problem already.
    if (TakeContent(part.stored_bytes, member)) {
      ScanPickles(stored, member, 0, PickleExpectation::kNone);
    }
    return;
  }
  if (part.method == 0) {
    const auto crc32 = ChecksumOf(stored);
    if (!crc32.ok()) {
      AddProblem(member, std::string(crc32.status().message()));
    } else if (part.crc32 != 0 && *crc32 != part.crc32 && !part.is_encrypted) {
      AddProblem(member, absl::StrFormat("Its checksum is %08x, and %08x is "
                                         "recorded",
                                         *crc32, part.crc32));
    }
    ScanContent(stored, member, part.name, depth + 1);
    return;
  }
  // What readers that do not decompress would see.
  const auto scan_stored = [&] {
    if (TakeContent(part.stored_bytes, member)) {
      ScanPickles(stored, member, 0, PickleExpectation::kNone);
    }
  };
  if (part.method != 8) {
    AddProblem(member, absl::StrCat("It is compressed by method ", part.method,
                                    ", and not looked into"));
    scan_stored();
    return;
  }
  if (part.size_bytes / kMaxInflateRatio > part.stored_bytes) {
    AddProblem(member,
               absl::StrCat("It claims ", part.size_bytes,
                            " bytes of content in ", part.stored_bytes));
    scan_stored();
    return;
  }
  if (part.size_bytes > inflated_left_) {
    AddProblem(member,
               absl::StrCat("It has ", part.size_bytes,
                            " bytes of compressed content; at most ",
                            kMaxInflatedBytes, " at a time are looked into"));
    scan_stored();
    return;
  }
  if (!TakeContent(part.size_bytes, member)) {
    return;
  }
  inflated_left_ -= part.size_bytes;
  Bytes content(static_cast<size_t>(part.size_bytes));
  InflateReader reader(stored, 0, part.stored_bytes);
  absl::Status status = reader.Read(absl::MakeSpan(content));
  if (status.ok()) {
    status = reader.ExpectEnd();
  }
  if (!status.ok()) {
    AddProblem(member, std::string(status.message()));
    scan_stored();
  } else if (part.crc32 != 0 && Crc32(content) != part.crc32) {
    AddProblem(member, "Its checksum is not the recorded one");
  }
  // Damaged or not: what came out is what another reader may take.
  ScanContent(MemoryFile(member, std::move(content)), member, part.name,
              depth + 1);
  inflated_left_ += part.size_bytes;
}

bool Scanner::TakeContent(uint64_t size, const std::string& member) {
  if (size > content_left_) {
    AddProblem(member, "The archive holds too much in too little: not read");
    return false;
  }
  content_left_ -= size;
  return true;
}

absl::StatusOr<uint32_t> Scanner::ChecksumOf(const RandomAccessFile& file) {
  Bytes chunk(
      static_cast<size_t>(std::min<uint64_t>(file.size_bytes(), kChunkBytes)));
  uint32_t crc32 = 0;
  for (uint64_t at = 0; at < file.size_bytes(); at += chunk.size()) {
    const auto part = absl::MakeSpan(chunk).subspan(
        0, static_cast<size_t>(
               std::min<uint64_t>(chunk.size(), file.size_bytes() - at)));
    HOIST_RETURN_IF_ERROR(file.ReadAt(at, part));
    crc32 = Crc32(part, crc32);
  }
  return crc32;
}

void Scanner::AddProblem(const std::string& member, std::string message) {
  if (report_.problems.size() < kMaxProblems) {
    report_.problems.push_back({member, std::move(message)});
  }
}

}  // namespace

ScanReport ScanOpenFile(const RandomAccessFile& file) {
  Scanner scanner(file.size_bytes());
  scanner.ScanContent(file, "", file.path(), 0);
  return scanner.Finish();
}

absl::StatusOr<ScanReport> ScanFile(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const auto file, OpenFile(path));
  return ScanOpenFile(*file);
}

}  // namespace hoist
