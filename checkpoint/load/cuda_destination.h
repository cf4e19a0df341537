#ifndef HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_
#define HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/plan/load_plan.h"

namespace hoist {

// How to plan for a CUDA device.
PlanOptions CudaPlanOptions();

// The pinned memory that MakeCudaDestination() takes for `thread_count`
// threads, in bytes.
uint64_t CudaPinnedBytes(int thread_count);

// Memory of the CUDA device `device`, one allocation for all of `plan`, which
// was made with CudaPlanOptions() and must outlive it; chunks go there through
// an Uploader's pinned slots, of which there are enough for `thread_count`
// threads to work. Errors of DeviceBuffer and Uploader.
absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeCudaDestination(
    const LoadPlan& plan, int device, int thread_count);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_
