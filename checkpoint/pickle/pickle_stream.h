#ifndef HOIST_CHECKPOINT_PICKLE_PICKLE_STREAM_H_
#define HOIST_CHECKPOINT_PICKLE_PICKLE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Where the pickle at the start of some bytes ends, found by the lengths of its
// opcodes alone, piece by piece: each opcode is looked at once. A pickle says
// nowhere how long it is.
class PickleExtent {
 public:
  // Goes on in `bytes`, which start with the pickle and with what the last call
  // was given. True if the end was found, or an opcode that is none; the pickle
  // is then the first size_bytes() of them, and ReadPickle() has the error.
  bool Scan(absl::Span<const uint8_t> bytes);

  // After true: of the pickle. After false: what the next call needs at least.
  size_t size_bytes() const { return size_bytes_; }

 private:
  size_t position_ = 0;  // of an opcode
  size_t size_bytes_ = 0;
};

// Reads pickles and plain numbers that stand one after the other in a part of a
// file, as PyTorch before 1.6 wrote them: without an index, so that it is known
// only after each where the next begins. Reads in pieces that double, and so
// takes time and memory in proportion to the pickles. Thread-compatible.
class PickleStream {
 public:
  // The part from byte `begin` to `end`, which lies inside of `file`. Reads at
  // least `piece_bytes` at once, as far as they are there.
  PickleStream(const RandomAccessFile& file, uint64_t begin, uint64_t end,
               size_t piece_bytes);

  uint64_t position() const { return position_; }
  uint64_t left_bytes() const { return end_ - position_; }

  // Reads the next pickle into `graph`, and moves behind it; blocks. `what`,
  // with a capital, names it in errors. kDataLoss if the part of the file ends
  // before it does, kResourceExhausted for one of more than 1 GiB; other errors
  // are ReadPickle()'s.
  absl::StatusOr<ValueId> ReadPickle(absl::string_view what,
                                     PickleVocabulary& vocabulary,
                                     ValueGraph& graph);

  // The next 4 or 8 bytes, little-endian; moves behind them, and blocks.
  absl::StatusOr<int32_t> ReadInt32(absl::string_view what);
  absl::StatusOr<int64_t> ReadInt64(absl::string_view what);

  // Moves behind `size_bytes` bytes, which have to be there; reads nothing.
  absl::Status Skip(uint64_t size_bytes, absl::string_view what);

 private:
  // What has been read from position() on.
  absl::Span<const uint8_t> Buffered() const;
  absl::Status Fetch(size_t size_bytes);
  absl::Status Read(absl::string_view what, absl::Span<uint8_t> out);
  absl::Status CutOff(absl::string_view what, uint64_t size_bytes) const;

  const RandomAccessFile& file_;
  const uint64_t end_;
  const size_t piece_bytes_;
  uint64_t position_;
  std::vector<uint8_t> buffer_;
  uint64_t buffer_begin_;  // in the file
};

// A vocabulary for pickles of plain values: only Python's own types, and
// nothing persistent.
class PlainVocabulary : public PickleVocabulary {
 public:
  absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph& graph, absl::string_view callable,
      absl::Span<const ValueId> arguments) override;
  absl::StatusOr<ValueId> LoadPersistent(ValueGraph& graph, Value id) override;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_PICKLE_STREAM_H_
