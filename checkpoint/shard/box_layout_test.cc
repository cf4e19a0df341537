#include "hoist/checkpoint/shard/box_layout.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/shard/box_file.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

int64_t From(std::mt19937& random, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(random() %
                                      static_cast<uint64_t>(most - least + 1));
}

// Random tensors, with gaps between rows and dimensions in any order, and
// random parts of them.
class BoxTest : public ::testing::TestWithParam<int> {
 protected:
  BoxTest() : random_(static_cast<uint32_t>(GetParam())) {
    spec_.dtype = From(random_, 0, 1) == 0 ? DType::kFloat32 : DType::kUint8;
    const auto dimensions = static_cast<size_t>(From(random_, 1, 4));
    spec_.shape.resize(dimensions);
    spec_.strides.resize(dimensions);
    std::vector<size_t> order(dimensions);
    for (size_t i = 0; i < dimensions; ++i) {
      order[i] = i;
    }
    std::shuffle(order.begin(), order.end(), random_);
    int64_t stride = 1;
    for (const size_t i : order) {
      stride += From(random_, 0, 2) == 0 ? From(random_, 0, 5) : 0;
      spec_.shape[i] = From(random_, 1, 9);
      spec_.strides[i] = stride;
      stride *= spec_.shape[i];
    }
    offset_ = From(random_, 0, 20);
    dim_ = static_cast<size_t>(From(random_, 0, dimensions - 1));
    for (int64_t at = 0; at < spec_.shape[dim_];) {
      const int64_t count = From(random_, 1, spec_.shape[dim_] - at);
      if (From(random_, 0, 2) > 0) {
        ranges_.push_back({at, count});
      }
      at += count + 1;
    }
    if (ranges_.empty()) {
      ranges_.push_back({0, 1});
    }
    width_ = static_cast<size_t>(DTypeBits(spec_.dtype)) / 8;
    content_ = TestBytes(static_cast<size_t>(offset_ + stride + 8) * width_,
                         static_cast<uint32_t>(GetParam()));
  }

  // The bytes of the part in the order of its spec's memory, and for each the
  // place in the storage.
  void Expect(const TensorSpec& part, std::string& bytes,
              std::vector<bool>& is_needed) const {
    bytes.assign(static_cast<size_t>(*LogicalBytes(part)), '\0');
    is_needed.assign(content_.size(), false);
    std::vector<int64_t> places;
    for (const IndexRange& range : ranges_) {
      for (int64_t i = 0; i < range.count; ++i) {
        places.push_back(range.first + i);
      }
    }
    const auto count = static_cast<size_t>(*ElementCount(part.shape));
    for (size_t i = 0; i < count; ++i) {
      size_t rest = i;
      int64_t from = offset_;
      int64_t to = 0;
      for (size_t d = part.shape.size(); d-- > 0;) {
        const auto size = static_cast<size_t>(part.shape[d]);
        const auto index = static_cast<int64_t>(rest % size);
        rest /= size;
        from += (d == dim_ ? places[static_cast<size_t>(index)] : index) *
                spec_.strides[d];
        to += index * part.strides[d];
      }
      for (size_t byte = 0; byte < width_; ++byte) {
        const size_t at = static_cast<size_t>(from) * width_ + byte;
        bytes[static_cast<size_t>(to) * width_ + byte] = content_[at];
        is_needed[at] = true;
      }
    }
  }

  std::mt19937 random_;
  TensorSpec spec_;
  int64_t offset_ = 0;
  size_t dim_ = 0;
  size_t width_ = 1;
  IndexRanges ranges_;
  std::string content_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, BoxTest, ::testing::Range(0, 400));

TEST_P(BoxTest, AnyRangeIsWhatAnOracleSays) {
  const auto layout = MakeBoxLayout(spec_, offset_, dim_, ranges_);
  ASSERT_TRUE(layout.has_value());
  std::string expected;
  std::vector<bool> is_needed;
  Expect(layout->spec, expected, is_needed);
  ASSERT_EQ(layout->size_bytes, expected.size());
  const auto max_gap = static_cast<uint64_t>(From(random_, 0, 40));

  // What the runs are, and so what they cost.
  BoxCost cost = {.read_count = 1};
  std::optional<size_t> last;
  for (size_t at = 0; at < is_needed.size(); ++at) {
    if (is_needed[at]) {
      const size_t gap = last ? at - *last - 1 : 0;
      if (gap > max_gap) {
        ++cost.read_count;
      } else {
        cost.read_bytes += gap;
      }
      ++cost.read_bytes;
      last = at;
    }
  }
  EXPECT_EQ(CostOf(*layout, max_gap).read_bytes, cost.read_bytes);
  EXPECT_EQ(CostOf(*layout, max_gap).read_count, cost.read_count);

  std::vector<bool> is_in_extent(is_needed.size(), false);
  uint64_t last_end = 0;
  ForEachExtent(*layout, max_gap, [&](uint64_t begin, uint64_t end) {
    ASSERT_GE(begin, last_end);
    ASSERT_LT(begin, end);
    ASSERT_LE(end, is_needed.size());
    EXPECT_TRUE(is_needed[begin] && is_needed[end - 1]);
    std::fill(is_in_extent.begin() + static_cast<ptrdiff_t>(begin),
              is_in_extent.begin() + static_cast<ptrdiff_t>(end), true);
    last_end = end;
  });
  size_t gap = 0;
  for (size_t at = 0; at < is_needed.size(); ++at) {
    gap = is_needed[at] ? 0 : gap + 1;
    EXPECT_TRUE(is_in_extent[at] ? gap <= max_gap : !is_needed[at]) << at;
  }

  BoxFile file(std::make_shared<MemoryFile>(content_), max_gap,
               /*verify=*/true);
  const StorageEntry storage = {.size_bytes = content_.size()};
  EXPECT_EQ(file.AddBox(storage, *layout), 0u);
  const uint64_t second = file.AddBox(storage, *layout);
  EXPECT_EQ(second % BoxFile::kAlignmentBytes, 0u);
  std::string all = expected;
  all.resize(second);
  all += expected;
  ASSERT_EQ(file.size_bytes(), all.size());
  for (int i = 0; i < 30; ++i) {
    const auto begin = static_cast<uint64_t>(
        i == 0 ? 0 : From(random_, 0, static_cast<int64_t>(all.size())));
    const auto size = static_cast<size_t>(
        i == 0 ? static_cast<int64_t>(expected.size())
               : From(random_, 0, static_cast<int64_t>(all.size() - begin)));
    std::vector<uint8_t> out(size, 0xee);
    HOIST_ASSERT_OK(file.ReadAt(begin, absl::MakeSpan(out)));
    EXPECT_EQ(std::string(out.begin(), out.end()), all.substr(begin, size));
    if (i == 0) {
      EXPECT_EQ(file.read_bytes(), cost.read_bytes);
      EXPECT_EQ(file.read_count(), static_cast<int64_t>(cost.read_count));
      EXPECT_EQ(file.served_bytes(), expected.size());
    }
  }
  std::vector<uint8_t> beyond(2);
  EXPECT_THAT(file.ReadAt(all.size() - 1, absl::MakeSpan(beyond)),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(BoxLayoutTest, OverlappingStridesAreNone) {
  EXPECT_FALSE(MakeBoxLayout({DType::kFloat32, {3, 4}, {2, 1}}, 0, 1, {{0, 4}})
                   .has_value());
  EXPECT_FALSE(MakeBoxLayout({DType::kFloat32, {3, 4}, {0, 1}}, 0, 1, {{0, 2}})
                   .has_value());
  EXPECT_FALSE(MakeBoxLayout({DType::kFloat32, {0, 4}, {4, 1}}, 0, 1, {{0, 2}})
                   .has_value());
}

}  // namespace
}  // namespace hoist
