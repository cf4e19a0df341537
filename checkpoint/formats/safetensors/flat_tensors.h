#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_FLAT_TENSORS_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_FLAT_TENSORS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What safetensors can hold of a catalog: contiguous tensors with names, each
// of bytes of its own.
struct FlatTensors {
  // Its tensors are contiguous, and neither conjugated nor negated lazily:
  // those that were not are in storages that are computed when they are read.
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
  // Tensors that are the same view of the same storage as another, and that
  // one, as safetensors.torch.save_model() drops and keeps them.
  std::vector<std::pair<std::string, std::string>> dropped;
  std::vector<std::string> warnings;
};

// The tensors of `catalog` that a state dict would have, in its order; without
// those that have no data. Reads nothing. kUnimplemented for what cannot be
// made contiguous: packed elements, and lazily negated ones of a dtype that
// PyTorch cannot negate; with the name. Thread-safe.
absl::StatusOr<FlatTensors> FlattenTensors(const Catalog& catalog,
                                           CatalogFiles files);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_FLAT_TENSORS_H_
