#ifndef HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_
#define HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

// How to plan for a CUDA device, with pinned slots of `slot_bytes`.
PlanOptions CudaPlanOptions(uint64_t slot_bytes);

// How many slots of a pool a load of `plan` with `thread_count` threads has use
// for: one that each thread fills, and some that are copied from meanwhile.
int CudaSlotCount(const LoadPlan& plan, int thread_count);

// Memory of the CUDA device `device`, one allocation for all of `plan`, which
// was made with CudaPlanOptions() of `pool` and must outlive it, as must
// `pool`. Chunks go there through at most `slot_count` of the pool's slots.
// Errors of DeviceBuffer and Uploader.
absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeCudaDestination(
    const LoadPlan& plan, int device, PinnedPool& pool, int slot_count);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_
