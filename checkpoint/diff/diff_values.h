#ifndef HOIST_CHECKPOINT_DIFF_DIFF_VALUES_H_
#define HOIST_CHECKPOINT_DIFF_DIFF_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/diff/diff_report.h"

namespace hoist {

// Storages that are values by themselves, and are to have the same bytes; of
// the same number of them. Indices into Catalog::storages.
struct StoragePair {
  ValueDiff place;
  int a = 0;
  int b = 0;
};

struct ValuesDiff {
  std::vector<ValueDiff> values;  // the first kMaxValueDiffs, in A's order
  int64_t count = 0;              // of all
  std::vector<StoragePair> storages;
  // Dicts, lists and the like of the same content and another class, and those
  // that only one file has a state for, as a state dict its `_metadata`.
  int64_t other_classes = 0;
  int64_t one_sided_states = 0;
};

// Compares what two checkpoints hold besides tensors: entries of dicts by their
// keys, whatever their order, items of lists by their position, objects by what
// they were made of. Of an entry that only one has, it is a difference if there
// is anything but tensors in it. Each two values are compared once, in however
// many places they are. kResourceExhausted where that is too often: more than
// ten million times. Thread-safe.
absl::StatusOr<ValuesDiff> DiffValues(const Catalog& a, const Catalog& b);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_DIFF_VALUES_H_
