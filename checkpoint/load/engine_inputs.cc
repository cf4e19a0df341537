#include "hoist/checkpoint/load/engine_inputs.h"

#include <cstdint>

namespace hoist {

EngineInputs EngineInputsOf(const Catalog& catalog, const LoadPlan& plan,
                            CatalogFiles files,
                            absl::Span<const std::unique_ptr<ReadPath>> paths,
                            ChunkDestination& destination,
                            const LoadOptions& options) {
  EngineInputs inputs = {.catalog = catalog,
                         .plan = plan,
                         .files = files,
                         .paths = paths,
                         .destination = destination,
                         .pool = options.pool,
                         .verify = options.verify_checksums,
                         .cancel = options.cancel,
                         .trace = options.trace};
  if (options.on_progress) {
    inputs.on_progress = [&options, &plan](uint64_t done_bytes) {
      options.on_progress(done_bytes, plan.needed_bytes);
    };
  }
  return inputs;
}

}  // namespace hoist
