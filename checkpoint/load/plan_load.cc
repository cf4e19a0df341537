#include "hoist/checkpoint/load/plan_load.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/cuda_destination.h"
#include "hoist/checkpoint/load/file_facts.h"
#include "hoist/checkpoint/plan/storage_cast.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/memory_budget.h"

namespace hoist {
namespace {

// To ask what is left costs more than to load so little.
constexpr uint64_t kAlwaysThereBytes = uint64_t{16} << 20;

// What is read from the page cache before its checksum is made: less than a
// core's L2, beside what the read itself moves through it. A verified load of
// 2 GiB took 0.340 s where one that read a huge page at a time, and made its
// checksums out of L3 as it seems, took 0.390; without checksums the larger
// reads were 4 % faster (benchmarks/results, 2026-11-29).
constexpr uint64_t kVerifiedReadBytes = uint64_t{512} << 10;

// What is to be read of each file.
std::vector<uint64_t> ReadBytes(const Catalog& catalog,
                                const std::vector<StorageNeed>& needs) {
  std::vector<uint64_t> bytes(catalog.files.size(), 0);
  for (const StorageNeed& need : needs) {
    const StorageEntry& storage = catalog.storages[need.storage];
    bytes[storage.file] +=
        storage.is_compressed() ? storage.stored_bytes() : need.size_bytes;
  }
  return bytes;
}

ReadChoice ChooseFor(const RandomAccessFile& file, uint64_t read_bytes,
                     const LoadOptions& options) {
  if (file.descriptor() >= 0 && options.read_method) {
    return {.method = *options.read_method, .reason = "as was asked for"};
  }
  return ChooseReadMethod(FactsOf(file, read_bytes));
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

// Whether the file records a checksum of any of it.
bool HasChecksums(const Catalog& catalog,
                  const std::vector<StorageNeed>& needs) {
  return std::any_of(
      needs.begin(), needs.end(), [&catalog](const StorageNeed& need) {
        const StorageEntry& storage = catalog.storages[need.storage];
        return storage.crc32 || !storage.chunks.empty();
      });
}

// Whether all of it is read through the page cache: out of files, and not what
// is made of them, at a cost for each read.
bool IsBuffered(const PlannedLoad& planned, CatalogFiles files) {
  for (size_t i = 0; i < files.size(); ++i) {
    if (planned.reads[i].method != ReadMethod::kPread ||
        files[i]->descriptor() < 0) {
      return false;
    }
  }
  return true;
}

// Reads that may be under way at once.
int ReadCount(const PlannedLoad& planned, const LoadOptions& options) {
  const int threads = EngineThreads(planned.plan, options.pool);
  return IsDirect(planned) ? threads * QueueDepth(threads) : threads;
}

absl::Status PlanCasts(const Catalog& catalog, DType dtype,
                       PlanOptions& plan_options, PlannedLoad& planned) {
  if (!IsCastable(dtype)) {
    return WithHint(absl::InvalidArgumentError(
                        absl::StrCat("Tensors cannot become ", DTypeName(dtype),
                                     " when they are loaded")),
                    "Give bfloat16, float16, float32 or float64");
  }
  StorageCasts casts = ChooseCasts(catalog, dtype);
  plan_options.casts = std::move(casts.by_storage);
  if (casts.left_count > 0) {
    planned.warnings.push_back(absl::StrCat(
        casts.left_count, " tensors did not become ", DTypeName(dtype),
        ", since they are complex or what is in their storage is not all of "
        "one dtype; the first is ",
        casts.first_left));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ReadChoice> ChooseReads(const Catalog& catalog, CatalogFiles files,
                                    const std::vector<StorageNeed>& needs,
                                    const LoadOptions& options) {
  const std::vector<uint64_t> read_bytes = ReadBytes(catalog, needs);
  std::vector<ReadChoice> reads;
  reads.reserve(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    reads.push_back(ChooseFor(*files[i], read_bytes[i], options));
  }
  return reads;
}

absl::StatusOr<PlannedLoad> PlanLoad(const Catalog& catalog, CatalogFiles files,
                                     const LoadOptions& options) {
  PlannedLoad planned;
  const std::vector<StorageNeed> needs =
      NeededStorages(catalog, options.verify_checksums);
  planned.reads = ChooseReads(catalog, files, needs, options);
  PlanOptions plan_options;
  for (const ReadChoice& read : planned.reads) {
    plan_options.mapped_files.push_back(options.device.is_cpu() &&
                                        read.method == ReadMethod::kMmap);
  }
  if (!options.device.is_cpu()) {
    plan_options = CudaPlanOptions(SlotBytes(options));
  } else if (options.verify_checksums && IsBuffered(planned, files) &&
             HasChecksums(catalog, needs)) {
    plan_options.chunk_bytes = kVerifiedReadBytes;
  }
  if (options.dtype) {
    HOIST_RETURN_IF_ERROR(
        PlanCasts(catalog, *options.dtype, plan_options, planned));
  }
  HOIST_ASSIGN_OR_RETURN(planned.plan,
                         MakeLoadPlan(catalog, needs, plan_options));
  const int read_count = ReadCount(planned, options);
  planned.host_bytes +=
      static_cast<uint64_t>(read_count) * CastBytesOfRead(planned.plan) +
      static_cast<uint64_t>(EngineThreads(planned.plan, options.pool)) *
          DecodeBytesOfThread(planned.plan);
  if (IsDirect(planned)) {
    // Buffers to read through.
    planned.host_bytes +=
        static_cast<uint64_t>(read_count) * planned.plan.max_read_bytes;
  }
  if (options.device.is_cpu()) {
    planned.host_bytes += planned.plan.arena_bytes;
  } else {
    planned.slot_count = CudaSlotCount(planned.plan, read_count);
    planned.pinned_bytes =
        SlotBytes(options) * static_cast<uint64_t>(planned.slot_count);
    planned.device_bytes = planned.plan.arena_bytes +
                           CudaCastBytes(planned.plan, planned.slot_count,
                                         options.verify_on_device);
  }
  return planned;
}

absl::Status CheckMemory(const PlannedLoad& planned,
                         const LoadOptions& options) {
  const uint64_t wanted = planned.host_bytes + planned.pinned_bytes;
  uint64_t allowed = 0;
  std::string reason;
  if (options.max_host_bytes) {
    allowed = *options.max_host_bytes;
    reason = absl::StrCat(allowed, " are allowed");
  } else if (wanted >= kAlwaysThereBytes) {
    const MemoryBudget budget = HostMemoryBudget();
    allowed = budget.available_bytes;
    reason = absl::StrCat(allowed, " are left: ", budget.reason);
  } else {
    return absl::OkStatus();
  }
  if (wanted <= allowed) {
    return absl::OkStatus();
  }
  return WithHint(
      absl::ResourceExhaustedError(
          absl::StrCat("The load takes ", wanted,
                       " bytes of host memory at most, and ", reason)),
      options.device.is_cpu()
          ? "Load fewer tensors, or with --io=mmap, which leaves them in the "
            "page cache, or to a GPU"
          : "Load with fewer threads, which takes less pinned memory");
}

}  // namespace hoist
