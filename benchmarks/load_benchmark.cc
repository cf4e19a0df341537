// Loads generated checkpoints to the CPU, whose files are in the page cache
// (warm) or not (cold).
//
//   bazel run //benchmarks:load_benchmark -- [--bytes=N]
//       [--benchmark_filter=large/torch_zip]
//
// Beside each load, in the same iteration, the ceiling is measured: the rate at
// which the same file is read into fresh huge pages, from the page cache by as
// many threads, or past it. The share of the ceiling is the median over the
// iterations, each load against the ceiling beside it. README.md says more.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/benchmarks/evict.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/generated_checkpoint.h"
#include "hoist/benchmarks/host_rates.h"
#include "hoist/benchmarks/process_usage.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Scenario {
  const char* name;
  Contents contents;
  uint64_t bytes;
};

struct Dialect {
  const char* name;
  std::string (*generate)(Contents contents, uint64_t bytes);
  bool has_checksums;
};

constexpr Dialect kDialects[] = {
    {"torch_zip", GenerateTorchZip, true},
    {"torch_legacy", GenerateTorchLegacy, false},
    {"safetensors", GenerateSafetensors, false},
};

// The file that is benchmarked now: they are large, and there are many.
class CurrentFile {
 public:
  const std::string& Get(const Scenario& scenario, const Dialect& dialect) {
    std::string name = absl::StrCat(scenario.name, dialect.name);
    if (name != name_) {
      file_ = std::make_unique<TemporaryFile>(
          dialect.generate(scenario.contents, scenario.bytes));
      name_ = std::move(name);
    }
    return file_->path();
  }

 private:
  std::string name_;
  std::unique_ptr<TemporaryFile> file_;
};

// The fastest of what HostRates() has to read `path` with.
absl::StatusOr<Rate> FastestRead(const std::string& path, bool is_cold,
                                 int threads) {
  HOIST_ASSIGN_OR_RETURN(std::shared_ptr<const RandomAccessFile> file,
                         OpenFile(path));
  std::optional<Rate> fastest;
  double least_seconds = 0;
  for (Rate& rate : HostRates(std::move(file), {threads})) {
    if (rate.name == (is_cold ? "read_direct" : "read_huge")) {
      HOIST_ASSIGN_OR_RETURN(const double seconds, rate.measure());
      if (!fastest || seconds < least_seconds) {
        least_seconds = seconds;
        fastest = std::move(rate);
      }
    }
  }
  return *std::move(fastest);
}

// One load, and what it took.
struct Loaded {
  double seconds = 0;
  uint64_t peak_beyond_tensors_bytes = 0;
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
};

absl::StatusOr<Loaded> LoadOnce(const std::string& path, bool is_cold,
                                bool verify, ThreadPool& pool,
                                uint64_t ballast_bytes) {
  HOIST_RETURN_IF_ERROR(is_cold ? EvictFromPageCache(path)
                                : WarmPageCache(path));
  HOIST_RETURN_IF_ERROR(TouchAndFreeBallast(ballast_bytes, &pool));
  ResetPeakResidentBytes();
  HOIST_ASSIGN_OR_RETURN(const ProcessUsage before, GetProcessUsage());
  uint64_t tensor_bytes = 0;
  ProcessUsage after;
  Loaded loaded;
  HOIST_ASSIGN_OR_RETURN(
      loaded.seconds, SecondsOf([&]() -> absl::StatusOr<LoadResult> {
        HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                               Checkpoint::Open(path, {.pool = &pool}));
        HOIST_ASSIGN_OR_RETURN(
            LoadResult result,
            Load(checkpoint, {.pool = &pool, .verify_checksums = verify}));
        tensor_bytes = result.report.bytes;
        HOIST_ASSIGN_OR_RETURN(after, GetProcessUsage());
        return result;
      }));
  const uint64_t needed = before.resident_bytes + tensor_bytes;
  loaded.peak_beyond_tensors_bytes =
      std::max(after.peak_resident_bytes, needed) - needed;
  loaded.minor_faults = after.minor_faults - before.minor_faults;
  loaded.major_faults = after.major_faults - before.major_faults;
  return loaded;
}

absl::Status Measure(benchmark::State& state, const std::string& path,
                     int threads, bool is_cold, bool verify) {
  // The caller works too.
  ThreadPool pool(std::max(threads - 1, 1));
  HOIST_ASSIGN_OR_RETURN(const Rate ceiling,
                         FastestRead(path, is_cold, threads));
  const auto bytes = static_cast<double>(ceiling.bytes);
  std::vector<double> shares;
  std::vector<double> ceilings;
  std::vector<double> peaks;
  std::vector<double> minor_faults;
  std::vector<double> major_faults;
  for (auto _ : state) {
    HOIST_ASSIGN_OR_RETURN(const double best, ceiling.measure());
    // What is read through the page cache takes memory there as well.
    HOIST_ASSIGN_OR_RETURN(
        const Loaded loaded,
        LoadOnce(path, is_cold, verify, pool,
                 is_cold ? 2 * ceiling.bytes : ceiling.bytes));
    state.SetIterationTime(loaded.seconds);
    shares.push_back(100 * best / loaded.seconds);
    ceilings.push_back(bytes / best);
    peaks.push_back(static_cast<double>(loaded.peak_beyond_tensors_bytes));
    minor_faults.push_back(static_cast<double>(loaded.minor_faults));
    major_faults.push_back(static_cast<double>(loaded.major_faults));
  }
  const auto counter = [&state](const char* name, double value) {
    state.counters[name] = benchmark::Counter(
        value, benchmark::Counter::kDefaults, benchmark::Counter::kIs1024);
  };
  state.SetBytesProcessed(
      static_cast<int64_t>(bytes * static_cast<double>(state.iterations())));
  counter("ceiling", Median(ceilings));
  counter("peak_beyond_tensors", Median(peaks));
  state.counters["percent_of_ceiling"] = Median(shares);
  state.counters["minor_faults"] = Median(minor_faults);
  state.counters["major_faults"] = Median(major_faults);
  state.counters["huge_pages"] =
      bytes / static_cast<double>(FreshMemory::kAlignmentBytes);
  return absl::OkStatus();
}

void Register(const Scenario& scenario, const Dialect& dialect, bool is_cold,
              bool verify, int threads, CurrentFile& file) {
  std::string name =
      absl::StrCat("load/", scenario.name, "/", dialect.name,
                   is_cold ? "/cold" : "/warm", verify ? "" : "/unverified");
  benchmark::RegisterBenchmark(
      name.c_str(),
      [scenario, &dialect, is_cold, verify, threads,
       &file](benchmark::State& state) {
        const absl::Status status = Measure(state, file.Get(scenario, dialect),
                                            threads, is_cold, verify);
        if (!status.ok()) {
          state.SkipWithError(std::string(status.message()).c_str());
        }
      })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

int Main(int argc, char** argv) {
  const Scenario scenarios[] = {
      {"large", Contents::kLarge, TakeBytes(argc, argv, 512 * kMiB)},
      {"small", Contents::kSmall, 300 * kMiB},
      {"training", Contents::kTraining, 600 * kMiB},
  };
  // Otherwise malloc learns to hand out the memory of the iteration before,
  // which no program that loads once has.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  const int cores =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  CurrentFile file;
  for (const Scenario& scenario : scenarios) {
    for (const Dialect& dialect : kDialects) {
      for (const bool is_cold : {false, true}) {
        Register(scenario, dialect, is_cold, /*verify=*/true, cores, file);
        if (dialect.has_checksums) {
          Register(scenario, dialect, is_cold, /*verify=*/false, cores, file);
        }
      }
    }
  }
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
