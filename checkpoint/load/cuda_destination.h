#ifndef HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_
#define HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/core/trace/trace_recorder.h"
#include "hoist/cuda/pinned_pool.h"

namespace hoist {

// How to plan for a CUDA device, with pinned slots of `slot_bytes`.
PlanOptions CudaPlanOptions(uint64_t slot_bytes);

// How many slots of a pool a load of `plan` with `read_count` reads under way
// has use for: one for each of them, and some that are copied from meanwhile.
int CudaSlotCount(const LoadPlan& plan, int read_count);

// The device's memory that such a load may take besides the arena: casts to
// wider numbers are made there, so that the link carries the narrow ones; but
// by the host if the bytes are verified on the device, since it has to know
// them.
uint64_t CudaCastBytes(const LoadPlan& plan, int slot_count,
                       bool verify_on_device);

// Memory of the CUDA device `device`, one allocation for all of `plan`, which
// was made with CudaPlanOptions() of `pool` and must outlive it, as must
// `pool`. Chunks go there through at most `slot_count` of the pool's slots. If
// `verify_on_device`, Finish() compares what is on the device with what was
// submitted, and returns kDataLoss if that is not the same. What the device
// does when is recorded in `trace`, unless that is null. Errors of
// DeviceBuffer, Uploader and DeviceDigests().
absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeCudaDestination(
    const LoadPlan& plan, int device, PinnedPool& pool, int slot_count,
    bool verify_on_device, TraceRecorder* trace = nullptr);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_CUDA_DESTINATION_H_
