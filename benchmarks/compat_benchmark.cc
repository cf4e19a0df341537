// Compares state dicts of many tensors, and searches the rules that make them
// fit, as `hoist compat` does on one thread (compare); and all that this verb
// does with two files that are in the page cache, on as many as it takes
// (command). Each of these is to take at most 200 ms.
//
//   bazel run //benchmarks:compat_benchmark

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "hoist/benchmarks/many_tensors.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/checkpoint/compat/compat_report.h"
#include "hoist/tools/commands/command_context.h"
#include "hoist/tools/commands/compat_command.h"
#include "hoist/tools/commands/huge_page_heap.h"

namespace hoist {
namespace {

constexpr int kTensors = 20'000;

// A transformer of about that many tensors in 2,222 layers.
std::vector<TensorOutline> Model(int64_t width, int first_layer) {
  std::vector<TensorOutline> tensors;
  const auto add = [&](std::string name, std::vector<int64_t> shape) {
    tensors.push_back({std::move(name), DType::kFloat32, std::move(shape)});
  };
  constexpr int kPerLayer = 9;
  add("embed_tokens.weight", {1000, width});
  for (int i = first_layer; i < first_layer + kTensors / kPerLayer; ++i) {
    const std::string at = absl::StrCat("layers.", i, ".");
    for (const char* const projection : {"q_proj", "k_proj", "v_proj"}) {
      add(absl::StrCat(at, "self_attn.", projection, ".weight"),
          {width, width});
    }
    add(absl::StrCat(at, "self_attn.o_proj.weight"), {width, width});
    add(absl::StrCat(at, "mlp.gate_proj.weight"), {3 * width, width});
    add(absl::StrCat(at, "mlp.up_proj.weight"), {3 * width, width});
    add(absl::StrCat(at, "mlp.down_proj.weight"), {width, 3 * width});
    add(absl::StrCat(at, "input_layernorm.weight"), {width});
    add(absl::StrCat(at, "post_attention_layernorm.weight"), {width});
  }
  add("norm.weight", {width});
  return tensors;
}

std::vector<TensorOutline> Renamed(
    std::vector<TensorOutline> tensors,
    const std::function<std::string(const std::string&)>& rename) {
  for (TensorOutline& tensor : tensors) {
    tensor.name = rename(tensor.name);
  }
  return tensors;
}

void BM_Compare(benchmark::State& state, std::vector<TensorOutline> file,
                std::vector<TensorOutline> target, bool can_fit) {
  CompatSide a;
  CompatSide b;
  a.tensors = std::move(file);
  b.tensors = std::move(target);
  for (auto _ : state) {
    const CompatReport report = CompareSides(a, b);
    if (report.can_fit() != can_fit) {
      std::cerr << "Not what was expected\n";
      std::abort();
    }
  }
  state.counters["tensors"] = static_cast<double>(a.tensors.size());
}

// A file against itself.
void BM_Command(benchmark::State& state, const std::string& path) {
  std::ostringstream out;
  const CommandContext context = {.out = &out, .err = &out};
  for (auto _ : state) {
    const auto verdict = RunCompat({.path = path, .against = path}, context);
    if (!verdict.ok() || *verdict != CompatVerdict::kFits) {
      std::cerr << verdict.status() << "\n" << out.str();
      std::abort();
    }
    out.str("");
  }
}

void Register() {
  const auto add = [](const std::string& name, std::vector<TensorOutline> file,
                      std::vector<TensorOutline> target, bool can_fit = true) {
    benchmark::RegisterBenchmark(name.c_str(), BM_Compare, std::move(file),
                                 std::move(target), can_fit)
        ->Unit(benchmark::kMillisecond);
  };
  const std::vector<TensorOutline> model = Model(64, 0);
  add("compare/equal", model, model);
  add("compare/prefix",
      Renamed(model,
              [](const std::string& name) {
                return absl::StrCat("module._orig_mod.", name);
              }),
      model);
  add("compare/layers_from_1", Model(64, 1), model);
  add("compare/other_names",
      Renamed(model,
              [](const std::string& name) {
                return absl::StrReplaceAll(
                    name, {{"self_attn", "attention"}, {"_proj", "_linear"}});
              }),
      model, /*can_fit=*/false);  // which of equal shapes is which, it leaves
  add("compare/width", Model(128, 0), model, /*can_fit=*/false);
  add("compare/nothing_alike",
      Renamed(model,
              [](const std::string& name) {
                return std::string(name.rbegin(), name.rend());
              }),
      model, /*can_fit=*/false);
}

void RegisterCommand(const std::string& name, const TemporaryFile& file) {
  benchmark::RegisterBenchmark(absl::StrCat("command/", name).c_str(),
                               BM_Command, file.path())
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) {
  // As the program's is.
  hoist::UseHugePagesForHeap(size_t{256} << 20);
  hoist::Register();
  const hoist::TemporaryFile zip(
      hoist::ManyTensorsTorchZip(hoist::kTensors).content);
  const hoist::TemporaryFile safetensors(
      hoist::ManyTensorsSafetensors(hoist::kTensors).content);
  hoist::RegisterCommand("torch_zip", zip);
  hoist::RegisterCommand("safetensors", safetensors);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
