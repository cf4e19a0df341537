#ifndef HOIST_CHECKPOINT_PICKLE_TORCH_VOCABULARY_H_
#define HOIST_CHECKPOINT_PICKLE_TORCH_VOCABULARY_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"

namespace hoist {

// A storage that a pickle of torch's refers to.
struct PickledStorage {
  int index = 0;                // into Catalog::storages
  DType dtype = DType::kUint8;  // its class's; kUint8 for an untyped one
  bool is_untyped = false;
  std::string location;  // "cpu", "cuda:0"
};

// What the names in PyTorch's pickles stand for: tensors, parameters, their
// storages, torch.Size, and Python's own types (spec: pytorch-formats.md 3.3 to
// 3.7). A tensor becomes a kTensor value, whose index is into tensors(), and
// whose state is a dict of its attributes, or of a quantized tensor's
// quantizer; a storage a kStorage one, whose index is into storages(), and
// whose type its class. For tensors that are made of others see
// composite_tensors.h. Thread-compatible.
class TorchVocabulary : public PickleVocabulary {
 public:
  // What the file keeps outside of the pickle under a persistent id, which is
  // the format's affair: a storage, or another value that is in the graph.
  using Persistent = std::variant<PickledStorage, ValueId>;
  using PersistentLoader =
      std::function<absl::StatusOr<Persistent>(ValueGraph& graph, Value id)>;

  // A storage that was saved into bytes inside of the pickle (a kBytes
  // value, or a kString one of Python 2's).
  using EmbeddedLoader =
      std::function<absl::StatusOr<PickledStorage>(Value bytes)>;

  // Without `load_embedded` such storages stay opaque.
  explicit TorchVocabulary(PersistentLoader load_persistent,
                           EmbeddedLoader load_embedded = nullptr)
      : load_persistent_(std::move(load_persistent)),
        load_embedded_(std::move(load_embedded)) {}

  absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph& graph, absl::string_view callable,
      absl::Span<const ValueId> arguments) override;
  absl::StatusOr<ValueId> LoadPersistent(ValueGraph& graph, Value id) override;

  // Adds a tensor to tensors(), for what is a tensor only after the pickle has
  // been read; its index there. kResourceExhausted for shapes that are copied
  // again and again, kDataLoss for a location that is none.
  absl::StatusOr<int64_t> AddEntry(TensorEntry tensor);

  // All tensors that the pickle makes, without names, also those that it does
  // not keep.
  std::vector<TensorEntry>& tensors() { return tensors_; }
  const std::vector<PickledStorage>& storages() const { return storages_; }

 private:
  class Arguments;

  absl::StatusOr<ValueId> RebuildTensor(ValueGraph& graph,
                                        const Arguments& arguments);
  absl::StatusOr<ValueId> RebuildTensorV2(ValueGraph& graph,
                                          const Arguments& arguments);
  absl::StatusOr<ValueId> RebuildTensorV3(ValueGraph& graph,
                                          const Arguments& arguments);
  absl::StatusOr<ValueId> RebuildQuantized(ValueGraph& graph,
                                           const Arguments& arguments);
  absl::StatusOr<ValueId> RebuildMeta(ValueGraph& graph,
                                      const Arguments& arguments);
  absl::StatusOr<ValueId> RebuildParameter(ValueGraph& graph,
                                           const Arguments& arguments);
  absl::StatusOr<ValueId> RebuildFromCpu(ValueGraph& graph,
                                         const Arguments& arguments);
  absl::StatusOr<std::optional<ValueId>> RebuildFromType(
      ValueGraph& graph, const Arguments& arguments);
  absl::StatusOr<std::optional<ValueId>> LoadEmbedded(
      ValueGraph& graph, const Arguments& arguments);
  ValueId AddStorage(ValueGraph& graph, PickledStorage storage, ValueId type);
  absl::StatusOr<ValueId> AddTensor(ValueGraph& graph, TensorEntry tensor);

  struct Rebuild;
  static const Rebuild* FindRebuild(absl::string_view callable);

  const PersistentLoader load_persistent_;
  const EmbeddedLoader load_embedded_;
  std::vector<TensorEntry> tensors_;
  size_t dimensions_ = 0;  // of all tensors_
  std::vector<PickledStorage> storages_;
};

// The dtype of a storage class ("torch.FloatStorage", "torch.cuda.HalfStorage",
// "torch.storage.UntypedStorage", which has kUint8); nullopt for another class.
// As torch does, goes by the last part of the name. Thread-safe.
std::optional<DType> StorageClassDType(absl::string_view class_name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_TORCH_VOCABULARY_H_
