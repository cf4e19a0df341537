#include "hoist/checkpoint/shard/box_layout.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace hoist {
namespace {

int64_t PlacesIn(const IndexRanges& ranges) {
  int64_t count = 0;
  for (const IndexRange& range : ranges) {
    count += range.count;
  }
  return count;
}

// The place that number `index` of those in `ranges` is.
uint64_t PlaceAt(const IndexRanges& ranges, int64_t index) {
  for (const IndexRange& range : ranges) {
    if (index < range.count) {
      return static_cast<uint64_t>(range.first + index);
    }
    index -= range.count;
  }
  return 0;
}

}  // namespace

BoxLayout::Run BoxLayout::RunAt(uint64_t at) const {
  uint64_t outer = at / runs_bytes;
  uint64_t rest = at % runs_bytes;
  size_t i = 0;
  while (rest >= runs[i].size_bytes) {
    rest -= runs[i].size_bytes;
    ++i;
  }
  Run run = {runs[i].offset_bytes + rest, runs[i].size_bytes - rest};
  for (size_t j = levels.size(); j-- > 0;) {
    const Level& level = levels[j];
    const auto count = static_cast<uint64_t>(level.count);
    run.offset_bytes +=
        PlaceAt(level.ranges, static_cast<int64_t>(outer % count)) *
        level.stride_bytes;
    outer /= count;
  }
  return run;
}

std::optional<BoxLayout> MakeBoxLayout(const TensorSpec& spec,
                                       int64_t storage_offset, size_t dim,
                                       const IndexRanges& ranges) {
  if (DTypeBits(spec.dtype) % 8 != 0) {
    return std::nullopt;
  }
  BoxLayout layout;
  layout.spec.dtype = spec.dtype;
  layout.spec.shape = spec.shape;
  if (!spec.shape.empty()) {
    layout.spec.shape[dim] = PlacesIn(ranges);
  }
  for (const int64_t size : layout.spec.shape) {
    if (size == 0) {
      return std::nullopt;
    }
  }
  const auto element_bytes = static_cast<uint64_t>(DTypeBits(spec.dtype)) / 8;
  // Dimensions, the largest stride first.
  std::vector<size_t> order(spec.shape.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto is_flat = [&spec](size_t i) { return spec.shape[i] == 1; };
  // As they are, where that is it already; dimensions of one place fit
  // anywhere.
  bool is_sorted = true;
  std::optional<int64_t> last_stride;
  for (const size_t i : order) {
    if (!is_flat(i)) {
      is_sorted =
          is_sorted && (!last_stride || *last_stride >= spec.strides[i]);
      last_stride = spec.strides[i];
    }
  }
  if (!is_sorted) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return spec.strides[a] > spec.strides[b];
    });
  }
  layout.spec.strides.resize(order.size());
  layout.runs.push_back(
      {static_cast<uint64_t>(storage_offset) * element_bytes, element_bytes});
  uint64_t span = element_bytes;  // from the first to the last byte
  int64_t stride = 1;             // of the part
  for (size_t i = order.size(); i-- > 0;) {
    const size_t dimension = order[i];
    const int64_t size = layout.spec.shape[dimension];
    layout.spec.strides[dimension] = stride;
    stride *= size;
    if (is_flat(dimension)) {
      continue;
    }
    const IndexRanges all = {{0, spec.shape[dimension]}};
    const IndexRanges& places = dimension == dim ? ranges : all;
    const uint64_t stride_bytes =
        static_cast<uint64_t>(spec.strides[dimension]) * element_bytes;
    const IndexRange& last = places.back();
    const auto steps = static_cast<uint64_t>(last.first + last.count - 1 -
                                             places.front().first);
    if (steps > 0 && stride_bytes < span) {
      return std::nullopt;
    }
    if (layout.levels.empty() && layout.runs.size() == 1 &&
        (stride_bytes == span || steps == 0)) {
      const BoxLayout::Run run = layout.runs[0];
      layout.runs.clear();
      for (const IndexRange& range : places) {
        layout.runs.push_back(
            {run.offset_bytes +
                 static_cast<uint64_t>(range.first) * stride_bytes,
             run.size_bytes * static_cast<uint64_t>(range.count)});
      }
    } else if (size == 1) {
      for (BoxLayout::Run& run : layout.runs) {
        run.offset_bytes +=
            static_cast<uint64_t>(places.front().first) * stride_bytes;
      }
    } else {
      layout.levels.push_back(
          {.stride_bytes = stride_bytes, .ranges = places, .count = size});
    }
    span += steps * stride_bytes;
  }
  std::reverse(layout.levels.begin(), layout.levels.end());
  for (const BoxLayout::Run& run : layout.runs) {
    layout.runs_bytes += run.size_bytes;
  }
  layout.size_bytes = static_cast<uint64_t>(stride) * element_bytes;
  return layout;
}

BoxCost CostOf(const BoxLayout& layout, uint64_t max_gap_bytes) {
  BoxCost cost = {.read_bytes = layout.size_bytes, .read_count = 1};
  const auto add = [&](uint64_t gap_bytes, uint64_t times) {
    if (gap_bytes <= max_gap_bytes) {
      cost.read_bytes += gap_bytes * times;
    } else {
      cost.read_count += times;
    }
  };
  // How often what is inside a level is repeated.
  uint64_t times = 1;
  for (const BoxLayout::Level& level : layout.levels) {
    times *= static_cast<uint64_t>(level.count);
  }
  for (size_t i = 1; i < layout.runs.size(); ++i) {
    const BoxLayout::Run& before = layout.runs[i - 1];
    add(layout.runs[i].offset_bytes - before.offset_bytes - before.size_bytes,
        times);
  }
  const BoxLayout::Run& last = layout.runs.back();
  uint64_t span =
      last.offset_bytes + last.size_bytes - layout.runs.front().offset_bytes;
  for (size_t i = layout.levels.size(); i-- > 0;) {
    const BoxLayout::Level& level = layout.levels[i];
    times /= static_cast<uint64_t>(level.count);
    for (size_t j = 0; j < level.ranges.size(); ++j) {
      const IndexRange& range = level.ranges[j];
      add(level.stride_bytes - span,
          times * static_cast<uint64_t>(range.count - 1));
      if (j > 0) {
        const IndexRange& before = level.ranges[j - 1];
        add(static_cast<uint64_t>(range.first - before.first - before.count +
                                  1) *
                    level.stride_bytes -
                span,
            times);
      }
    }
    const IndexRange& end = level.ranges.back();
    span += static_cast<uint64_t>(end.first + end.count - 1 -
                                  level.ranges.front().first) *
            level.stride_bytes;
  }
  return cost;
}

namespace {

class Extents {
 public:
  Extents(const BoxLayout& layout, uint64_t max_gap_bytes,
          absl::FunctionRef<void(uint64_t, uint64_t)> visit)
      : layout_(layout),
        max_gap_bytes_(max_gap_bytes),
        visit_(visit),
        inner_(layout.levels.size() + 1) {
    const auto& runs = layout.runs;
    Inner& innermost = inner_.back();
    innermost.begin = runs.front().offset_bytes;
    innermost.size = runs.back().offset_bytes + runs.back().size_bytes -
                     runs.front().offset_bytes;
    for (size_t i = 1; i < runs.size(); ++i) {
      innermost.is_one = innermost.is_one && IsShort(runs[i].offset_bytes -
                                                     runs[i - 1].offset_bytes -
                                                     runs[i - 1].size_bytes);
    }
    for (size_t i = layout.levels.size(); i-- > 0;) {
      const BoxLayout::Level& level = layout.levels[i];
      const IndexRanges& ranges = level.ranges;
      inner_[i] = inner_[i + 1];
      Inner& inner = inner_[i];
      inner.is_one = inner.is_one && IsOneRange(i);
      for (size_t j = 1; j < ranges.size(); ++j) {
        const auto steps = static_cast<uint64_t>(
            ranges[j].first - ranges[j - 1].first - ranges[j - 1].count + 1);
        inner.is_one = inner.is_one &&
                       IsShort(steps * level.stride_bytes - inner_[i + 1].size);
      }
      inner.begin +=
          static_cast<uint64_t>(ranges.front().first) * level.stride_bytes;
      inner.size +=
          static_cast<uint64_t>(ranges.back().first + ranges.back().count - 1 -
                                ranges.front().first) *
          level.stride_bytes;
    }
  }

  // What is inside level `i`, moved by `offset` bytes.
  void Visit(size_t i, uint64_t offset) const {
    const Inner& inner = inner_[i];
    if (inner.is_one) {
      visit_(offset + inner.begin, offset + inner.begin + inner.size);
      return;
    }
    if (i == layout_.levels.size()) {
      for (const BoxLayout::Run& run : layout_.runs) {
        visit_(offset + run.offset_bytes,
               offset + run.offset_bytes + run.size_bytes);
      }
      return;
    }
    const BoxLayout::Level& level = layout_.levels[i];
    for (const IndexRange& range : level.ranges) {
      const uint64_t first =
          offset + static_cast<uint64_t>(range.first) * level.stride_bytes;
      const auto count = static_cast<uint64_t>(range.count);
      if (inner_[i + 1].is_one && IsOneRange(i)) {
        const uint64_t begin = first + inner_[i + 1].begin;
        visit_(begin,
               begin + (count - 1) * level.stride_bytes + inner_[i + 1].size);
        continue;
      }
      for (uint64_t place = 0; place < count; ++place) {
        Visit(i + 1, first + place * level.stride_bytes);
      }
    }
  }

 private:
  // All that is inside a level, at the first place of those around it.
  struct Inner {
    uint64_t begin = 0;
    uint64_t size = 0;
    bool is_one = true;  // without gaps that are too long
  };

  bool IsShort(uint64_t gap_bytes) const { return gap_bytes <= max_gap_bytes_; }
  // Whether there is but a short gap from a place of a range to the next.
  bool IsOneRange(size_t i) const {
    return IsShort(layout_.levels[i].stride_bytes - inner_[i + 1].size);
  }

  const BoxLayout& layout_;
  const uint64_t max_gap_bytes_;
  const absl::FunctionRef<void(uint64_t, uint64_t)> visit_;
  std::vector<Inner> inner_;  // of levels, and of the runs
};

}  // namespace

void ForEachExtent(
    const BoxLayout& layout, uint64_t max_gap_bytes,
    absl::FunctionRef<void(uint64_t begin, uint64_t end)> visit) {
  Extents(layout, max_gap_bytes, visit).Visit(0, 0);
}

}  // namespace hoist
