#ifndef HOIST_CHECKPOINT_PICKLE_PICKLE_MACHINE_H_
#define HOIST_CHECKPOINT_PICKLE_PICKLE_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// What a pickle may take at most; more is kResourceExhausted. Everything else
// that it claims is held against the bytes that are there.
struct PickleLimits {
  // Values made.
  size_t max_values = size_t{1} << 26;
  // Entries of the memo.
  size_t max_memo = size_t{1} << 26;
  // Marks open at once: collections begun inside each other.
  size_t max_marks = 10'000;
  // Bytes of an integer, and digits of one written as text.
  size_t max_integer_bytes = 8192;
  size_t max_integer_digits = 4300;
  // Bytes of the name of a class with its module.
  size_t max_name_bytes = 4096;
};

// What the names in a pickle stand for. Each function makes plain data, and
// executes nothing of the file.
class PickleVocabulary {
 public:
  virtual ~PickleVocabulary() = default;

  // What `callable` ("collections.OrderedDict", Python 3's name) makes of
  // `arguments`; nullopt if it is not known: the machine then makes an opaque
  // value of it. An error ends the reading.
  virtual absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph& graph, absl::string_view callable,
      absl::Span<const ValueId> arguments) = 0;

  // The object that the file keeps outside of the pickle under `id`.
  virtual absl::StatusOr<ValueId> LoadPersistent(ValueGraph& graph,
                                                 Value id) = 0;
};

struct PickleResult {
  ValueId root;
  size_t size_bytes;  // of the pickle, with its STOP
};

// Reads the pickle at the start of `bytes`, of any protocol from 0 to 5, into
// `graph` (specs: pytorch-formats.md 3.1, and CPython's Lib/pickletools.py).
// Names are never imported, called or looked up outside of `vocabulary`. Takes
// time in proportion to the bytes read, and memory: at most 85 bytes for each,
// and 256 KiB, besides what `vocabulary` keeps. kDataLoss, with opcode and
// offset, for a pickle that is damaged or cut off; kPermissionDenied for
// opcodes that reach outside of the file. `graph` is unspecified after an
// error. Thread-safe for different graphs and vocabularies.
absl::StatusOr<PickleResult> ReadPickle(absl::Span<const uint8_t> bytes,
                                        PickleVocabulary& vocabulary,
                                        ValueGraph& graph,
                                        const PickleLimits& limits = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_PICKLE_MACHINE_H_
