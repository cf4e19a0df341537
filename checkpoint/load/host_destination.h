#ifndef HOIST_CHECKPOINT_LOAD_HOST_DESTINATION_H_
#define HOIST_CHECKPOINT_LOAD_HOST_DESTINATION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// Host memory for `plan`: one arena that goes with the last of its buffers, or,
// if `one_buffer_each`, a buffer of its own for each storage; and for storages
// that stay where their file is mapped, that. `paths` are by file, and read
// only where storages are mapped. `plan` must outlive it.
// kResourceExhausted where there is too little memory.
absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeHostDestination(
    const Catalog& catalog, const LoadPlan& plan, bool one_buffer_each,
    absl::Span<const std::unique_ptr<ReadPath>> paths);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_HOST_DESTINATION_H_
