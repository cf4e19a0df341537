#include "hoist/checkpoint/verify/byte_ranges.h"

#include <algorithm>
#include <tuple>

namespace hoist {
namespace {

// Cuts at multiples of the chunk in the file, which is what direct reads like,
// or up to kSliceAlignment before.
void CutRange(absl::Span<const ByteRange> ranges, int index,
              uint64_t chunk_bytes, std::vector<RangePlan::Slice>& slices) {
  const ByteRange& range = ranges[index];
  uint64_t at = 0;
  while (at < range.size_bytes) {
    const uint64_t file_offset = range.offset_bytes + at;
    const uint64_t room = chunk_bytes - file_offset % chunk_bytes;
    uint64_t end = range.size_bytes;
    if (room < range.size_bytes - at) {
      end = (at + room) / kSliceAlignment * kSliceAlignment;
      if (end == at) {
        end = std::min(range.size_bytes, at + kSliceAlignment);
      }
    }
    slices.push_back({.range = index,
                      .offset_bytes = at,
                      .file_offset = file_offset,
                      .size_bytes = end - at});
    at = end;
  }
}

}  // namespace

RangePlan PlanRangeReads(absl::Span<const ByteRange> ranges,
                         uint64_t chunk_bytes) {
  RangePlan plan;
  for (size_t i = 0; i < ranges.size(); ++i) {
    plan.bytes += ranges[i].size_bytes;
    if (ranges[i].is_encoded()) {
      plan.streams.push_back(static_cast<int>(i));
    } else {
      CutRange(ranges, static_cast<int>(i), chunk_bytes, plan.slices);
    }
  }
  const auto key = [&ranges](const RangePlan::Slice& slice) {
    return std::tuple(ranges[slice.range].file, slice.file_offset, slice.range);
  };
  std::sort(plan.slices.begin(), plan.slices.end(),
            [&key](const auto& a, const auto& b) { return key(a) < key(b); });
  for (size_t i = 0; i < plan.slices.size(); ++i) {
    const RangePlan::Slice& slice = plan.slices[i];
    const int file = ranges[slice.range].file;
    const uint64_t end = slice.file_offset + slice.size_bytes;
    if (!plan.reads.empty()) {
      RangePlan::Read& read = plan.reads.back();
      const uint64_t read_end = read.file_offset + read.size_bytes;
      if (read.file == file &&
          slice.file_offset <= read_end + kMaxRangeGapBytes &&
          std::max(read_end, end) - read.file_offset <=
              chunk_bytes + kSliceAlignment &&
          (read.file_offset + kSliceAlignment) / chunk_bytes ==
              (slice.file_offset + kSliceAlignment) / chunk_bytes) {
        read.size_bytes = std::max(read_end, end) - read.file_offset;
        ++read.slice_count;
        continue;
      }
    }
    plan.reads.push_back({.file = file,
                          .file_offset = slice.file_offset,
                          .size_bytes = slice.size_bytes,
                          .first_slice = static_cast<int>(i),
                          .slice_count = 1});
  }
  for (const RangePlan::Read& read : plan.reads) {
    plan.max_read_bytes = std::max(plan.max_read_bytes, read.size_bytes);
  }
  return plan;
}

}  // namespace hoist
