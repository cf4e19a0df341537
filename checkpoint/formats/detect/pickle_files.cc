#include "hoist/checkpoint/formats/detect/pickle_files.h"

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/pickle_stream.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

bool DeclaresProtocol(absl::string_view head) {
  constexpr char kProto = '\x80';
  constexpr char kNewestProtocol = 5;
  return head.size() >= 2 && head[0] == kProto && head[1] >= 0 &&
         head[1] <= kNewestProtocol;
}

// The line at the start of `text`, if it is a name with dots; empty otherwise.
absl::string_view NameLine(absl::string_view text) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  if (line.size() == text.size()) {
    return "";
  }
  for (const char c : line) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' &&
        c != '.') {
      return "";
    }
  }
  return line;
}

// GLOBAL, its module and name, and what Python does with it next.
bool StartsWithClass(absl::string_view head) {
  if (!absl::StartsWith(head, "c")) {
    return false;
  }
  const absl::string_view module = NameLine(head.substr(1));
  if (module.empty()) {
    return false;
  }
  const absl::string_view rest = head.substr(1 + module.size() + 1);
  const absl::string_view name = NameLine(rest);
  if (name.empty() || rest.size() <= name.size() + 1) {
    return false;
  }
  constexpr absl::string_view kNext = "pqr().";
  return kNext.find(rest[name.size() + 1]) != absl::string_view::npos;
}

// A dict or list, put into the memo, as protocols 0 and 1 begin.
bool StartsWithCollection(absl::string_view head) {
  if (absl::StartsWith(head, "(dp") || absl::StartsWith(head, "(lp")) {
    return head.size() > 3 && head[3] >= '0' && head[3] <= '9';
  }
  return absl::StartsWith(head, absl::string_view("}q\0", 3)) ||
         absl::StartsWith(head, absl::string_view("]q\0", 3));
}

absl::StatusOr<bool> IsSmallPickle(const RandomAccessFile& file) {
  constexpr uint64_t kMaxBytes = uint64_t{64} << 10;
  if (file.size_bytes() > kMaxBytes) {
    return false;
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(file.size_bytes()));
  HOIST_RETURN_IF_ERROR(file.ReadAt(0, absl::MakeSpan(bytes)));
  PickleExtent extent;
  if (!extent.Scan(bytes) || extent.size_bytes() != bytes.size()) {
    return false;
  }
  PlainVocabulary vocabulary;
  ValueGraph graph;
  return ReadPickle(bytes, vocabulary, graph).ok();
}

}  // namespace

absl::StatusOr<bool> IsBarePickle(const RandomAccessFile& file,
                                  absl::string_view head) {
  if (DeclaresProtocol(head) || StartsWithClass(head) ||
      StartsWithCollection(head)) {
    return true;
  }
  return IsSmallPickle(file);
}

}  // namespace hoist
