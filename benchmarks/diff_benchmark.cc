// Compares generated checkpoints of many small tensors without reading any,
// whose files are in the page cache.
//
//   bazel run //benchmarks:diff_benchmark -- [--tensors=N]
//
// `command` is all that `hoist diff --structure` does, which opens both files
// at once. Each of these is to take at most 200 ms.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/benchmarks/many_tensors.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/diff/diff_checkpoints.h"
#include "hoist/tools/commands/command_context.h"
#include "hoist/tools/commands/diff_command.h"
#include "hoist/tools/commands/huge_page_heap.h"

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

Checkpoint OpenOrDie(const std::string& path) {
  auto checkpoint = Checkpoint::Open(path);
  CheckOk(checkpoint);
  return *std::move(checkpoint);
}

DiffReport Diff(const Catalog& a, const Catalog& b) {
  auto report =
      DiffCheckpoints({a, {}}, {b, {}}, {.level = DiffLevel::kStructure});
  CheckOk(report);
  return *std::move(report);
}

void Register(const std::string& name, const std::string& path) {
  benchmark::RegisterBenchmark(
      ("command/" + name).c_str(),
      [path](benchmark::State& state) {
        std::ostringstream out;
        const CommandContext context = {.out = &out, .err = &out};
        for (auto _ : state) {
          CheckOk(RunDiff({.a = path, .b = path, .structure = true}, context));
          out.str("");
        }
      })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::RegisterBenchmark(
      ("diff/" + name).c_str(),
      [path](benchmark::State& state) {
        const Checkpoint a = OpenOrDie(path);
        const Checkpoint b = OpenOrDie(path);
        for (auto _ : state) {
          benchmark::DoNotOptimize(Diff(a.catalog(), b.catalog()));
        }
      })
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(
      ("diff_renamed/" + name).c_str(),
      [path](benchmark::State& state) {
        const Checkpoint a = OpenOrDie(path);
        Catalog renamed = a.catalog();
        for (TensorEntry& tensor : renamed.tensors) {
          tensor.name = absl::StrCat("module.", tensor.name);
        }
        for (auto _ : state) {
          benchmark::DoNotOptimize(Diff(a.catalog(), renamed));
        }
      })
      ->Unit(benchmark::kMillisecond);
}

int Main(int argc, char** argv) {
  int tensors = kDefaultTensors;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (!absl::ConsumePrefix(&argument, "--tensors=")) {
      argv[kept++] = argv[i];
    } else if (!absl::SimpleAtoi(argument, &tensors) || tensors < 1) {
      std::cerr << "--tensors=" << argument << " is no number of tensors\n";
      return 2;
    }
  }
  argc = kept;
  const TemporaryFile zip(ManyTensorsTorchZip(tensors).content);
  const TemporaryFile safetensors(ManyTensorsSafetensors(tensors).content);
  Register("torch_zip", zip.path());
  Register("safetensors", safetensors.path());
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) {
  // As the program's is.
  hoist::UseHugePagesForHeap(size_t{256} << 20);
  return hoist::Main(argc, argv);
}
