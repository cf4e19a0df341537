// Loads a generated checkpoint, whose file is in the page cache, to the CPU.
//
//   bazel run //benchmarks:load_benchmark -- [--bytes=N]
//
// Beside each load, in the same iteration, the ceiling is measured: how fast as
// many threads copy the same file from the page cache into fresh memory. The
// share of the ceiling is the median over the iterations, each load against the
// ceiling beside it. README.md says more.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "hoist/benchmarks/generated_checkpoint.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

constexpr uint64_t kDefaultBytes = uint64_t{512} << 20;
constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

double Seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

// Calls `work` and returns how long it took. What it returns, the memory read
// into, is released after the time was taken.
template <typename Work>
double TimeOf(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = work();
  const auto end = std::chrono::steady_clock::now();
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    std::abort();
  }
  return Seconds(end - start);
}

// The whole file into fresh memory.
absl::StatusOr<std::shared_ptr<Buffer>> ReadFile(const std::string& path,
                                                 ThreadPool& pool) {
  auto file = OpenFile(path);
  if (!file.ok()) {
    return file.status();
  }
  const uint64_t size = (*file)->size_bytes();
  auto buffer = Buffer::Allocate(size);
  if (!buffer.ok()) {
    return buffer;
  }
  const auto chunks =
      static_cast<int64_t>((size + kChunkBytes - 1) / kChunkBytes);
  const absl::Status read = ParallelFor(pool, chunks, [&](int64_t i) {
    const uint64_t offset = static_cast<uint64_t>(i) * kChunkBytes;
    return (*file)->ReadAt(offset,
                           (*buffer)->host_bytes().subspan(
                               offset, std::min(kChunkBytes, size - offset)));
  });
  return read.ok() ? buffer : read;
}

absl::StatusOr<LoadResult> LoadFile(const std::string& path, ThreadPool& pool,
                                    bool verify) {
  const auto checkpoint = Checkpoint::Open(path);
  if (!checkpoint.ok()) {
    return checkpoint.status();
  }
  return Load(*checkpoint, {.pool = &pool, .verify_checksums = verify});
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void BM_Load(benchmark::State& state, const std::string& path, int threads,
             bool verify) {
  // The caller works too.
  ThreadPool pool(std::max(threads - 1, 1));
  std::vector<double> shares;
  std::vector<double> ceilings;
  const auto bytes = static_cast<double>((*OpenFile(path))->size_bytes());
  // Into the page cache, if it is not there.
  TimeOf([&] { return ReadFile(path, pool); });
  for (auto _ : state) {
    const double ceiling = TimeOf([&] { return ReadFile(path, pool); });
    const double load = TimeOf([&] { return LoadFile(path, pool, verify); });
    state.SetIterationTime(load);
    shares.push_back(100 * ceiling / load);
    ceilings.push_back(bytes / ceiling);
  }
  state.SetBytesProcessed(
      static_cast<int64_t>(bytes * static_cast<double>(state.iterations())));
  state.counters["ceiling"] =
      benchmark::Counter(Median(ceilings), benchmark::Counter::kDefaults,
                         benchmark::Counter::kIs1024);
  state.counters["percent_of_ceiling"] = Median(shares);
}

// Takes --bytes=N out of the command line.
uint64_t TakeBytes(int& argc, char** argv) {
  uint64_t bytes = kDefaultBytes;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    constexpr absl::string_view kFlag = "--bytes=";
    const absl::string_view argument = argv[i];
    if (!absl::StartsWith(argument, kFlag) ||
        !absl::SimpleAtoi(argument.substr(kFlag.size()), &bytes)) {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return bytes;
}

int Main(int argc, char** argv) {
  const uint64_t bytes = TakeBytes(argc, argv);
  // Otherwise malloc learns to hand out the memory of the iteration before,
  // which no program that loads once has.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  const TemporaryFile torch_zip(GenerateTorchZip(bytes));
  const TemporaryFile safetensors(GenerateSafetensors(bytes));
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const auto add = [](const std::string& name, const std::string& path,
                      int threads, bool verify) {
    benchmark::RegisterBenchmark(name.c_str(), BM_Load, path, threads, verify)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("load/torch_zip/verified", torch_zip.path(), cores, true);
  add("load/torch_zip/unverified", torch_zip.path(), cores, false);
  add("load/safetensors", safetensors.path(), cores, true);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
