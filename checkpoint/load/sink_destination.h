#ifndef HOIST_CHECKPOINT_LOAD_SINK_DESTINATION_H_
#define HOIST_CHECKPOINT_LOAD_SINK_DESTINATION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/checkpoint/plan/load_plan.h"

namespace hoist {

// Hands what `plan` brings to `sink`, and keeps nothing: buffer() is null. What
// the sink has no place for goes through one of `slot_count` slots of
// `chunk_bytes`, which is what the plan, without casts and mapped files, was
// made with; so many leases there may be at once. Both must outlive it.
// kResourceExhausted where there is too little memory.
absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeSinkDestination(
    const LoadPlan& plan, uint64_t chunk_bytes, int slot_count,
    StorageSink& sink);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_SINK_DESTINATION_H_
