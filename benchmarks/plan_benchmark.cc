// Plans the parts of many ranks of a generated model of many tensors, in
// memory.
//
//   bazel run //benchmarks:plan_benchmark

#include <benchmark/benchmark.h>

#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/shard/rank_options.h"
#include "hoist/checkpoint/shard/rank_plan.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/checkpoint/shard/shard_presets.h"

namespace hoist {
namespace {

// As many tensors as wanted, of a transformer's names and shapes.
Catalog ModelOf(int tensors) {
  struct Kind {
    const char* name;
    std::vector<int64_t> shape;
  };
  const Kind kinds[] = {{"self_attn.q_proj.weight", {8192, 8192}},
                        {"self_attn.k_proj.weight", {1024, 8192}},
                        {"self_attn.v_proj.weight", {1024, 8192}},
                        {"self_attn.o_proj.weight", {8192, 8192}},
                        {"mlp.gate_proj.weight", {28672, 8192}},
                        {"mlp.up_proj.weight", {28672, 8192}},
                        {"mlp.down_proj.weight", {8192, 28672}},
                        {"input_layernorm.weight", {8192}},
                        {"post_attention_layernorm.weight", {8192}}};
  Catalog catalog;
  uint64_t at = 0;
  for (int i = 0; i < tensors; ++i) {
    const Kind& kind = kinds[i % 9];
    TensorEntry tensor = {
        .name = absl::StrCat("model.layers.", i / 9, ".", kind.name),
        .spec = *ContiguousSpec(DType::kBfloat16, kind.shape),
        .storage = i};
    const auto size = static_cast<uint64_t>(*LogicalBytes(tensor.spec));
    catalog.storages.push_back({.offset_bytes = at, .size_bytes = size});
    catalog.tensors.push_back(std::move(tensor));
    at += size;
  }
  catalog.files.push_back({.path = "model", .size_bytes = at});
  return catalog;
}

void BM_PlanRanks(benchmark::State& state) {
  const Catalog catalog = ModelOf(static_cast<int>(state.range(0)));
  const auto spec = ShardPreset("llama");
  for (auto _ : state) {
    const auto layout =
        ShardLayout::Create(catalog, *spec, static_cast<int>(state.range(1)));
    if (!layout.ok()) {
      state.SkipWithError(layout.status().ToString().c_str());
      return;
    }
    benchmark::DoNotOptimize(
        PlanRanks(catalog, *layout, RankOptions::kDefaultMaxGapBytes, true));
  }
}
BENCHMARK(BM_PlanRanks)
    ->Args({100'000, 1024})
    ->Args({100'000, 8})
    ->Args({1'000, 8})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::RunBenchmarks(argc, argv); }
