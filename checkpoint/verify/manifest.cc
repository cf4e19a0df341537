#include "hoist/checkpoint/verify/manifest.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/load/file_facts.h"
#include "hoist/checkpoint/plan/read_choice.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/io/open_read_path.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/host_arena.h"

namespace hoist {
namespace {

constexpr size_t kDigits = 64;
constexpr uint64_t kReadBytes = uint64_t{2} << 20;
constexpr int kReads = 4;  // under way at once

bool IsDigest(absl::string_view text) {
  return text.size() == kDigits &&
         std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

// What a name was before "\\", "\n" and "\r" in it were spelled; nullopt if it
// was not spelled so.
std::optional<std::string> Unescape(absl::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      name += text[i];
      continue;
    }
    if (++i == text.size()) {
      return std::nullopt;
    }
    switch (text[i]) {
      case 'n':
        name += '\n';
        break;
      case 'r':
        name += '\r';
        break;
      case '\\':
        name += '\\';
        break;
      default:
        return std::nullopt;
    }
  }
  return name;
}

std::optional<ManifestEntry> ParseLine(absl::string_view line) {
  const bool is_escaped = absl::ConsumePrefix(&line, "\\");
  absl::string_view digest;
  absl::string_view name;
  if (absl::ConsumePrefix(&line, "SHA256 (")) {
    constexpr absl::string_view kBetween = ") = ";
    const size_t end = line.rfind(kBetween);
    if (end == absl::string_view::npos) {
      return std::nullopt;
    }
    name = line.substr(0, end);
    digest = line.substr(end + kBetween.size());
  } else {
    // The digest, a blank, and "*" or another blank.
    digest = line.substr(0, kDigits);
    line.remove_prefix(digest.size());
    if (!absl::ConsumePrefix(&line, " ") ||
        !(absl::ConsumePrefix(&line, " ") || absl::ConsumePrefix(&line, "*"))) {
      return std::nullopt;
    }
    name = line;
  }
  const std::optional<std::string> plain =
      is_escaped ? Unescape(name) : std::string(name);
  if (!IsDigest(digest) || !plain || plain->empty()) {
    return std::nullopt;
  }
  return ManifestEntry{.name = *plain, .sha256 = absl::AsciiStrToLower(digest)};
}

absl::string_view LastPart(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

absl::StatusOr<std::vector<ManifestEntry>> ParseManifest(
    absl::string_view text) {
  std::vector<ManifestEntry> entries;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty() || line[0] == '#') {
      continue;
    }
    std::optional<ManifestEntry> entry = ParseLine(line);
    if (!entry) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              "Line ", number, " is none of a list of SHA-256 digests")),
          "A manifest is what sha256sum or hoist verify --write-manifest "
          "writes");
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

std::string ManifestText(absl::Span<const ManifestEntry> entries) {
  std::string text;
  for (const ManifestEntry& entry : entries) {
    std::string name;
    for (const char c : entry.name) {
      if (c == '\\') {
        name += "\\\\";
      } else if (c == '\n') {
        name += "\\n";
      } else if (c == '\r') {
        name += "\\r";
      } else {
        name += c;
      }
    }
    absl::StrAppend(&text, name == entry.name ? "" : "\\", entry.sha256, "  ",
                    name, "\n");
  }
  return text;
}

const ManifestEntry* FindInManifest(absl::Span<const ManifestEntry> entries,
                                    absl::Span<const std::string> names) {
  for (const std::string& name : names) {
    for (const ManifestEntry& entry : entries) {
      if (entry.name == name || entry.name == absl::StrCat("./", name)) {
        return &entry;
      }
    }
  }
  const ManifestEntry* found = nullptr;
  for (const ManifestEntry& entry : entries) {
    if (names.empty() || LastPart(entry.name) != LastPart(names[0])) {
      continue;
    }
    if (found != nullptr && found->sha256 != entry.sha256) {
      return nullptr;
    }
    found = &entry;
  }
  return found;
}

absl::StatusOr<std::string> FileSha256(
    std::shared_ptr<const RandomAccessFile> file, const CancelToken* cancel,
    const std::function<void(uint64_t bytes)>& on_progress) {
  const uint64_t size = file->size_bytes();
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<ReadPath> path,
      OpenReadPath(file, ChooseReadMethod(FactsOf(*file, size)).method));
  HOIST_ASSIGN_OR_RETURN(const std::shared_ptr<HostArena> memory,
                         HostArena::Allocate(kReads * kReadBytes));
  const uint64_t count = (size + kReadBytes - 1) / kReadBytes;
  const auto part = [&](uint64_t i) {
    return memory->bytes().subspan(i % kReads * kReadBytes,
                                   std::min(kReadBytes, size - i * kReadBytes));
  };
  // Goes before the memory that it reads into.
  const std::unique_ptr<ReadQueue> queue = path->MakeQueue(kReads, kReadBytes);
  Sha256 sha256;
  std::vector<bool> is_there(kReads, false);
  uint64_t started = 0;
  for (uint64_t next = 0; next < count; ++next) {
    if (cancel != nullptr && cancel->is_cancelled()) {
      return absl::CancelledError("The verification was cancelled");
    }
    const uint64_t most = next + std::min(kReads, queue->depth());
    for (; started < std::min(count, most); ++started) {
      queue->Start(started * kReadBytes, {part(started)}, started);
    }
    while (!is_there[next % kReads]) {
      const ReadQueue::Done done = queue->Wait();
      HOIST_RETURN_IF_ERROR(done.status);
      is_there[done.tag % kReads] = true;
    }
    sha256.Update(part(next));
    is_there[next % kReads] = false;
    if (on_progress) {
      on_progress(part(next).size());
    }
  }
  HOIST_RETURN_IF_ERROR(file->CheckUnchanged());
  return sha256.FinishHex();
}

}  // namespace hoist
