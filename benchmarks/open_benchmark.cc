// Opens generated checkpoints of many small tensors, whose files are in the
// page cache; and reads the pickle of one alone.
//
//   bazel run //benchmarks:open_benchmark -- [--tensors=N]
//   bazel run //benchmarks:open_benchmark -- --write=FOLDER
//
// Beside each, in the same iteration, a ceiling is measured: how fast what
// describes the tensors is read from the page cache into fresh memory, and how
// fast the pickle is gone through by the lengths of its opcodes. README.md says
// more.

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/benchmarks/many_tensors.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/pickle_stream.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/tools/ui/catalog_view.h"
#include "hoist/tools/ui/terminal.h"

namespace {

std::atomic<int64_t> allocations = 0;

}  // namespace

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size);
  if (memory == nullptr) {
    std::abort();
  }
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace hoist {
namespace {

constexpr int kDefaultTensors = 20'000;

template <typename T>
void CheckOk(const T& result) {
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    std::abort();
  }
}

// The time of `work` in seconds, without that of releasing what it returns.
template <typename Work>
double TimeOf(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = work();
  const auto end = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(&result);
  return std::chrono::duration<double>(end - start).count();
}

// Runs `work`, which takes `bytes` bytes, against `ceiling` beside it.
template <typename Work, typename Ceiling>
void Measure(benchmark::State& state, int tensors, uint64_t bytes,
             const Work& work, const Ceiling& ceiling) {
  std::vector<double> shares;
  std::vector<double> ceilings;
  const int64_t before = allocations;
  { benchmark::DoNotOptimize(work()); }
  const int64_t made = allocations - before;
  for (auto _ : state) {
    const double best = TimeOf(ceiling);
    const double time = TimeOf(work);
    state.SetIterationTime(time);
    shares.push_back(100 * best / time);
    ceilings.push_back(static_cast<double>(bytes) / best);
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
  state.counters["ceiling"] =
      benchmark::Counter(Median(ceilings), benchmark::Counter::kDefaults,
                         benchmark::Counter::kIs1024);
  state.counters["percent_of_ceiling"] = Median(shares);
  state.counters["allocations_per_tensor"] =
      static_cast<double>(made) / static_cast<double>(tensors);
}

// With `with_view` also makes the text that `hoist inspect` prints.
void BM_Open(benchmark::State& state, const std::string& path,
             const ManyTensorsFile& file, int tensors, bool with_view) {
  uint64_t bytes = 0;
  for (const auto& [offset, size] : file.descriptions) {
    bytes += size;
  }
  const auto read = [&path, &file] {
    const auto opened = OpenFile(path);
    CheckOk(opened);
    std::vector<std::unique_ptr<uint8_t[]>> parts;
    for (const auto& [offset, size] : file.descriptions) {
      parts.push_back(std::make_unique_for_overwrite<uint8_t[]>(size));
      const absl::Status status =
          (*opened)->ReadAt(offset, {parts.back().get(), size});
      if (!status.ok()) {
        std::abort();
      }
    }
    return parts;
  };
  const auto open = [&path, with_view] {
    auto checkpoint = Checkpoint::Open(path);
    CheckOk(checkpoint);
    std::string view;
    if (with_view) {
      view = CatalogView(checkpoint->catalog(), path,
                         checkpoint->catalog().warnings, Terminal());
    }
    return std::pair(std::move(checkpoint), std::move(view));
  };
  Measure(state, tensors, bytes, open, read);
}

// What a pickle makes, kept together so that its release is not measured.
struct ReadTensors {
  std::unique_ptr<TorchVocabulary> vocabulary;
  ValueGraph graph;
};

void BM_Pickle(benchmark::State& state, const std::string& pickle,
               int tensors) {
  const absl::Span<const uint8_t> bytes(
      reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size());
  const auto scan = [&bytes] {
    PickleExtent extent;
    if (!extent.Scan(bytes)) {
      std::abort();
    }
    return extent.size_bytes();
  };
  const auto read = [&bytes] {
    ReadTensors made;
    int storages = 0;
    made.vocabulary = std::make_unique<TorchVocabulary>(
        [&storages](ValueGraph&,
                    Value id) -> absl::StatusOr<TorchVocabulary::Persistent> {
          return PickledStorage{.index = storages++,
                                .dtype = *StorageClassDType(id[1].AsString()),
                                .location = std::string(id[3].AsString())};
        });
    CheckOk(ReadPickle(bytes, *made.vocabulary, made.graph));
    return made;
  };
  Measure(state, tensors, pickle.size(), read, scan);
  state.counters["values_per_tensor"] =
      static_cast<double>(read().graph.size()) / static_cast<double>(tensors);
}

// Takes --NAME=VALUE out of the command line; "" if it is not there.
std::string TakeFlag(const std::string& name, int& argc, char** argv) {
  const std::string prefix = absl::StrCat("--", name, "=");
  std::string value;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (absl::StartsWith(argv[i], prefix)) {
      value = std::string(argv[i]).substr(prefix.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return value;
}

// For measuring whole programs.
int WriteFiles(const std::string& folder, int tensors) {
  const auto write = [&folder](const char* name, const ManyTensorsFile& file) {
    const std::string path = absl::StrCat(folder, "/", name);
    std::ofstream out(path, std::ios::binary);
    out << file.content;
    out.close();
    if (!out.good()) {
      std::cerr << "Could not write " << path << "\n";
      return false;
    }
    std::cout << path << "\n";
    return true;
  };
  return write("many.pt", ManyTensorsTorchZip(tensors)) &&
                 write("many_legacy.pt", ManyTensorsTorchLegacy(tensors)) &&
                 write("many.safetensors", ManyTensorsSafetensors(tensors))
             ? 0
             : 2;
}

int Main(int argc, char** argv) {
  int tensors = kDefaultTensors;
  const std::string wanted = TakeFlag("tensors", argc, argv);
  if (!wanted.empty() && (!absl::SimpleAtoi(wanted, &tensors) || tensors < 1)) {
    std::cerr << "--tensors=" << wanted << " is no number of tensors\n";
    return 2;
  }
  const std::string folder = TakeFlag("write", argc, argv);
  if (!folder.empty()) {
    return WriteFiles(folder, tensors);
  }
  const ManyTensorsFile torch_zip = ManyTensorsTorchZip(tensors);
  const ManyTensorsFile torch_legacy = ManyTensorsTorchLegacy(tensors);
  const ManyTensorsFile safetensors = ManyTensorsSafetensors(tensors);
  const std::string pickle = ManyTensorsPickle(tensors);
  std::vector<std::unique_ptr<TemporaryFile>> files;
  const auto add = [&](const char* name, const ManyTensorsFile& file,
                       bool with_view = false) {
    files.push_back(std::make_unique<TemporaryFile>(file.content));
    benchmark::RegisterBenchmark(name, BM_Open, files.back()->path(),
                                 std::cref(file), tensors, with_view)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("open/torch_zip", torch_zip);
  add("open/torch_legacy", torch_legacy);
  add("open/safetensors", safetensors);
  add("inspect/torch_zip", torch_zip, /*with_view=*/true);
  benchmark::RegisterBenchmark("pickle", BM_Pickle, std::cref(pickle), tensors)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
