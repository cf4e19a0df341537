// The tensor core's operations on one thread of the host.
//
//   bazel run //benchmarks:tensor_ops_benchmark -- [--bytes=N]
//
// Beside each operation, in the same iteration, memcpy is measured, over as
// many bytes as the operation reads and writes. The share of memcpy's rate is
// the median over the iterations, each operation against the memcpy beside it.
// README.md says more.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/core/tensor/ops/byte_planes.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/tensor/ops/dequantize.h"
#include "hoist/core/tensor/ops/digest.h"
#include "hoist/core/tensor/ops/gather.h"
#include "hoist/core/tensor/ops/scan.h"

namespace hoist {
namespace {

using Source = absl::Span<const uint8_t>;
using Destination = absl::Span<uint8_t>;

// The larger of an operation's source and destination: beyond the caches.
constexpr size_t kDefaultBytes = size_t{64} << 20;

// Memory for all operations, first touched before any clock.
struct Memory {
  std::vector<uint8_t> source;
  std::vector<uint8_t> destination;
};

struct Operation {
  std::string name;
  size_t read_bytes;
  size_t written_bytes;
  std::function<absl::Status(Source, Destination)> run;
};

template <typename Work>
double SecondsOf(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void BM_Operation(benchmark::State& state, const Operation& operation,
                  Memory& memory) {
  const size_t moved = operation.read_bytes + operation.written_bytes;
  const Source source = absl::MakeSpan(memory.source);
  const Destination destination = absl::MakeSpan(memory.destination);
  std::vector<double> shares;
  std::vector<double> ceilings;
  for (auto _ : state) {
    const double copy = SecondsOf([&] {
      std::memcpy(destination.data(), source.data(), moved / 2);
      benchmark::ClobberMemory();
    });
    const double run = SecondsOf([&] {
      const absl::Status status =
          operation.run(source.first(operation.read_bytes),
                        destination.first(operation.written_bytes));
      if (!status.ok()) {
        std::cerr << status << "\n";
        std::abort();
      }
    });
    state.SetIterationTime(run);
    shares.push_back(100 * copy / run);
    ceilings.push_back(static_cast<double>(moved) / copy);
  }
  state.SetBytesProcessed(static_cast<int64_t>(moved) * state.iterations());
  state.counters["memcpy"] =
      benchmark::Counter(Median(ceilings), benchmark::Counter::kDefaults,
                         benchmark::Counter::kIs1024);
  state.counters["percent_of_memcpy"] = Median(shares);
}

Operation CastOf(DType from, DType to, size_t bytes) {
  const size_t from_bytes = DTypeBits(from) / 8;
  const size_t to_bytes = DTypeBits(to) / 8;
  const size_t count = bytes / std::max(from_bytes, to_bytes);
  return {absl::StrCat("cast/", DTypeName(from), "/", DTypeName(to)),
          count * from_bytes, count * to_bytes,
          [from, to](Source source, Destination destination) {
            return Cast(from, source, to, destination);
          }};
}

std::vector<Operation> Casts(size_t bytes) {
  const auto narrow = {DType::kFloat8E4m3fn, DType::kFloat8E5m2};
  std::vector<Operation> casts;
  const auto add = [&](DType from, DType to) {
    casts.push_back(CastOf(from, to, bytes));
  };
  for (const DType half : {DType::kBfloat16, DType::kFloat16}) {
    add(half, DType::kFloat32);
    add(DType::kFloat32, half);
  }
  add(DType::kFloat32, DType::kFloat64);
  add(DType::kFloat64, DType::kFloat32);
  for (const DType fp8 : narrow) {
    add(fp8, DType::kBfloat16);
    add(fp8, DType::kFloat16);
    add(fp8, DType::kFloat32);
    add(DType::kFloat32, fp8);
    add(DType::kBfloat16, fp8);
  }
  for (const auto& [integer, real] :
       {std::pair(DType::kInt32, DType::kFloat32),
        std::pair(DType::kInt64, DType::kFloat64),
        std::pair(DType::kInt16, DType::kFloat32),
        std::pair(DType::kInt32, DType::kFloat64)}) {
    add(integer, real);
    add(real, integer);
  }
  return casts;
}

std::vector<Operation> Others(size_t bytes) {
  std::vector<Operation> operations;
  for (const int width : {2, 4, 8}) {
    // In place: each byte is read and written. Of the destination, so that the
    // source of the next operation stays as it is.
    operations.push_back({absl::StrCat("byte_swap/", width), bytes, bytes,
                          [width](Source, Destination destination) {
                            return ByteSwap(destination, width);
                          }});
    operations.push_back({absl::StrCat("byte_planes/", width), bytes, bytes,
                          [width](Source source, Destination destination) {
                            return JoinBytePlanes(source, width, destination);
                          }});
  }
  for (const DType dtype :
       {DType::kUint8, DType::kBfloat16, DType::kFloat32, DType::kFloat64}) {
    const int64_t rows = 4096;
    const int64_t columns =
        static_cast<int64_t>(bytes) / rows / (DTypeBits(dtype) / 8);
    const size_t size = rows * columns * (DTypeBits(dtype) / 8);
    const TensorSpec transposed = {dtype, {columns, rows}, {1, columns}};
    operations.push_back({absl::StrCat("gather/transposed/", DTypeName(dtype)),
                          size, size,
                          [transposed](Source source, Destination destination) {
                            return Gather(transposed, source, destination);
                          }});
  }
  for (const DType to : {DType::kBfloat16, DType::kFloat16, DType::kFloat32}) {
    const QuantizedMatrix matrix = {
        DType::kFloat8E4m3fn, static_cast<int64_t>(bytes) / 4096 / 4, 4096};
    const size_t count = matrix.rows * matrix.columns;
    const std::vector<float> scales(matrix.grid_rows() * matrix.grid_columns(),
                                    0.01f);
    operations.push_back(
        {absl::StrCat("dequantize/", DTypeName(to)), count,
         count * (DTypeBits(to) / 8),
         [matrix, to, scales](Source source, Destination destination) {
           return Dequantize(matrix, source, scales, to, destination);
         }});
  }
  operations.push_back({"crc32c", bytes, 0, [](Source source, Destination) {
                          benchmark::DoNotOptimize(Crc32c(source));
                          return absl::OkStatus();
                        }});
  operations.push_back({"digest64", bytes, 0, [](Source source, Destination) {
                          benchmark::DoNotOptimize(Digest64(source));
                          return absl::OkStatus();
                        }});
  for (const DType dtype :
       {DType::kBfloat16, DType::kFloat32, DType::kFloat64, DType::kInt64}) {
    for (const int bins : {0, 64}) {
      operations.push_back(
          {absl::StrCat("scan/", DTypeName(dtype),
                        bins > 0 ? "/histogram" : ""),
           bytes, 0, [dtype, bins](Source source, Destination) {
             const auto result = Scan(dtype, source, {bins, -4, 4});
             benchmark::DoNotOptimize(result);
             return result.status();
           }});
    }
  }
  return operations;
}

int Main(int argc, char** argv) {
  const size_t bytes = TakeBytes(argc, argv, kDefaultBytes);
  Memory memory = {std::vector<uint8_t>(bytes), std::vector<uint8_t>(bytes)};
  std::mt19937_64 random(1);
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    const uint64_t word = random();
    std::memcpy(&memory.source[i], &word, 8);
  }
  std::vector<Operation> operations = Casts(bytes);
  for (Operation& operation : Others(bytes)) {
    operations.push_back(std::move(operation));
  }
  for (const Operation& operation : operations) {
    benchmark::RegisterBenchmark(operation.name.c_str(),
                                 [&](benchmark::State& state) {
                                   BM_Operation(state, operation, memory);
                                 })
        ->UseManualTime()
        ->MinTime(0.2)
        ->Unit(benchmark::kMillisecond);
  }
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
