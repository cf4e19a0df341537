#ifndef HOIST_CHECKPOINT_WRITE_CATALOG_OF_TENSORS_H_
#define HOIST_CHECKPOINT_WRITE_CATALOG_OF_TENSORS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/checkpoint/write/tensor_layout.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A value that is saved beside tensors, and its key.
using PlainValue =
    std::variant<std::monostate, bool, int64_t, double, std::string>;
using NamedValues = std::vector<std::pair<std::string, PlainValue>>;

// Tensors in memory as what is written to a file: for WriteCheckpoint().
struct TensorCatalog {
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

// The catalog of an OrderedDict that has `tensors`, by their names and in their
// order, then `values`. Aliases are views of one storage. Its file reads the
// tensors' own memory, and keeps it: it must not change before all is written.
// The tensors are on the CPU, and two keys are not the same; else
// kInvalidArgument. Thread-safe.
//
//   HOIST_ASSIGN_OR_RETURN(const TensorCatalog source,
//                          CatalogOfTensors(tensors, {{"epoch", 3}}));
//   HOIST_RETURN_IF_ERROR(WriteCheckpoint(source.catalog, source.files,
//                                         file_system, path, options));
absl::StatusOr<TensorCatalog> CatalogOfTensors(const StateDict& tensors,
                                               const NamedValues& values = {});

// The same of tensors whose bytes are in a copy, `file`, that lies as `layout`
// says; the tensors may be anywhere.
absl::StatusOr<TensorCatalog> CatalogOfCopy(
    const StateDict& tensors, const NamedValues& values,
    const TensorLayout& layout, std::shared_ptr<const RandomAccessFile> file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_CATALOG_OF_TENSORS_H_
