#ifndef HOIST_CHECKPOINT_LOAD_CHUNK_PLAN_H_
#define HOIST_CHECKPOINT_LOAD_CHUNK_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"

namespace hoist {

// A part of a storage that one thread reads at a time.
struct Chunk {
  int storage = 0;            // index into Catalog::storages
  uint64_t offset_bytes = 0;  // in the storage
  uint64_t size_bytes = 0;
};

// The storages that tensors of `catalog` are views of, each once, in the order
// of files and offsets. Thread-safe.
std::vector<int> UsedStorages(const Catalog& catalog);

// Cuts `storages` into chunks of `chunk_bytes`, the last of each shorter, in
// their order. An empty storage has none. `chunk_bytes` is a multiple of 16,
// so that no element that is to be swapped is cut. Thread-safe.
std::vector<Chunk> PlanChunks(const Catalog& catalog,
                              absl::Span<const int> storages,
                              uint64_t chunk_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_CHUNK_PLAN_H_
