#ifndef HOIST_CHECKPOINT_LOAD_PLAN_LOAD_H_
#define HOIST_CHECKPOINT_LOAD_PLAN_LOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_engine.h"
#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/checkpoint/plan/read_choice.h"
#include "hoist/checkpoint/plan/storage_need.h"

namespace hoist {

// A load before it is done: what would be read how, and what memory it takes.
struct PlannedLoad {
  LoadPlan plan;
  std::vector<ReadChoice> reads;  // by file
  int slot_count = 0;             // of pinned memory, towards a GPU
  // What is to be said of the casts that LoadOptions::dtype asks for.
  std::vector<std::string> warnings;
  // At most, all in bytes. Of host memory: tensors and buffers to read through
  // and to cast from; pinned memory is not counted in.
  uint64_t host_bytes = 0;
  uint64_t pinned_bytes = 0;
  uint64_t device_bytes = 0;
};

// Plans to load `catalog`, which ValidateCatalog() accepts, from `files` as
// `options` say. Asks the system about the files; reads nothing of them, and
// takes no memory. kInvalidArgument for a dtype that tensors cannot be cast to;
// kResourceExhausted for more than there are addresses.
absl::StatusOr<PlannedLoad> PlanLoad(const Catalog& catalog, CatalogFiles files,
                                     const LoadOptions& options);

// How each of the files is to be read, of which `needs` are: as `options` say.
// Asks the system about them.
std::vector<ReadChoice> ChooseReads(const Catalog& catalog, CatalogFiles files,
                                    const std::vector<StorageNeed>& needs,
                                    const LoadOptions& options);

// kResourceExhausted, with what would make it fit, if `planned` takes more host
// memory than `options` allow, or than the system and the container have left.
absl::Status CheckMemory(const PlannedLoad& planned,
                         const LoadOptions& options);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_PLAN_LOAD_H_
