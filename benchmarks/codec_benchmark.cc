// What the codec of the native format's chunks saves and how fast it is, on one
// thread, beside plain zstd and zstd on byte planes, both of level 1:
// normally distributed weights of three dtypes in chunks of 1 MiB, 64 MiB of
// them, so that they come from memory and go there. `ratio` is what the bytes
// are to what is stored.
//
//   bazel run -c opt //benchmarks:codec_benchmark

#include <benchmark/benchmark.h>
#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/benchmarks/command_line.h"
#include "hoist/core/base/check.h"
#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/byte_planes.h"
#include "hoist/core/tensor/ops/cast.h"

namespace hoist {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kChunks = (size_t{64} << 20) / kChunkBytes;

using Bytes = std::vector<uint8_t>;

Bytes NormalWeights(DType dtype) {
  const size_t width = static_cast<size_t>(DTypeBits(dtype)) / 8;
  const size_t count = kChunks * kChunkBytes / width;
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 0.02F);
  Bytes floats(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    const float number = normal(random);
    std::memcpy(&floats[i * sizeof(number)], &number, sizeof(number));
  }
  if (dtype == DType::kFloat32) {
    return floats;
  }
  Bytes weights(count * width);
  HOIST_CHECK(
      Cast(DType::kFloat32, floats, dtype, absl::MakeSpan(weights)).ok());
  return weights;
}

// One way to make chunks smaller.
class Codec {
 public:
  virtual ~Codec() = default;
  // The bytes to store, good until the next call.
  virtual absl::Span<const uint8_t> Encode(absl::Span<const uint8_t> chunk) = 0;
  virtual void Decode(absl::Span<const uint8_t> stored,
                      absl::Span<uint8_t> chunk) = 0;
};

class HoistCodec : public Codec {
 public:
  explicit HoistCodec(int float_bytes) : float_bytes_(float_bytes) {}
  absl::Span<const uint8_t> Encode(absl::Span<const uint8_t> chunk) override {
    const auto encoded = encoder_.Encode(chunk, float_bytes_);
    HOIST_CHECK(encoded.ok());
    // The same of all of these.
    encoding_ = encoded->encoding;
    return encoded->stored;
  }
  void Decode(absl::Span<const uint8_t> stored,
              absl::Span<uint8_t> chunk) override {
    HOIST_CHECK(decoder_.Decode(encoding_, stored, chunk).ok());
  }

 private:
  const int float_bytes_;
  ChunkEncoding encoding_ = ChunkEncoding::kRaw;
  ChunkEncoder encoder_;
  ChunkDecoder decoder_;
};

class ZstdCodec : public Codec {
 public:
  ~ZstdCodec() override {
    ZSTD_freeCCtx(compressor_);
    ZSTD_freeDCtx(decompressor_);
  }
  absl::Span<const uint8_t> Encode(absl::Span<const uint8_t> chunk) override {
    stored_.resize(ZSTD_compressBound(chunk.size()));
    const size_t size =
        ZSTD_compressCCtx(compressor_, stored_.data(), stored_.size(),
                          chunk.data(), chunk.size(), /*compressionLevel=*/1);
    HOIST_CHECK(!ZSTD_isError(size));
    return absl::MakeConstSpan(stored_).first(size);
  }
  void Decode(absl::Span<const uint8_t> stored,
              absl::Span<uint8_t> chunk) override {
    HOIST_CHECK(ZSTD_decompressDCtx(decompressor_, chunk.data(), chunk.size(),
                                    stored.data(),
                                    stored.size()) == chunk.size());
  }

 private:
  ZSTD_CCtx* const compressor_ = ZSTD_createCCtx();
  ZSTD_DCtx* const decompressor_ = ZSTD_createDCtx();
  Bytes stored_;
};

class BytePlaneCodec : public Codec {
 public:
  explicit BytePlaneCodec(int width) : width_(width) {}
  absl::Span<const uint8_t> Encode(absl::Span<const uint8_t> chunk) override {
    planes_.resize(chunk.size());
    const size_t count = chunk.size() / width_;
    for (size_t i = 0; i < chunk.size(); ++i) {
      planes_[i % width_ * count + i / width_] = chunk[i];
    }
    return zstd_.Encode(planes_);
  }
  void Decode(absl::Span<const uint8_t> stored,
              absl::Span<uint8_t> chunk) override {
    planes_.resize(chunk.size());
    zstd_.Decode(stored, absl::MakeSpan(planes_));
    HOIST_CHECK(JoinBytePlanes(planes_, static_cast<int>(width_), chunk).ok());
  }

 private:
  const size_t width_;
  ZstdCodec zstd_;
  Bytes planes_;
};

std::unique_ptr<Codec> MakeCodec(absl::string_view name, DType dtype) {
  const int width = DTypeBits(dtype) / 8;
  if (name == "hoist") {
    return std::make_unique<HoistCodec>(width);
  }
  if (name == "zstd-1") {
    return std::make_unique<ZstdCodec>();
  }
  return std::make_unique<BytePlaneCodec>(width);
}

absl::Span<const uint8_t> ChunkOf(const Bytes& weights, size_t i) {
  return absl::MakeConstSpan(weights).subspan(i * kChunkBytes, kChunkBytes);
}

void BM_Encode(benchmark::State& state, absl::string_view name, DType dtype) {
  const Bytes weights = NormalWeights(dtype);
  const std::unique_ptr<Codec> codec = MakeCodec(name, dtype);
  for (auto _ : state) {
    for (size_t i = 0; i < kChunks; ++i) {
      benchmark::DoNotOptimize(codec->Encode(ChunkOf(weights, i)));
    }
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(weights.size()));
}

void BM_Decode(benchmark::State& state, absl::string_view name, DType dtype) {
  const Bytes weights = NormalWeights(dtype);
  const std::unique_ptr<Codec> codec = MakeCodec(name, dtype);
  std::vector<Bytes> stored;
  size_t stored_bytes = 0;
  for (size_t i = 0; i < kChunks; ++i) {
    const auto bytes = codec->Encode(ChunkOf(weights, i));
    stored.emplace_back(bytes.begin(), bytes.end());
    stored_bytes += bytes.size();
  }
  Bytes decoded(weights.size());
  for (auto _ : state) {
    for (size_t i = 0; i < kChunks; ++i) {
      codec->Decode(stored[i], absl::MakeSpan(decoded).subspan(i * kChunkBytes,
                                                               kChunkBytes));
    }
    benchmark::ClobberMemory();
  }
  HOIST_CHECK(decoded == weights);
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(weights.size()));
  state.counters["ratio"] =
      static_cast<double>(weights.size()) / static_cast<double>(stored_bytes);
}

int Main(int argc, char** argv) {
  for (const DType dtype :
       {DType::kBfloat16, DType::kFloat16, DType::kFloat32}) {
    for (const absl::string_view name :
         {"hoist", "zstd-1", "zstd-1_byte_planes"}) {
      const auto add = [&](absl::string_view what, auto* function) {
        benchmark::RegisterBenchmark(
            absl::StrCat(what, "/", DTypeName(dtype), "/", name).c_str(),
            [=](benchmark::State& state) { function(state, name, dtype); })
            ->Unit(benchmark::kMillisecond);
      };
      add("decode", &BM_Decode);
      add("encode", &BM_Encode);
    }
  }
  return RunBenchmarks(argc, argv);
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
