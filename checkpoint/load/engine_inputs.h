#ifndef HOIST_CHECKPOINT_LOAD_ENGINE_INPUTS_H_
#define HOIST_CHECKPOINT_LOAD_ENGINE_INPUTS_H_

#include <memory>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/chunk_destination.h"
#include "hoist/checkpoint/load/load_engine.h"
#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// What the engine is to do of `plan`, as the options say: threads, checksums,
// cancellation, trace and progress. All arguments outlive the result.
EngineInputs EngineInputsOf(const Catalog& catalog, const LoadPlan& plan,
                            CatalogFiles files,
                            absl::Span<const std::unique_ptr<ReadPath>> paths,
                            ChunkDestination& destination,
                            const LoadOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_ENGINE_INPUTS_H_
