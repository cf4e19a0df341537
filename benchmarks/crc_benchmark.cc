// Rates of each implementation of CRC-32 that this machine can run, and memcpy
// of the same bytes beside them, by size: sizes that fit each level of cache,
// and one that fits none.
//
//   bazel run //benchmarks:crc_benchmark

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/core/hash/crc32_implementations.h"

namespace hoist {
namespace {

std::vector<uint8_t> SomeBytes(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7);
  }
  return bytes;
}

void BM_Crc32(benchmark::State& state, const Crc32Implementation& crc) {
  const std::vector<uint8_t> bytes =
      SomeBytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(crc.crc32(bytes, 0));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void BM_Memcpy(benchmark::State& state) {
  const std::vector<uint8_t> from =
      SomeBytes(static_cast<size_t>(state.range(0)));
  std::vector<uint8_t> to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// Where the short inputs of a checkpoint are, and where folding begins.
void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t size : {8, 64, 128, 255, 256, 319, 512, 1 << 10, 16 << 10,
                             256 << 10, 1 << 20, 64 << 20}) {
    benchmark->Arg(size);
  }
}

int Main(int argc, char** argv) {
  for (const Crc32Implementation& crc : Crc32Implementations()) {
    benchmark::RegisterBenchmark(absl::StrCat("crc32/", crc.name).c_str(),
                                 BM_Crc32, crc)
        ->Apply(Sizes);
  }
  benchmark::RegisterBenchmark("memcpy", BM_Memcpy)->Apply(Sizes);
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
