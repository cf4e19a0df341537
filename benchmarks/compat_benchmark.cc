// Compares state dicts of many tensors, and searches the rules that make them
// fit, as `hoist compat` does; and all of it with two files that are in the
// page cache, on one thread (`hoist compat` opens the two at once). Each of
// these is to take at most 200 ms.
//
//   bazel run //benchmarks:compat_benchmark

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "hoist/benchmarks/many_tensors.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/compat/compat_report.h"
#include "hoist/checkpoint/compat/torch_use.h"
#include "hoist/core/io/memory_file.h"
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

// Opens both, asks what releases read the one, and compares them.
void BM_Files(benchmark::State& state, const ManyTensorsFile& content) {
  const auto file = std::make_shared<MemoryFile>(content.content);
  for (auto _ : state) {
    const auto a = Checkpoint::Open(file);
    const auto b = Checkpoint::Open(file);
    if (!a.ok() || !b.ok()) {
      std::abort();
    }
    benchmark::DoNotOptimize(TorchUseOf(*a));
    if (!CompareSides(SideOf(a->catalog()), SideOf(b->catalog())).fits()) {
      std::abort();
    }
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
  benchmark::RegisterBenchmark("files/torch_zip", BM_Files,
                               ManyTensorsTorchZip(kTensors))
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("files/safetensors", BM_Files,
                               ManyTensorsSafetensors(kTensors))
      ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) {
  // As the program's is.
  hoist::UseHugePagesForHeap(size_t{256} << 20);
  hoist::Register();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
