#include "hoist/checkpoint/load/stream_catalog.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hoist/checkpoint/load/engine_inputs.h"
#include "hoist/checkpoint/load/load_engine.h"
#include "hoist/checkpoint/load/phase_clock.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/checkpoint/load/report_parts.h"
#include "hoist/checkpoint/load/sink_destination.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/checkpoint/plan/storage_need.h"
#include "hoist/core/io/open_read_path.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxChunkBytes = PlanOptions().chunk_bytes;
// Where that is too much, reads are rather fewer than smaller than this,
constexpr uint64_t kFairChunkBytes = uint64_t{256} << 10;
// and never smaller than this.
constexpr uint64_t kLeastChunkBytes = uint64_t{64} << 10;
// What a thread takes for the bytes between storages, and to inflate.
constexpr uint64_t kGapBytes = kMaxGapBytes;
constexpr uint64_t kInflateBytes = uint64_t{192} << 10;

// How many threads read how much at once.
struct Measure {
  int threads = 1;
  int reads = 1;  // under way at once
  uint64_t chunk_bytes = 0;
  uint64_t host_bytes = 0;  // what that takes at most
};

// One stream, phase by phase.
class CatalogStream {
 public:
  CatalogStream(const Catalog& catalog, CatalogFiles files,
                const LoadOptions& options, const StreamLimits& limits)
      : catalog_(catalog), files_(files), options_(options), limits_(limits) {}

  absl::StatusOr<LoadReport> Run(StorageSink& sink);

 private:
  absl::Status Plan();
  Measure MeasureOf(int threads, uint64_t chunk_bytes) const;
  Measure ChooseMeasure() const;
  absl::Status Execute(StorageSink& sink);

  const Catalog& catalog_;
  const CatalogFiles files_;
  const LoadOptions& options_;
  const StreamLimits limits_;
  PlannedLoad planned_;
  bool is_direct_ = false;
  uint64_t thread_bytes_ = 0;
  Measure measure_;
  LoadReport report_;
  PhaseClock clock_{report_};
};

absl::StatusOr<LoadReport> CatalogStream::Run(StorageSink& sink) {
  report_.warnings = catalog_.warnings;
  report_.tensor_count = std::count_if(
      catalog_.tensors.begin(), catalog_.tensors.end(),
      [](const TensorEntry& tensor) { return tensor.storage.has_value(); });
  HOIST_RETURN_IF_ERROR(Plan());
  HOIST_RETURN_IF_ERROR(Execute(sink));
  return std::move(report_);
}

absl::Status CatalogStream::Plan() {
  const std::vector<StorageNeed> needs =
      NeededStorages(catalog_, options_.verify_checksums);
  planned_.reads = ChooseReads(catalog_, files_, needs, options_);
  is_direct_ = std::any_of(planned_.reads.begin(), planned_.reads.end(),
                           [](const ReadChoice& read) {
                             return read.method == ReadMethod::kDirect;
                           });
  thread_bytes_ = kGapBytes + limits_.sink_bytes_of_thread;
  uint64_t decode_bytes = 0;
  for (const StorageNeed& need : needs) {
    const StorageEntry& storage = catalog_.storages[need.storage];
    if (storage.deflated_bytes) {
      decode_bytes = std::max(decode_bytes, kInflateBytes);
    } else if (storage.encoded_bytes) {
      decode_bytes = std::max<uint64_t>(
          decode_bytes, 3 * uint64_t{storage.chunks.front().size_bytes});
    }
  }
  thread_bytes_ += decode_bytes;
  measure_ = ChooseMeasure();
  HOIST_ASSIGN_OR_RETURN(
      planned_.plan,
      MakeLoadPlan(catalog_, needs, {.chunk_bytes = measure_.chunk_bytes}));
  // There may be less to do than could be done at once.
  measure_ =
      MeasureOf(EngineThreads(planned_.plan, options_.pool, measure_.threads),
                measure_.chunk_bytes);
  planned_.host_bytes = measure_.host_bytes;
  HOIST_RETURN_IF_ERROR(CheckMemory(planned_, options_));
  report_.bytes = planned_.plan.needed_bytes;
  report_.verified = options_.verify_checksums
                         ? VerifiedByChecksums(catalog_, planned_.plan)
                         : Verified::kNone;
  report_.peak_host_bytes = measure_.host_bytes;
  clock_.End("plan");
  return absl::OkStatus();
}

Measure CatalogStream::MeasureOf(int threads, uint64_t chunk_bytes) const {
  Measure measure = {.threads = threads, .chunk_bytes = chunk_bytes};
  measure.reads = is_direct_ ? threads * QueueDepth(threads) : threads;
  // Direct reads go through a buffer each.
  measure.host_bytes = static_cast<uint64_t>(measure.reads) * chunk_bytes *
                           (is_direct_ ? 2 : 1) +
                       static_cast<uint64_t>(threads) * thread_bytes_;
  return measure;
}

Measure CatalogStream::ChooseMeasure() const {
  const uint64_t max_bytes = std::min(
      limits_.max_bytes, options_.max_host_bytes.value_or(limits_.max_bytes));
  int threads =
      options_.pool == nullptr ? 1 : options_.pool->thread_count() + 1;
  threads = std::min(threads, kMaxEngineThreads);
  for (; threads > 0; threads /= 2) {
    const uint64_t least = threads == 1 ? kLeastChunkBytes : kFairChunkBytes;
    for (uint64_t chunk_bytes = kMaxChunkBytes; chunk_bytes >= least;
         chunk_bytes /= 2) {
      const Measure measure = MeasureOf(threads, chunk_bytes);
      if (measure.host_bytes <= max_bytes) {
        return measure;
      }
    }
  }
  return MeasureOf(1, kLeastChunkBytes);
}

absl::Status CatalogStream::Execute(StorageSink& sink) {
  std::vector<std::unique_ptr<ReadPath>> paths;  // by file
  for (size_t i = 0; i < files_.size(); ++i) {
    HOIST_ASSIGN_OR_RETURN(paths.emplace_back(),
                           OpenReadPath(files_[i], planned_.reads[i].method));
  }
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<ChunkDestination> destination,
      MakeSinkDestination(planned_.plan, measure_.chunk_bytes, measure_.reads,
                          sink));
  clock_.End("allocate");
  EngineInputs inputs = EngineInputsOf(catalog_, planned_.plan, files_, paths,
                                       *destination, options_);
  inputs.max_threads = measure_.threads;
  HOIST_ASSIGN_OR_RETURN(const EngineResult executed, ExecutePlan(inputs));
  const EngineTimes& times = executed.times;
  clock_.Take("read", times.read_ns, planned_.plan.read_bytes);
  clock_.Take("verify", times.verify_ns, report_.bytes);
  clock_.Take("convert", times.convert_ns, report_.bytes);
  clock_.Take("place", times.place_ns, report_.bytes);
  clock_.End("wait", /*ago_ns=*/times.finish_ns);
  clock_.End("finish");
  report_.io = FileIoOf(catalog_, planned_.reads, paths);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadReport> StreamCatalog(const Catalog& catalog,
                                         CatalogFiles files,
                                         const LoadOptions& options,
                                         const StreamLimits& limits,
                                         StorageSink& sink) {
  return CatalogStream(catalog, files, options, limits).Run(sink);
}

uint64_t StreamedBytes(const Catalog& catalog, const LoadOptions& options) {
  uint64_t bytes = 0;
  for (const StorageNeed& need :
       NeededStorages(catalog, options.verify_checksums)) {
    bytes += need.size_bytes;
  }
  return bytes;
}

}  // namespace hoist
