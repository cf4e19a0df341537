#ifndef HOIST_CHECKPOINT_DIFF_DIFF_REPORT_H_
#define HOIST_CHECKPOINT_DIFF_DIFF_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/diff/number_diff.h"

namespace hoist {

// How closely two checkpoints are compared; each level has those before it.
enum class DiffLevel {
  kStructure,  // what can be told without reading tensors
  kBytes,      // every element, bit for bit
  kValues,     // by how much numbers differ
};

// "structure", "bytes", "values".
absl::string_view DiffLevelName(DiffLevel level);

// What is known of the elements of two tensors.
enum class ElementsDiff {
  kSame,
  kDifferent,
  kNotRead,       // and no checksum tells
  kIncomparable,  // of other shapes, or of dtypes that have no numbers alike
};

// "same", "different", "not_read", "incomparable".
absl::string_view ElementsDiffName(ElementsDiff elements);

// Tensors that are compared, as indices into their catalogs.
struct TensorPair {
  int a = 0;
  int b = 0;

  friend bool operator==(const TensorPair&, const TensorPair&) = default;
};

// Two tensors of one name that are not the same.
struct TensorDiff {
  TensorPair tensors;
  bool is_shape_different = false;
  bool is_dtype_different = false;
  bool is_data_missing = false;  // in one of them: it is on the "meta" device
  ElementsDiff elements = ElementsDiff::kNotRead;
  std::optional<NumberDiff> numbers;  // where they were compared
};

// A value besides tensors that is not the same, or that only one has. `path` is
// like a tensor's name.
struct ValueDiff {
  std::string path;
  std::optional<ValueId> a;
  std::optional<ValueId> b;
};

// An entry of the metadata of a format that has such.
struct MetadataDiff {
  std::string key;
  std::optional<std::string> a;
  std::optional<std::string> b;
};

// How checkpoint B differs from checkpoint A.
struct DiffReport {
  DiffLevel level = DiffLevel::kStructure;
  // Indices into the catalogs: those that only A has, and only B.
  std::vector<int> removed;
  std::vector<int> added;
  // The same elements, dtype and shape under other names.
  std::vector<TensorPair> renamed;
  std::vector<TensorDiff> changed;  // in the order of A
  std::vector<ValueDiff> values;    // the first kMaxValueDiffs
  int64_t value_count = 0;          // of all
  std::vector<MetadataDiff> metadata;
  // What differs and is no difference of what is loaded: order, flags, ties.
  std::vector<std::string> remarks;

  int64_t same_count = 0;  // tensors with nothing different
  // Of those, the ones whose elements nobody has looked at.
  int64_t not_read_count = 0;
  // Those whose elements recorded checksums tell of, and how many bytes of A
  // need not be read for it.
  int64_t checksum_count = 0;
  uint64_t checksum_bytes = 0;
  uint64_t read_bytes = 0;  // of both
  int64_t time_ns = 0;
  // It ended at the first difference, as was asked for; there may be more.
  bool is_partial = false;
};

inline constexpr int64_t kMaxValueDiffs = 1000;

// Whether there is nothing but remarks. Thread-safe, like all here.
bool IsSame(const DiffReport& report);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_DIFF_REPORT_H_
