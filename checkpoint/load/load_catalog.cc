#include "hoist/checkpoint/load/load_catalog.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/tensor_view.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;

int64_t NanosecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() -
                                                              start)
      .count();
}

absl::StatusOr<std::unique_ptr<StorageSink>> MakeSink(
    const Catalog& catalog, const std::vector<int>& storages,
    const LoadOptions& options) {
  if (options.device.is_cpu()) {
    return MakeHostSink(catalog, storages);
  }
  const int threads =
      options.pool == nullptr ? 1 : options.pool->thread_count() + 1;
  return MakeCudaSink(catalog, storages, options.device.index, threads);
}

Verified HowVerified(const Catalog& catalog, const std::vector<int>& storages,
                     bool verify) {
  if (!verify) {
    return Verified::kNone;
  }
  bool has_some = false;
  bool lacks_some = false;
  for (const int storage : storages) {
    const StorageEntry& entry = catalog.storages[storage];
    if (entry.size_bytes == 0) {
      continue;
    }
    if (entry.crc32) {
      has_some = true;
    } else {
      lacks_some = true;
    }
  }
  if (!has_some) {
    return Verified::kNotRecorded;
  }
  return lacks_some ? Verified::kStructure : Verified::kChecksum;
}

void AddPhases(const LoadTimes& times, bool is_cpu, bool is_converted,
               LoadReport& report) {
  const auto add = [&](const char* name, int64_t sum_ns) {
    report.phases.push_back({.name = name,
                             .time_ns = sum_ns / times.thread_count,
                             .bytes = report.bytes});
  };
  add("read", times.read_ns);
  if (report.verified == Verified::kChecksum ||
      report.verified == Verified::kStructure) {
    add("verify", times.verify_ns);
  }
  if (is_converted) {
    add("convert", times.convert_ns);
  }
  if (!is_cpu) {
    add("upload", times.place_ns);
  }
}

}  // namespace

absl::StatusOr<LoadResult> LoadCatalog(const Catalog& catalog,
                                       CatalogFiles files,
                                       const LoadOptions& options) {
  const auto start = Clock::now();
  LoadResult result;
  LoadReport& report = result.report;
  report.device = options.device;
  report.warnings = catalog.warnings;
  const std::vector<int> storages = UsedStorages(catalog);
  for (const int storage : storages) {
    report.bytes += catalog.storages[storage].size_bytes;
  }
  report.verified = HowVerified(catalog, storages, options.verify_checksums);

  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<StorageSink> sink,
                         MakeSink(catalog, storages, options));
  report.phases.push_back(
      {.name = "allocate", .time_ns = NanosecondsSince(start)});
  HOIST_ASSIGN_OR_RETURN(
      const LoadTimes times,
      LoadStorages(catalog, files, storages, options.verify_checksums,
                   options.pool, *sink));
  const bool is_converted =
      std::any_of(storages.begin(), storages.end(), [&catalog](int storage) {
        return catalog.storages[storage].swap_bytes > 1;
      });
  AddPhases(times, options.device.is_cpu(), is_converted, report);

  int64_t without_data = 0;
  for (const TensorEntry& entry : catalog.tensors) {
    if (!entry.storage) {
      ++without_data;
      continue;
    }
    HOIST_ASSIGN_OR_RETURN(Tensor tensor,
                           TensorView(entry, sink->buffer(*entry.storage)));
    result.tensors.Add(entry.name, std::move(tensor));
  }
  if (without_data > 0) {
    report.warnings.push_back(
        absl::StrCat(without_data,
                     " tensors have no data in the file (device \"meta\"), and "
                     "were left out"));
  }
  for (const FileEntry& file : catalog.files) {
    if (file.content == nullptr) {
      report.io.push_back({.path = file.path,
                           .method = "pread",
                           .reason = "the one method there is"});
    }
  }
  report.tensor_count = static_cast<int64_t>(result.tensors.size());
  report.peak_host_bytes = sink->host_bytes() + sink->pinned_bytes();
  report.pinned_bytes = sink->pinned_bytes();
  report.device_bytes = sink->device_bytes();
  report.time_ns = NanosecondsSince(start);
  return result;
}

}  // namespace hoist
