#include "hoist/core/compress/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr int kMinLevel = 1;
constexpr int kMaxLevel = 19;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* context) const {
    kFree(context);
  }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, Free<ZSTD_freeCCtx>>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, Free<ZSTD_freeDCtx>>;

// Not so of skippable frames and of those of zstd before 0.8, which the library
// may read as well.
bool IsFrame(absl::Span<const uint8_t> head) {
  return head.size() >= sizeof(uint32_t) &&
         LoadLittleEndian<uint32_t>(head.data()) == ZSTD_MAGICNUMBER;
}

absl::Status NoMemory() {
  return absl::ResourceExhaustedError("Cannot allocate a zstd context");
}

// An error of `code`, unless zstd lacked memory, if `result` is an error.
absl::Status StatusOf(size_t result, absl::StatusCode code,
                      absl::string_view what) {
  if (ZSTD_isError(result) == 0) return absl::OkStatus();
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
    return NoMemory();
  }
  return absl::Status(code,
                      absl::StrCat(what, ": ", ZSTD_getErrorName(result)));
}

absl::Status DamagedIfError(size_t result) {
  return StatusOf(result, absl::StatusCode::kDataLoss, "Zstd frame is damaged");
}

absl::Status WrongSize(uint64_t actual, size_t expected) {
  return absl::DataLossError(
      absl::StrCat("Zstd frame holds ", actual, " bytes, and not ", expected));
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> ZstdCompress(
    absl::Span<const uint8_t> bytes, int level) {
  if (level < kMinLevel || level > kMaxLevel) {
    return absl::InvalidArgumentError(
        absl::StrCat("Zstd level ", level, " is not between ", kMinLevel,
                     " and ", kMaxLevel));
  }
  const Compressor compressor(ZSTD_createCCtx());
  if (compressor == nullptr) return NoMemory();
  for (const auto& [parameter, value] :
       {std::pair(ZSTD_c_compressionLevel, level),
        std::pair(ZSTD_c_checksumFlag, 1)}) {
    HOIST_RETURN_IF_ERROR(
        StatusOf(ZSTD_CCtx_setParameter(compressor.get(), parameter, value),
                 absl::StatusCode::kInternal, "Cannot set up zstd"));
  }
  const size_t bound = ZSTD_compressBound(bytes.size());
  HOIST_RETURN_IF_ERROR(StatusOf(bound, absl::StatusCode::kInvalidArgument,
                                 "Too many bytes for zstd"));
  std::vector<uint8_t> frame(bound);
  const size_t size = ZSTD_compress2(compressor.get(), frame.data(),
                                     frame.size(), bytes.data(), bytes.size());
  HOIST_RETURN_IF_ERROR(
      StatusOf(size, absl::StatusCode::kInternal, "Zstd cannot compress"));
  frame.resize(size);
  return frame;
}

absl::Status ZstdDecompress(absl::Span<const uint8_t> frame,
                            absl::Span<uint8_t> out) {
  if (!IsFrame(frame)) {
    return absl::DataLossError("No zstd frame: its first four bytes are wrong");
  }
  const std::optional<uint64_t> claimed = ZstdContentSize(frame);
  if (claimed.has_value() && *claimed != out.size()) {
    return WrongSize(*claimed, out.size());
  }
  const size_t frame_size =
      ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  HOIST_RETURN_IF_ERROR(DamagedIfError(frame_size));
  if (frame_size != frame.size()) {
    return absl::DataLossError(
        absl::StrCat("Zstd frame of ", frame_size, " bytes is followed by ",
                     frame.size() - frame_size, " more"));
  }
  const Decompressor decompressor(ZSTD_createDCtx());
  if (decompressor == nullptr) return NoMemory();
  const size_t size = ZSTD_decompressDCtx(
      decompressor.get(), out.data(), out.size(), frame.data(), frame.size());
  HOIST_RETURN_IF_ERROR(DamagedIfError(size));
  if (size != out.size()) return WrongSize(size, out.size());
  return absl::OkStatus();
}

std::optional<uint64_t> ZstdContentSize(absl::Span<const uint8_t> head) {
  if (!IsFrame(head)) return std::nullopt;
  const unsigned long long size =
      ZSTD_getFrameContentSize(head.data(), head.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
    return std::nullopt;
  }
  return size;
}

}  // namespace hoist
