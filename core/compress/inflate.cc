#include "hoist/core/compress/inflate.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kInputBytes = size_t{128} << 10;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("The deflated bytes are damaged: ", what));
}

}  // namespace

struct InflateReader::State {
  inflate_state stream;
  std::array<uint8_t, kInputBytes> input;
};

InflateReader::InflateReader(const RandomAccessFile& file,
                             uint64_t offset_bytes, uint64_t stored_bytes)
    : file_(file),
      next_offset_(offset_bytes),
      left_bytes_(stored_bytes),
      state_(std::make_unique<State>()) {
  isal_inflate_init(&state_->stream);
  state_->stream.crc_flag = ISAL_DEFLATE;
  state_->stream.avail_in = 0;
}

InflateReader::~InflateReader() = default;

absl::Status InflateReader::Refill() {
  const size_t size =
      static_cast<size_t>(std::min<uint64_t>(left_bytes_, kInputBytes));
  HOIST_RETURN_IF_ERROR(
      file_.ReadAt(next_offset_, absl::MakeSpan(state_->input.data(), size)));
  state_->stream.next_in = state_->input.data();
  state_->stream.avail_in = static_cast<uint32_t>(size);
  next_offset_ += size;
  left_bytes_ -= size;
  return absl::OkStatus();
}

absl::Status InflateReader::Read(absl::Span<uint8_t> out) {
  inflate_state& stream = state_->stream;
  while (!out.empty()) {
    if (stream.avail_in == 0 && left_bytes_ > 0) {
      HOIST_RETURN_IF_ERROR(Refill());
    }
    const uint32_t wanted = static_cast<uint32_t>(
        std::min<size_t>(out.size(), std::numeric_limits<uint32_t>::max()));
    const uint32_t input_before = stream.avail_in;
    stream.next_out = out.data();
    stream.avail_out = wanted;
    const int result = isal_inflate(&stream);
    if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT) {
      return Damaged(absl::StrCat("igzip says ", result));
    }
    const uint32_t made = wanted - stream.avail_out;
    out.remove_prefix(made);
    const bool is_stuck = made == 0 && stream.avail_in == input_before;
    if (!out.empty() && is_stuck &&
        (left_bytes_ == 0 || stream.block_state == ISAL_BLOCK_FINISH)) {
      return Damaged(absl::StrCat("they end ", out.size(), " bytes early"));
    }
  }
  return absl::OkStatus();
}

absl::Status InflateReader::ExpectEnd() {
  inflate_state& stream = state_->stream;
  while (stream.block_state != ISAL_BLOCK_FINISH) {
    if (stream.avail_in == 0 && left_bytes_ > 0) {
      HOIST_RETURN_IF_ERROR(Refill());
    }
    uint8_t byte;
    const uint32_t input_before = stream.avail_in;
    stream.next_out = &byte;
    stream.avail_out = 1;
    const int result = isal_inflate(&stream);
    if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT) {
      return Damaged(absl::StrCat("igzip says ", result));
    }
    if (stream.avail_out == 0) {
      return Damaged("they hold more than is recorded");
    }
    if (stream.block_state != ISAL_BLOCK_FINISH && left_bytes_ == 0 &&
        stream.avail_in == input_before) {
      return Damaged("their end is missing");
    }
  }
  const uint64_t rest = left_bytes_ + stream.avail_in +
                        static_cast<uint64_t>(stream.read_in_length / 8);
  if (rest > 0) {
    return Damaged(absl::StrCat(rest, " bytes follow their end"));
  }
  return absl::OkStatus();
}

}  // namespace hoist
