#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_JIT_VOCABULARY_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_JIT_VOCABULARY_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"

namespace hoist {

// What the names in TorchScript's pickles stand for: TorchVocabulary's, and
// those that mark lists and dicts with their types, which add nothing (spec:
// pytorch-formats.md 7.2). Sparse tensors, which TorchScript pickles with other
// arguments than torch.save, stay opaque values. Thread-compatible.
class JitVocabulary : public TorchVocabulary {
 public:
  using TorchVocabulary::TorchVocabulary;

  absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph& graph, absl::string_view callable,
      absl::Span<const ValueId> arguments) override;
};

// StorageClassDType() with the names that only TorchScript has
// ("Float8_e4m3fnStorage", "UInt16Storage"; pytorch-formats.md 7.3).
// Thread-safe.
std::optional<DType> JitStorageClassDType(absl::string_view class_name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_JIT_VOCABULARY_H_
