#include "hoist/checkpoint/load/load_catalog.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/cast_numbers.h"
#include "hoist/checkpoint/load/cuda_destination.h"
#include "hoist/checkpoint/load/engine_inputs.h"
#include "hoist/checkpoint/load/host_destination.h"
#include "hoist/checkpoint/load/load_engine.h"
#include "hoist/checkpoint/load/phase_clock.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/checkpoint/load/report_parts.h"
#include "hoist/checkpoint/load/tensor_view.h"
#include "hoist/checkpoint/plan/storage_cast.h"
#include "hoist/core/io/open_read_path.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// One load, phase by phase.
class CatalogLoad {
 public:
  CatalogLoad(const Catalog& catalog, CatalogFiles files,
              const LoadOptions& options)
      : catalog_(catalog), files_(files), options_(options) {}

  absl::StatusOr<LoadResult> Run();

 private:
  absl::Status Plan();
  absl::Status Allocate();
  absl::Status Execute();
  // Warns of what casts have lost.
  void ReportLosses(const std::vector<CastLosses>& losses);
  absl::Status MakeTensors();
  // `place`: of the tensor's storage in the plan.
  absl::StatusOr<Tensor> MakeTensor(const TensorEntry& entry, int place) const;

  Verified HowVerified() const;
  bool IsConverted() const;

  const Catalog& catalog_;
  const CatalogFiles files_;
  const LoadOptions& options_;
  PlannedLoad planned_;
  std::vector<std::unique_ptr<ReadPath>> paths_;  // by file
  std::unique_ptr<PinnedPool> own_pinned_;
  std::unique_ptr<ChunkDestination> destination_;
  LoadResult result_;
  PhaseClock clock_{result_.report};
};

absl::StatusOr<LoadResult> CatalogLoad::Run() {
  result_.report.device = options_.device;
  result_.report.warnings = catalog_.warnings;
  HOIST_RETURN_IF_ERROR(Plan());
  HOIST_RETURN_IF_ERROR(Allocate());
  HOIST_RETURN_IF_ERROR(Execute());
  HOIST_RETURN_IF_ERROR(MakeTensors());
  return std::move(result_);
}

absl::Status CatalogLoad::Plan() {
  HOIST_ASSIGN_OR_RETURN(planned_, PlanLoad(catalog_, files_, options_));
  result_.report.warnings.insert(result_.report.warnings.end(),
                                 planned_.warnings.begin(),
                                 planned_.warnings.end());
  HOIST_RETURN_IF_ERROR(CheckMemory(planned_, options_));
  result_.report.bytes = planned_.plan.needed_bytes;
  result_.report.verified = HowVerified();
  clock_.End("plan");
  return absl::OkStatus();
}

absl::Status CatalogLoad::Allocate() {
  for (size_t i = 0; i < files_.size(); ++i) {
    HOIST_ASSIGN_OR_RETURN(paths_.emplace_back(),
                           OpenReadPath(files_[i], planned_.reads[i].method));
  }
  if (options_.device.is_cpu()) {
    HOIST_ASSIGN_OR_RETURN(
        destination_, MakeHostDestination(catalog_, planned_.plan,
                                          options_.one_buffer_each, paths_));
  } else {
    PinnedPool* pinned = options_.pinned_pool;
    if (pinned == nullptr) {
      HOIST_ASSIGN_OR_RETURN(own_pinned_,
                             PinnedPool::Create({}, options_.pool));
      pinned = own_pinned_.get();
    }
    HOIST_ASSIGN_OR_RETURN(
        destination_,
        MakeCudaDestination(planned_.plan, options_.device.index, *pinned,
                            planned_.slot_count, options_.verify_on_device,
                            options_.trace));
  }
  clock_.End("allocate");
  return absl::OkStatus();
}

absl::Status CatalogLoad::Execute() {
  LoadReport& report = result_.report;
  const EngineInputs inputs = EngineInputsOf(catalog_, planned_.plan, files_,
                                             paths_, *destination_, options_);
  HOIST_ASSIGN_OR_RETURN(const EngineResult executed, ExecutePlan(inputs));
  const EngineTimes& times = executed.times;
  clock_.Take("read", times.read_ns, planned_.plan.read_bytes);
  if (times.verify_ns > 0 && report.verified != Verified::kNone &&
      report.verified != Verified::kNotRecorded) {
    clock_.Take("verify", times.verify_ns, report.bytes);
  }
  if (IsConverted()) {
    clock_.Take("convert", times.convert_ns, report.bytes);
  }
  if (!options_.device.is_cpu()) {
    clock_.Take("upload", times.place_ns, planned_.plan.loaded_bytes);
  }
  clock_.End("wait", /*ago_ns=*/times.finish_ns);
  report.io = FileIoOf(catalog_, planned_.reads, paths_);
  ReportLosses(executed.losses);
  report.peak_host_bytes = planned_.host_bytes;
  report.pinned_bytes = destination_->pinned_bytes();
  report.device_bytes = destination_->device_bytes();
  return absl::OkStatus();
}

absl::Status CatalogLoad::MakeTensors() {
  LoadReport& report = result_.report;
  std::vector<int> places(catalog_.storages.size(), -1);
  for (size_t i = 0; i < planned_.plan.storages.size(); ++i) {
    places[planned_.plan.storages[i].need.storage] = static_cast<int>(i);
  }
  int64_t without_data = 0;
  result_.tensors.Reserve(catalog_.tensors.size());
  for (const TensorEntry& entry : catalog_.tensors) {
    if (!entry.storage) {
      ++without_data;
      continue;
    }
    const int place = places[*entry.storage];
    HOIST_ASSIGN_OR_RETURN(Tensor tensor, MakeTensor(entry, place));
    result_.tensors.Add(entry.name, std::move(tensor));
  }
  if (without_data > 0) {
    report.warnings.push_back(
        absl::StrCat(without_data,
                     " tensors have no data in the file (device \"meta\"), and "
                     "were left out"));
  }
  report.tensor_count = static_cast<int64_t>(result_.tensors.size());
  clock_.End("finish");
  return absl::OkStatus();
}

absl::StatusOr<Tensor> CatalogLoad::MakeTensor(const TensorEntry& entry,
                                               int place) const {
  const LoadPlan::Storage& storage = planned_.plan.storages[place];
  const uint64_t begin_bytes =
      BytesAfterCast(storage.cast, storage.need.begin_bytes);
  if (!storage.cast) {
    return TensorView(entry, begin_bytes, destination_->buffer(place));
  }
  TensorEntry cast_entry = entry;
  cast_entry.spec.dtype = storage.cast->to;
  return TensorView(cast_entry, begin_bytes, destination_->buffer(place));
}

void CatalogLoad::ReportLosses(const std::vector<CastLosses>& losses) {
  if (losses.empty()) {
    return;
  }
  std::vector<CastLosses> by_storage(catalog_.storages.size());
  CastLosses all;
  for (size_t i = 0; i < losses.size(); ++i) {
    by_storage[planned_.plan.storages[i].need.storage] = losses[i];
    all.Add(losses[i]);
  }
  const auto warn = [&](uint64_t CastLosses::*count, absl::string_view what) {
    if (all.*count == 0) {
      return;
    }
    int64_t tensors = 0;
    absl::string_view first;
    for (const TensorEntry& entry : catalog_.tensors) {
      if (entry.storage && by_storage[*entry.storage].*count > 0 &&
          tensors++ == 0) {
        first = entry.name;
      }
    }
    result_.report.warnings.push_back(absl::StrCat(all.*count, " numbers of ",
                                                   tensors, " tensors ", what,
                                                   ", the first in ", first));
  };
  const absl::string_view dtype = DTypeName(*options_.dtype);
  warn(&CastLosses::infinite_count, absl::StrCat("became infinite in ", dtype));
  warn(&CastLosses::nan_count, "are NaN");
}

Verified CatalogLoad::HowVerified() const {
  if (options_.verify_on_device && !options_.device.is_cpu()) {
    return Verified::kDevice;
  }
  if (!options_.verify_checksums) {
    return Verified::kNone;
  }
  return VerifiedByChecksums(catalog_, planned_.plan);
}

bool CatalogLoad::IsConverted() const {
  return std::any_of(
      planned_.plan.storages.begin(), planned_.plan.storages.end(),
      [this](const LoadPlan::Storage& storage) {
        return storage.cast ||
               catalog_.storages[storage.need.storage].swap_bytes > 1;
      });
}

}  // namespace

absl::StatusOr<LoadResult> LoadCatalog(const Catalog& catalog,
                                       CatalogFiles files,
                                       const LoadOptions& options) {
  return CatalogLoad(catalog, files, options).Run();
}

}  // namespace hoist
