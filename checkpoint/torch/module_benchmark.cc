// Fills tensors of LibTorch's that exist from a generated checkpoint in the
// page cache, in each way that LoadIntoTensors() has, beside a load into memory
// of its own.
//
//   bazel run //checkpoint/torch:module_benchmark -- [--bytes=N]
//
// benchmarks/README.md says more.

#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <torch/ordered_dict.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/benchmarks/evict.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/generated_checkpoint.h"
#include "hoist/benchmarks/process_usage.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/load_into_module.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Way {
  std::string name;
  // A load, into memory of its own.
  bool is_load = false;
  std::optional<uint64_t> max_extra_bytes;
  at::ScalarType dtype = at::kFloat;  // of the targets; the file has float32
};

// What it took, besides the tensors.
struct Filled {
  uint64_t peak_bytes = 0;      // as the system has it
  uint64_t reported_bytes = 0;  // as the report says
};

absl::StatusOr<libtorch::TensorMap> TargetsOf(const std::string& path,
                                              at::ScalarType dtype) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  libtorch::TensorMap targets;
  for (const TensorEntry& tensor : checkpoint.catalog().tensors) {
    // Touched, as a module's are that was initialised.
    targets.insert(tensor.name, at::zeros(tensor.spec.shape, dtype).fill_(1));
  }
  return targets;
}

absl::StatusOr<Filled> FillOnce(const std::string& path, const Way& way,
                                const libtorch::TensorMap& targets,
                                ThreadPool& pool) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(path, {.pool = &pool}));
  if (way.is_load) {
    HOIST_ASSIGN_OR_RETURN(const LoadResult loaded,
                           Load(checkpoint, {.pool = &pool}));
    HOIST_ASSIGN_OR_RETURN(const ProcessUsage usage, GetProcessUsage());
    return Filled{.peak_bytes = usage.peak_resident_bytes,
                  .reported_bytes = loaded.report.peak_host_bytes};
  }
  libtorch::LoadIntoOptions options;
  options.max_extra_bytes = way.max_extra_bytes;
  options.load.pool = &pool;
  HOIST_ASSIGN_OR_RETURN(
      const libtorch::LoadIntoReport report,
      libtorch::LoadIntoTensors(checkpoint, targets, options));
  HOIST_ASSIGN_OR_RETURN(const ProcessUsage usage, GetProcessUsage());
  return Filled{.peak_bytes = usage.peak_resident_bytes,
                .reported_bytes = report.extra_bytes};
}

absl::Status Measure(benchmark::State& state, const std::string& path,
                     const Way& way, uint64_t bytes, int threads) {
  ThreadPool pool(std::max(threads - 1, 1));
  libtorch::TensorMap targets;
  if (!way.is_load) {
    HOIST_ASSIGN_OR_RETURN(targets, TargetsOf(path, way.dtype));
  }
  std::vector<double> peaks;
  std::vector<double> reported;
  for (auto _ : state) {
    HOIST_RETURN_IF_ERROR(WarmPageCache(path));
    HOIST_RETURN_IF_ERROR(TouchAndFreeBallast(bytes, &pool));
    ResetPeakResidentBytes();
    HOIST_ASSIGN_OR_RETURN(const ProcessUsage before, GetProcessUsage());
    Filled filled;
    HOIST_ASSIGN_OR_RETURN(
        const double seconds, SecondsOf([&]() -> absl::StatusOr<Filled> {
          HOIST_ASSIGN_OR_RETURN(filled, FillOnce(path, way, targets, pool));
          return filled;
        }));
    state.SetIterationTime(seconds);
    peaks.push_back(
        static_cast<double>(std::max(filled.peak_bytes, before.resident_bytes) -
                            before.resident_bytes));
    reported.push_back(static_cast<double>(filled.reported_bytes));
  }
  const auto counter = [&state](const char* name, double value) {
    state.counters[name] = benchmark::Counter(
        value, benchmark::Counter::kDefaults, benchmark::Counter::kIs1024);
  };
  state.SetBytesProcessed(static_cast<int64_t>(bytes) *
                          static_cast<int64_t>(state.iterations()));
  counter("peak_beyond_targets", Median(peaks));
  counter("reported", Median(reported));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const uint64_t bytes = TakeBytes(argc, argv, 512 * kMiB);
  // As load_benchmark does.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  const int cores =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::unique_ptr<TemporaryFile> file;
  const std::vector<Way> ways = {
      {.name = "load", .is_load = true},
      {.name = "default"},
      {.name = "max_extra/4MiB", .max_extra_bytes = 4 * kMiB},
      {.name = "max_extra/64MiB", .max_extra_bytes = 64 * kMiB},
      {.name = "half/default", .dtype = at::kHalf},
      {.name = "half/max_extra/64MiB",
       .max_extra_bytes = 64 * kMiB,
       .dtype = at::kHalf},
  };
  for (const Way& way : ways) {
    benchmark::RegisterBenchmark(
        absl::StrCat("fill/", way.name).c_str(),
        [&file, &way, bytes, cores](benchmark::State& state) {
          if (file == nullptr) {
            file = std::make_unique<TemporaryFile>(
                GenerateTorchZip(Contents::kLarge, bytes));
          }
          const absl::Status status =
              Measure(state, file->path(), way, bytes, cores);
          if (!status.ok()) {
            state.SkipWithError(std::string(status.message()).c_str());
          }
        })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
