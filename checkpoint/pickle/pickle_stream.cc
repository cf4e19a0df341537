#include "hoist/checkpoint/pickle/pickle_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/python_types.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kMaxPickleBytes = size_t{1} << 30;

// What follows an opcode.
struct Argument {
  enum Kind : uint8_t { kNoOpcode, kFixed, kCounted, kLines, kStop };
  Kind kind = kNoOpcode;
  // kFixed: bytes. kCounted: bytes of the count. kLines: how many.
  uint8_t size = 0;
};

// Of every opcode of protocols 0 to 5 (CPython's Lib/pickletools.py).
constexpr std::array<Argument, 256> MakeArguments() {
  std::array<Argument, 256> table{};
  const auto set = [&table](std::initializer_list<int> opcodes,
                            Argument::Kind kind, uint8_t size) {
    for (const int opcode : opcodes) {
      table[static_cast<size_t>(opcode)] = {kind, size};
    }
  };
  set({'(',  '0',  '1',  '2',  'N',  ']',  'a',  'e',  'l',  ')',  't',
       '}',  'd',  's',  'u',  'o',  'b',  'Q',  'R',  0x81, 0x85, 0x86,
       0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98},
      Argument::kFixed, 0);
  set({'K', 'h', 'q', 0x80, 0x82}, Argument::kFixed, 1);
  set({'M', 0x83}, Argument::kFixed, 2);
  set({'J', 'j', 'r', 0x84}, Argument::kFixed, 4);
  set({'G', 0x95}, Argument::kFixed, 8);
  set({'U', 'C', 0x8a, 0x8c}, Argument::kCounted, 1);
  set({'T', 'X', 'B', 0x8b}, Argument::kCounted, 4);
  set({0x8d, 0x8e, 0x96}, Argument::kCounted, 8);
  set({'I', 'L', 'F', 'S', 'V', 'g', 'p', 'P'}, Argument::kLines, 1);
  set({'c', 'i'}, Argument::kLines, 2);
  set({'.'}, Argument::kStop, 0);
  return table;
}

constexpr std::array<Argument, 256> kArguments = MakeArguments();

// The end of the next `count` lines; nullopt if they are not all there.
std::optional<size_t> EndOfLines(absl::Span<const uint8_t> bytes, size_t from,
                                 int count) {
  for (; count > 0; --count) {
    const void* const end =
        std::memchr(bytes.data() + from, '\n', bytes.size() - from);
    if (end == nullptr) {
      return std::nullopt;
    }
    from =
        static_cast<size_t>(static_cast<const uint8_t*>(end) - bytes.data()) +
        1;
  }
  return from;
}

}  // namespace

// --- PickleExtent ------------------------------------------------------------

bool PickleExtent::Scan(absl::Span<const uint8_t> bytes) {
  while (position_ < bytes.size()) {
    const Argument argument = kArguments[bytes[position_]];
    size_t next = position_ + 1;
    switch (argument.kind) {
      case Argument::kNoOpcode:
      case Argument::kStop:
        size_bytes_ = next;
        return true;
      case Argument::kFixed:
        next += argument.size;
        break;
      case Argument::kCounted: {
        next += argument.size;
        if (next > bytes.size()) {
          break;
        }
        uint64_t count = 0;
        std::memcpy(&count, bytes.data() + position_ + 1, argument.size);
        // Above what any pickle may take: here it is only kept from wrapping
        // around. A negative count of 4 bytes is ReadPickle()'s affair.
        next +=
            static_cast<size_t>(std::min<uint64_t>(count, uint64_t{1} << 62));
        break;
      }
      case Argument::kLines: {
        const auto end = EndOfLines(bytes, next, argument.size);
        next = end.value_or(bytes.size() + 1);
        break;
      }
    }
    if (next > bytes.size()) {
      size_bytes_ = next;
      return false;
    }
    position_ = next;
  }
  size_bytes_ = position_ + 1;
  return false;
}

// --- PickleStream ------------------------------------------------------------

PickleStream::PickleStream(const RandomAccessFile& file, uint64_t begin,
                           uint64_t end, size_t piece_bytes)
    : file_(file),
      end_(end),
      piece_bytes_(piece_bytes),
      position_(begin),
      buffer_begin_(begin) {}

absl::Span<const uint8_t> PickleStream::Buffered() const {
  const uint64_t passed = position_ - buffer_begin_;
  if (passed >= buffer_.size()) {
    return {};
  }
  return absl::MakeConstSpan(buffer_).subspan(static_cast<size_t>(passed));
}

// Afterwards at least `size_bytes`, which are there, are in Buffered().
absl::Status PickleStream::Fetch(size_t size_bytes) {
  const size_t kept = Buffered().size();
  if (kept >= size_bytes) {
    return absl::OkStatus();
  }
  buffer_.erase(buffer_.begin(), buffer_.end() - static_cast<ptrdiff_t>(kept));
  buffer_begin_ = position_;
  buffer_.resize(size_bytes);
  return file_.ReadAt(position_ + kept, absl::MakeSpan(buffer_).subspan(kept));
}

absl::Status PickleStream::CutOff(absl::string_view what,
                                  uint64_t size_bytes) const {
  return WithHint(
      absl::DataLossError(absl::StrCat(
          what, " at offset ", position_, " is cut off: it takes at least ",
          size_bytes, " bytes, and ", left_bytes(), " are left")),
      "The file is incomplete: download or copy it again, or save it again");
}

absl::StatusOr<ValueId> PickleStream::ReadPickle(absl::string_view what,
                                                 PickleVocabulary& vocabulary,
                                                 ValueGraph& graph) {
  PickleExtent extent;
  while (!extent.Scan(Buffered())) {
    const size_t needed = extent.size_bytes();
    if (needed > left_bytes()) {
      return CutOff(what, needed);
    }
    if (needed > kMaxPickleBytes) {
      return WithHint(
          absl::ResourceExhaustedError(
              absl::StrCat(what, " at offset ", position_, " has more than ",
                           kMaxPickleBytes, " bytes")),
          "Save tensors instead of plain Python values, or in several files");
    }
    const uint64_t wanted =
        std::max({needed, 2 * Buffered().size(), piece_bytes_});
    HOIST_RETURN_IF_ERROR(Fetch(static_cast<size_t>(
        std::min({wanted, left_bytes(), uint64_t{kMaxPickleBytes}}))));
  }
  const auto read = hoist::ReadPickle(Buffered().first(extent.size_bytes()),
                                      vocabulary, graph);
  if (!read.ok()) {
    return Annotate(read.status(),
                    absl::StrCat(what, " at offset ", position_));
  }
  position_ += read->size_bytes;
  return read->root;
}

absl::Status PickleStream::Read(absl::string_view what,
                                absl::Span<uint8_t> out) {
  if (out.size() > left_bytes()) {
    return CutOff(what, out.size());
  }
  if (Buffered().size() >= out.size()) {
    std::memcpy(out.data(), Buffered().data(), out.size());
  } else {
    HOIST_RETURN_IF_ERROR(file_.ReadAt(position_, out));
  }
  position_ += out.size();
  return absl::OkStatus();
}

absl::StatusOr<int32_t> PickleStream::ReadInt32(absl::string_view what) {
  std::array<uint8_t, sizeof(int32_t)> bytes;
  HOIST_RETURN_IF_ERROR(Read(what, absl::MakeSpan(bytes)));
  return LoadLittleEndian<int32_t>(bytes.data());
}

absl::StatusOr<int64_t> PickleStream::ReadInt64(absl::string_view what) {
  std::array<uint8_t, sizeof(int64_t)> bytes;
  HOIST_RETURN_IF_ERROR(Read(what, absl::MakeSpan(bytes)));
  return LoadLittleEndian<int64_t>(bytes.data());
}

absl::Status PickleStream::Skip(uint64_t size_bytes, absl::string_view what) {
  if (size_bytes > left_bytes()) {
    return CutOff(what, size_bytes);
  }
  position_ += size_bytes;
  return absl::OkStatus();
}

// --- PlainVocabulary ---------------------------------------------------------

absl::StatusOr<std::optional<ValueId>> PlainVocabulary::Call(
    ValueGraph& graph, absl::string_view callable,
    absl::Span<const ValueId> arguments) {
  return CallPythonType(graph, callable, arguments);
}

absl::StatusOr<ValueId> PlainVocabulary::LoadPersistent(ValueGraph&, Value) {
  return absl::DataLossError("a storage or a class of the file is wanted here");
}

}  // namespace hoist
