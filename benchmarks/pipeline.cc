// Loads a checkpoint from a disk and over a link of set rates, without either:
// the production code runs over the stand-in for the CUDA runtime.
//
//   bazel run //benchmarks:pipeline -- [--bytes=N]
//
// The ceiling is the slower of the two rates. README.md says more.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/benchmarks/generated_checkpoint.h"
#include "hoist/benchmarks/paced_file.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/cuda/pinned_pool.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

constexpr uint64_t kDefaultBytes = uint64_t{512} << 20;
// As a driver takes for a call, and a link before the first byte (rivals in
// README.md).
constexpr int64_t kCallNs = 1000;
constexpr int64_t kCopyNs = 5000;
// Reading threads sleep most of the time, as they would with a disk.
constexpr int kThreads = 4;

struct Rates {
  const char* name;
  double disk_bytes_per_second;
  double link_bytes_per_second;
};

[[noreturn]] void Die(const absl::Status& status) {
  std::cerr << status << "\n";
  std::abort();
}

void BM_Pipeline(benchmark::State& state, const std::string& content,
                 bool is_zip, const Rates& rates) {
  const MemoryFile header(content);
  const absl::StatusOr<Catalog> catalog =
      is_zip ? ReadTorchZip(header) : ReadSafetensors(header);
  if (!catalog.ok()) {
    Die(catalog.status());
  }
  FakeCudart cuda({.total_bytes = 2 * content.size(),
                   .link_bytes_per_second = rates.link_bytes_per_second,
                   .copy_latency_ns = kCopyNs,
                   .call_latency_ns = kCallNs,
                   .checked_bytes_per_copy = 4096});
  ThreadPool threads(kThreads - 1);
  auto pool = PinnedPool::Create({}, &threads);
  if (!pool.ok()) {
    Die(pool.status());
  }
  const std::vector<std::shared_ptr<const RandomAccessFile>> files = {
      std::make_shared<PacedFile>(content, rates.disk_bytes_per_second)};
  const double ceiling =
      std::min(rates.disk_bytes_per_second, rates.link_bytes_per_second);
  uint64_t bytes = 0;
  // What it returns goes after the clock has stopped: to free the stand-in's
  // memory takes as long as to unmap that of the host.
  const auto load = [&] {
    absl::StatusOr<LoadResult> result =
        LoadCatalog(*catalog, files,
                    {.device = Device::Cuda(0),
                     .pool = &threads,
                     .pinned_pool = pool->get()});
    bytes = result.ok() ? result->report.bytes : 0;
    return result;
  };
  std::vector<double> shares;
  // The first load of a process pins its memory, the others do not.
  bool is_first = true;
  double first_share = 0;
  for (auto _ : state) {
    for (const bool is_measured : {false, true}) {
      if (!is_measured && !is_first) {
        continue;
      }
      // Of the device's memory, not of the first touch of what stands for it.
      cuda.PrepareMemory(content.size() + content.size() / 4);
      const absl::StatusOr<double> seconds = SecondsOf(load);
      if (!seconds.ok()) {
        Die(seconds.status());
      }
      const double share =
          100 * static_cast<double>(bytes) / *seconds / ceiling;
      if (is_first) {
        first_share = share;
        is_first = false;
      } else {
        shares.push_back(share);
        state.SetIterationTime(*seconds);
      }
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
  state.counters["percent_of_ceiling"] = Median(shares);
  state.counters["percent_when_first"] = first_share;
  state.counters["peak_pinned"] = benchmark::Counter(
      static_cast<double>(cuda.peak_pinned_bytes()),
      benchmark::Counter::kDefaults, benchmark::Counter::kIs1024);
}

int Main(int argc, char** argv) {
  const uint64_t bytes = TakeBytes(argc, argv, kDefaultBytes);
  const std::string large = GenerateTorchZip(Contents::kLarge, bytes);
  const std::string small = GenerateTorchZip(Contents::kSmall, bytes);
  const std::string safetensors = GenerateSafetensors(Contents::kSmall, bytes);
  constexpr Rates kRates[] = {{"disk_1_link_4", 0.5e9, 2e9},
                              {"disk_1_link_1", 1e9, 1e9},
                              {"disk_4_link_1", 2e9, 0.5e9}};
  const auto add = [](absl::string_view name, const std::string& content,
                      bool is_zip, const Rates& rates) {
    benchmark::RegisterBenchmark(
        absl::StrCat("pipeline/", name, "/", rates.name).c_str(), BM_Pipeline,
        content, is_zip, rates)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const Rates& rates : kRates) {
    add("large/torch_zip", large, true, rates);
    add("small/torch_zip", small, true, rates);
    add("small/safetensors", safetensors, false, rates);
  }
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
