#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_CONTENT_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_CONTENT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// What of a catalog is written to a file of Hoist's own format. Pure data.
struct NativeContent {
  // Bytes of a storage of the catalog that become a storage of their own.
  struct Source {
    int storage = 0;  // index into the catalog's storages
    uint64_t begin_bytes = 0;
    // The width of the floats that all tensors over it have; 0 if they have
    // none, or not all the same. Complex numbers are two floats.
    int float_bytes = 0;
  };
  // Tensors, values and metadata as they will be read. Its storages have their
  // sizes, and neither places nor chunks.
  Catalog catalog;
  std::vector<Source> sources;  // parallel to catalog.storages
};

// Leaves, of the storages of `catalog`, which ValidateCatalog() accepts, what
// tensors have elements in and whole ones that are values by themselves, in the
// same order. `metadata` joins the catalog's own; equal keys are replaced.
// Thread-safe, like all here.
NativeContent MakeNativeContent(
    const Catalog& catalog,
    absl::Span<const std::pair<std::string, std::string>> metadata);

// The part of `content` that has the storages with these indices, and the
// tensors over them: a dict of tensors by name, without other values. Tensors
// without data are part of none.
NativeContent PartOfContent(const NativeContent& content,
                            absl::Span<const int> storages);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_NATIVE_CONTENT_H_
