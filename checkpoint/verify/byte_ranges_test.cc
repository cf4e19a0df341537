#include "hoist/checkpoint/verify/byte_ranges.h"

#include <map>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ByteRangesTest, SmallNeighboursAreReadTogetherAndLargeRangesCut) {
  const std::vector<ByteRange> ranges = {
      {.offset_bytes = 100, .size_bytes = 10},
      {.offset_bytes = 120, .size_bytes = 10},
      {.offset_bytes = 200, .size_bytes = 2000},
      {.file = 1, .offset_bytes = 0, .size_bytes = 5}};
  const RangePlan plan = PlanRangeReads(ranges, 1024);
  EXPECT_EQ(plan.bytes, 2025u);
  ASSERT_THAT(plan.reads, SizeIs(4));
  EXPECT_EQ(plan.reads[0].slice_count, 3);
  // Cut where the file is at a multiple of 1024, less what is no multiple of 16
  // in the range.
  EXPECT_EQ(plan.reads[1].file_offset, 200u + 816);
  EXPECT_EQ(plan.reads[3].file, 1);
}

TEST(ByteRangesTest, CompressedRangesAreStreams) {
  const RangePlan plan = PlanRangeReads(
      std::vector<ByteRange>{{.size_bytes = 10, .inflated_bytes = 100}}, 1024);
  EXPECT_THAT(plan.streams, ElementsAre(0));
  EXPECT_THAT(plan.reads, IsEmpty());
}

TEST(ByteRangesTest, EveryByteIsReadOnceWhateverTheRanges) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<ByteRange> ranges(random() % 12);
    for (ByteRange& range : ranges) {
      range.file = static_cast<int>(random() % 2);
      range.offset_bytes = random() % 5000 + (random() % 3) * 100000;
      range.size_bytes = random() % (random() % 2 == 0 ? 20 : 6000);
    }
    const uint64_t chunk = std::vector<uint64_t>{16, 100, 1024}[random() % 3];
    const RangePlan plan = PlanRangeReads(ranges, chunk);
    std::map<int, std::set<uint64_t>> seen;  // offsets in each range
    int next_slice = 0;
    for (const RangePlan::Read& read : plan.reads) {
      EXPECT_EQ(read.first_slice, next_slice);
      EXPECT_LE(read.size_bytes, chunk + kSliceAlignment);
      EXPECT_LE(read.size_bytes, plan.max_read_bytes);
      for (int i = 0; i < read.slice_count; ++i, ++next_slice) {
        const RangePlan::Slice& slice = plan.slices[next_slice];
        const ByteRange& range = ranges[slice.range];
        EXPECT_EQ(range.file, read.file);
        EXPECT_EQ(slice.file_offset, range.offset_bytes + slice.offset_bytes);
        EXPECT_EQ(slice.offset_bytes % kSliceAlignment, 0u);
        EXPECT_GE(slice.file_offset, read.file_offset);
        EXPECT_LE(slice.file_offset + slice.size_bytes,
                  read.file_offset + read.size_bytes);
        for (uint64_t at = 0; at < slice.size_bytes; ++at) {
          EXPECT_TRUE(seen[slice.range].insert(slice.offset_bytes + at).second);
        }
      }
    }
    for (size_t i = 0; i < ranges.size(); ++i) {
      EXPECT_THAT(seen[static_cast<int>(i)], SizeIs(ranges[i].size_bytes));
    }
  }
}

}  // namespace
}  // namespace hoist
