#include "hoist/core/compress/chunk_codec.h"

#include <array>
#include <cstring>
#include <optional>
#include <utility>

// How literals are compressed is none of zstd's stable parameters.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/float_planes.h"

namespace hoist {
namespace {

constexpr size_t kMaxPlanes = 8;
constexpr size_t kSizeBytes = sizeof(uint32_t);
// A code for each byte and no search for repeats: what exponents of trained
// weights allow, and what decodes fastest.
constexpr int kEntropyLevel = -131072;
// Where bytes take less than 2 of their 8 bits so, repeats are searched for.
constexpr size_t kWorthSearching = 4;
constexpr int kSearchLevel = 3;

// What is stored saves 1/20 of `size` at least.
bool SavesEnough(size_t stored, size_t size) {
  return stored <= size - (size + 19) / 20;
}

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* context) const {
    kFree(context);
  }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, Free<ZSTD_freeCCtx>>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, Free<ZSTD_freeDCtx>>;

// Of the planes of an encoding; 0 of others.
size_t PlaneCount(ChunkEncoding encoding) {
  switch (encoding) {
    case ChunkEncoding::kFloatPlanes2:
      return 2;
    case ChunkEncoding::kFloatPlanes4:
      return 4;
    case ChunkEncoding::kFloatPlanes8:
      return 8;
    default:
      return 0;
  }
}

absl::Status NoMemory() {
  return absl::ResourceExhaustedError("Cannot allocate a zstd context");
}

}  // namespace

struct ChunkEncoder::State {
  // The frame of `bytes` at the end of `stored`, or the bytes themselves if
  // that does not save enough; returns how many bytes were added.
  absl::StatusOr<size_t> Append(absl::Span<const uint8_t> bytes,
                                std::vector<uint8_t>& stored);
  absl::StatusOr<size_t> Compress(absl::Span<const uint8_t> bytes, int level,
                                  absl::Span<uint8_t> frame);
  absl::Status Planes(absl::Span<const uint8_t> chunk, size_t planes);

  Compressor compressor;
  std::vector<uint8_t> stored;
  std::vector<uint8_t> planes;
  std::vector<uint8_t> searched;
};

absl::StatusOr<size_t> ChunkEncoder::State::Compress(
    absl::Span<const uint8_t> bytes, int level, absl::Span<uint8_t> frame) {
  if (compressor == nullptr) {
    compressor.reset(ZSTD_createCCtx());
    if (compressor == nullptr) {
      return NoMemory();
    }
  }
  const ZSTD_literalCompressionMode_e literals =
      level == kEntropyLevel ? ZSTD_lcm_huffman : ZSTD_lcm_auto;
  for (const auto& [parameter, value] :
       {std::pair(ZSTD_c_compressionLevel, level),
        std::pair(ZSTD_c_literalCompressionMode, static_cast<int>(literals))}) {
    HOIST_CHECK(!ZSTD_isError(
        ZSTD_CCtx_setParameter(compressor.get(), parameter, value)));
  }
  const size_t size = ZSTD_compress2(compressor.get(), frame.data(),
                                     frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) {
    return ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation
               ? NoMemory()
               : absl::InternalError(absl::StrCat("Zstd cannot compress: ",
                                                  ZSTD_getErrorName(size)));
  }
  return size;
}

absl::StatusOr<size_t> ChunkEncoder::State::Append(
    absl::Span<const uint8_t> bytes, std::vector<uint8_t>& to) {
  const size_t begin = to.size();
  to.resize(begin + ZSTD_compressBound(bytes.size()));
  HOIST_ASSIGN_OR_RETURN(
      size_t size,
      Compress(bytes, kEntropyLevel, absl::MakeSpan(to).subspan(begin)));
  if (size < bytes.size() / kWorthSearching) {
    searched.resize(ZSTD_compressBound(bytes.size()));
    HOIST_ASSIGN_OR_RETURN(
        const size_t other,
        Compress(bytes, kSearchLevel, absl::MakeSpan(searched)));
    if (SavesEnough(other, size)) {
      std::memcpy(to.data() + begin, searched.data(), other);
      size = other;
    }
  }
  if (!SavesEnough(size, bytes.size())) {
    std::memcpy(to.data() + begin, bytes.data(), bytes.size());
    size = bytes.size();
  }
  to.resize(begin + size);
  return size;
}

absl::Status ChunkEncoder::State::Planes(absl::Span<const uint8_t> chunk,
                                         size_t count) {
  planes.resize(chunk.size());
  const size_t plane_bytes = chunk.size() / count;
  std::array<uint8_t*, kMaxPlanes> pointers{};
  for (size_t i = 0; i < count; ++i) {
    pointers[i] = planes.data() + i * plane_bytes;
  }
  SplitFloatPlanes(chunk, absl::MakeSpan(pointers).first(count));
  stored.assign(count * kSizeBytes, 0);
  for (size_t i = 0; i < count; ++i) {
    HOIST_ASSIGN_OR_RETURN(
        const size_t size,
        Append(absl::MakeConstSpan(pointers[i], plane_bytes), stored));
    StoreLittleEndian(static_cast<uint32_t>(size),
                      stored.data() + i * kSizeBytes);
  }
  return absl::OkStatus();
}

ChunkEncoder::ChunkEncoder() : state_(std::make_unique<State>()) {}
ChunkEncoder::~ChunkEncoder() = default;

absl::StatusOr<ChunkEncoder::Encoded> ChunkEncoder::Encode(
    absl::Span<const uint8_t> chunk, int float_bytes) {
  if (chunk.size() > kMaxEncodedChunkBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("A chunk of ", chunk.size(), " bytes exceeds the ",
                     kMaxEncodedChunkBytes, " that are encoded at once"));
  }
  if (chunk.empty()) {
    return Encoded{.stored = chunk};
  }
  ChunkEncoding encoding = ChunkEncoding::kZstd;
  for (const ChunkEncoding planes :
       {ChunkEncoding::kFloatPlanes2, ChunkEncoding::kFloatPlanes4,
        ChunkEncoding::kFloatPlanes8}) {
    if (static_cast<int>(PlaneCount(planes)) == float_bytes &&
        chunk.size() % PlaneCount(planes) == 0) {
      encoding = planes;
    }
  }
  if (encoding == ChunkEncoding::kZstd) {
    state_->stored.clear();
    HOIST_RETURN_IF_ERROR(state_->Append(chunk, state_->stored).status());
  } else {
    HOIST_RETURN_IF_ERROR(state_->Planes(chunk, PlaneCount(encoding)));
  }
  if (!SavesEnough(state_->stored.size(), chunk.size())) {
    return Encoded{.encoding = ChunkEncoding::kRaw, .stored = chunk};
  }
  return Encoded{.encoding = encoding, .stored = state_->stored};
}

struct ChunkDecoder::State {
  absl::Status Decompress(absl::Span<const uint8_t> frame,
                          absl::Span<uint8_t> out);
  absl::Status Planes(absl::Span<const uint8_t> stored, size_t count,
                      absl::Span<uint8_t> chunk);

  Decompressor decompressor;
  std::vector<uint8_t> planes;
};

absl::Status ChunkDecoder::State::Decompress(absl::Span<const uint8_t> frame,
                                             absl::Span<uint8_t> out) {
  if (decompressor == nullptr) {
    decompressor.reset(ZSTD_createDCtx());
    if (decompressor == nullptr) {
      return NoMemory();
    }
  }
  const size_t size = ZSTD_decompressDCtx(
      decompressor.get(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) {
    return ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation
               ? NoMemory()
               : absl::DataLossError(absl::StrCat("Zstd frame is damaged: ",
                                                  ZSTD_getErrorName(size)));
  }
  if (size != out.size()) {
    return absl::DataLossError(absl::StrCat("Zstd frame holds ", size,
                                            " bytes, and not ", out.size()));
  }
  return absl::OkStatus();
}

absl::Status ChunkDecoder::State::Planes(absl::Span<const uint8_t> stored,
                                         size_t count,
                                         absl::Span<uint8_t> chunk) {
  if (chunk.size() % count != 0 || stored.size() < count * kSizeBytes) {
    return absl::DataLossError(absl::StrCat(
        stored.size(), " bytes are no ", count, " planes of ", chunk.size()));
  }
  const size_t plane_bytes = chunk.size() / count;
  std::array<const uint8_t*, kMaxPlanes> pointers{};
  absl::Span<const uint8_t> left = stored.subspan(count * kSizeBytes);
  planes.resize(chunk.size());
  for (size_t i = 0; i < count; ++i) {
    const size_t size =
        LoadLittleEndian<uint32_t>(stored.data() + i * kSizeBytes);
    if (size > left.size()) {
      return absl::DataLossError(absl::StrCat("Plane ", i, " of ", size,
                                              " bytes, and ", left.size(),
                                              " are there"));
    }
    if (size == plane_bytes) {
      pointers[i] = left.data();
    } else {
      const absl::Span<uint8_t> plane =
          absl::MakeSpan(planes).subspan(i * plane_bytes, plane_bytes);
      HOIST_RETURN_IF_ERROR(Decompress(left.first(size), plane));
      pointers[i] = plane.data();
    }
    left.remove_prefix(size);
  }
  if (!left.empty()) {
    return absl::DataLossError(
        absl::StrCat(left.size(), " bytes follow the last plane"));
  }
  JoinFloatPlanes(absl::MakeConstSpan(pointers).first(count), chunk);
  return absl::OkStatus();
}

ChunkDecoder::ChunkDecoder() : state_(std::make_unique<State>()) {}
ChunkDecoder::~ChunkDecoder() = default;

absl::Status ChunkDecoder::Decode(ChunkEncoding encoding,
                                  absl::Span<const uint8_t> stored,
                                  absl::Span<uint8_t> chunk) {
  if (encoding == ChunkEncoding::kRaw) {
    if (stored.size() != chunk.size()) {
      return absl::DataLossError(absl::StrCat(
          stored.size(), " raw bytes are not the chunk's ", chunk.size()));
    }
    if (!chunk.empty()) {
      std::memcpy(chunk.data(), stored.data(), chunk.size());
    }
    return absl::OkStatus();
  }
  if (encoding == ChunkEncoding::kZstd) {
    return state_->Decompress(stored, chunk);
  }
  const size_t planes = PlaneCount(encoding);
  HOIST_CHECK(planes > 0);
  return state_->Planes(stored, planes, chunk);
}

}  // namespace hoist
