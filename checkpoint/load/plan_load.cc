#include "hoist/checkpoint/load/plan_load.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/cuda_destination.h"
#include "hoist/checkpoint/plan/storage_need.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// What is copied from the page cache is still in a core's own cache when its
// checksum is computed.
constexpr uint64_t kCachedReadBytes = uint64_t{256} << 10;

// What is to be read of each file.
std::vector<uint64_t> ReadBytes(const Catalog& catalog,
                                const std::vector<StorageNeed>& needs) {
  std::vector<uint64_t> bytes(catalog.files.size(), 0);
  for (const StorageNeed& need : needs) {
    const StorageEntry& storage = catalog.storages[need.storage];
    bytes[storage.file] += storage.deflated_bytes.value_or(need.size_bytes);
  }
  return bytes;
}

ReadChoice ChooseFor(const RandomAccessFile& file, uint64_t read_bytes,
                     const LoadOptions& options) {
  const bool is_file = file.descriptor() >= 0;
  if (is_file && options.read_method) {
    return {.method = *options.read_method, .reason = "as was asked for"};
  }
  return ChooseReadMethod({.is_file = is_file, .read_bytes = read_bytes});
}

uint64_t SlotBytes(const LoadOptions& options) {
  return options.pinned_pool == nullptr ? PinnedPool::Options().slot_bytes
                                        : options.pinned_pool->slot_bytes();
}

// Whether some file is read past the page cache.
bool IsDirect(const PlannedLoad& planned) {
  return std::any_of(planned.reads.begin(), planned.reads.end(),
                     [](const ReadChoice& read) {
                       return read.method == ReadMethod::kDirect;
                     });
}

// Buffers to read through, of all threads.
uint64_t BounceBytes(const PlannedLoad& planned, const LoadOptions& options) {
  if (!IsDirect(planned)) {
    return 0;
  }
  const int threads = EngineThreads(planned.plan, options.pool);
  return static_cast<uint64_t>(threads) *
         static_cast<uint64_t>(QueueDepth(threads)) *
         planned.plan.max_read_bytes;
}

}  // namespace

absl::StatusOr<PlannedLoad> PlanLoad(const Catalog& catalog, CatalogFiles files,
                                     const LoadOptions& options) {
  PlannedLoad planned;
  const std::vector<StorageNeed> needs =
      NeededStorages(catalog, options.verify_checksums);
  const std::vector<uint64_t> read_bytes = ReadBytes(catalog, needs);
  PlanOptions plan_options;
  for (size_t i = 0; i < files.size(); ++i) {
    planned.reads.push_back(ChooseFor(*files[i], read_bytes[i], options));
    plan_options.mapped_files.push_back(options.device.is_cpu() &&
                                        planned.reads.back().method ==
                                            ReadMethod::kMmap);
  }
  if (!options.device.is_cpu()) {
    plan_options = CudaPlanOptions(SlotBytes(options));
  } else if (!IsDirect(planned)) {
    plan_options.chunk_bytes = kCachedReadBytes;
  }
  HOIST_ASSIGN_OR_RETURN(planned.plan,
                         MakeLoadPlan(catalog, needs, plan_options));
  planned.host_bytes = BounceBytes(planned, options);
  if (options.device.is_cpu()) {
    planned.host_bytes += planned.plan.arena_bytes;
  } else {
    planned.pinned_bytes =
        SlotBytes(options) *
        static_cast<uint64_t>(CudaSlotCount(
            planned.plan, EngineThreads(planned.plan, options.pool)));
    planned.device_bytes = planned.plan.arena_bytes;
  }
  return planned;
}

absl::Status CheckMemory(const PlannedLoad& planned,
                         const LoadOptions& options) {
  const uint64_t wanted = planned.host_bytes + planned.pinned_bytes;
  if (options.max_host_bytes && wanted > *options.max_host_bytes) {
    return WithHint(
        absl::ResourceExhaustedError(absl::StrCat(
            "The load takes ", wanted, " bytes of host memory, and ",
            *options.max_host_bytes, " are allowed")),
        "Allow more, load fewer tensors, or load to a GPU, which takes host "
        "memory for the pinned buffers only");
  }
  return absl::OkStatus();
}

}  // namespace hoist
