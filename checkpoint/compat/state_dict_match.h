#ifndef HOIST_CHECKPOINT_COMPAT_STATE_DICT_MATCH_H_
#define HOIST_CHECKPOINT_COMPAT_STATE_DICT_MATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/compat/tensor_outline.h"

namespace hoist {

// What torch.nn.Module.load_state_dict() would find, given the tensors of a
// file and those of the module (specs: pytorch-formats.md 10.2).
struct StateDictMatch {
  // Both sides have the name, and the shapes differ.
  struct ShapeDifference {
    std::string name;
    std::vector<int64_t> in_file;
    std::vector<int64_t> in_target;
  };
  struct DTypeDifference {
    std::string name;
    DType in_file = DType::kFloat32;
    DType in_target = DType::kFloat32;
  };

  size_t matched = 0;                   // name and shape fit
  std::vector<std::string> missing;     // in the order of the target
  std::vector<std::string> unexpected;  // in the order of the file
  std::vector<ShapeDifference> shapes;  // in the order of the target
  // Of what fits otherwise: load_state_dict() converts them without a word.
  std::vector<DTypeDifference> dtypes;
  // One element in the file and a scalar in the target, which
  // load_state_dict() takes for it.
  std::vector<std::string> scalars;

  // Whether a strict load goes through.
  bool fits() const {
    return missing.empty() && unexpected.empty() && shapes.empty();
  }
};

// Of several tensors of one name the last one counts, as in a dict. Takes time
// in proportion to the names. Thread-safe, like all here.
StateDictMatch MatchStateDict(absl::Span<const TensorOutline> file,
                              absl::Span<const TensorOutline> target);

// Things that are alike, and what they have in common.
struct MatchGroup {
  std::string text;             // safe to show only if the names are
  std::vector<size_t> members;  // indices
};

// Shape differences that have one cause: "by factor 2 in dimension 0: 512 in
// the file, 256 in the target". The largest group first.
std::vector<MatchGroup> GroupShapes(
    absl::Span<const StateDictMatch::ShapeDifference> shapes);

// "float16 in the file, float32 in the target".
std::vector<MatchGroup> GroupDTypes(
    absl::Span<const StateDictMatch::DTypeDifference> dtypes);

// Names that differ only in numbers between dots: "layers.*.fc.weight" for
// "layers.0.fc.weight" and "layers.1.fc.weight", in the order of the first.
std::vector<MatchGroup> GroupNames(absl::Span<const std::string> names);

// Pairs of an unexpected and a missing name (their indices) that are alike but
// for a slip in one part between dots that is no number. A name that has
// several such partners has none.
std::vector<std::pair<size_t, size_t>> CloseNames(
    absl::Span<const std::string> unexpected,
    absl::Span<const std::string> missing);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_STATE_DICT_MATCH_H_
