#include "hoist/checkpoint/shard/rank_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "hoist/checkpoint/shard/box_layout.h"

namespace hoist {
namespace {

using Division = ShardLayout::Division;

constexpr uint64_t kReadBytes = uint64_t{2} << 20;
constexpr uint64_t kAlignmentBytes = 64;

uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Sums of unsigned numbers may be differences, which wrap and come right.
void Add(const RankPlan& from, RankPlan& to) {
  to.tensor_count += from.tensor_count;
  to.part_count += from.part_count;
  to.needed_bytes += from.needed_bytes;
  to.read_bytes += from.read_bytes;
  to.memory_bytes += from.memory_bytes;
  to.request_count += from.request_count;
}

RankPlan Negative(const RankPlan& plan) {
  return {-plan.tensor_count,  -plan.part_count,      0 - plan.needed_bytes,
          0 - plan.read_bytes, 0 - plan.memory_bytes, 0 - plan.request_count};
}

// What ranks need that have a certain place on the axis which holds: by place
// on the axis of parts, as differences to the place before.
struct Share {
  Division holding;  // who holds
  uint8_t axis = 0;
  std::vector<RankPlan> differences;

  void AddFrom(int64_t first, int64_t end, const RankPlan& plan) {
    Add(plan, differences[static_cast<size_t>(first)]);
    Add(Negative(plan), differences[static_cast<size_t>(end)]);
  }
};

// The same view, divided the same way.
struct ViewKey {
  int storage;
  int64_t offset;
  const TensorSpec* spec;
  const Division* division;

  auto Fields() const {
    return std::tie(storage, offset, spec->shape, spec->strides, division->kind,
                    division->axis, division->holding_axis, division->holder,
                    division->rule, division->dim, division->units,
                    division->kv_units, division->unit_size);
  }
  friend bool operator==(const ViewKey& a, const ViewKey& b) {
    return a.spec->dtype == b.spec->dtype && a.Fields() == b.Fields();
  }
  template <typename H>
  friend H AbslHashValue(H state, const ViewKey& key) {
    return H::combine(std::move(state), key.storage, key.offset,
                      key.division->dim);
  }
};

class Planner {
 public:
  Planner(const Catalog& catalog, const ShardLayout& layout,
          uint64_t max_gap_bytes, bool verify)
      : catalog_(catalog),
        layout_(layout),
        max_gap_bytes_(max_gap_bytes),
        verify_(verify) {}

  std::vector<RankPlan> Run();

 private:
  Share& ShareOf(const Division& division);
  // `only_counts`: its bytes are those of a tensor before.
  RankPlan PlanOf(const TensorEntry& tensor, const Division& division,
                  const IndexRanges* ranges, bool only_counts) const;
  void AddBytes(const StorageEntry& storage, uint64_t begin, uint64_t end,
                RankPlan& plan) const;
  static void AddChunks(const StorageEntry& storage, uint64_t begin,
                        uint64_t end, RankPlan& plan) {
    uint64_t next = 0;
    AddChunks(storage, begin, end, next, plan);
  }
  // Only chunks from `next` on, which becomes the one behind them.
  static void AddChunks(const StorageEntry& storage, uint64_t begin,
                        uint64_t end, uint64_t& next, RankPlan& plan);

  const Catalog& catalog_;
  const ShardLayout& layout_;
  const uint64_t max_gap_bytes_;
  const bool verify_;
  std::map<std::tuple<int32_t, uint8_t, int32_t, uint8_t>, Share> shares_;
};

Share& Planner::ShareOf(const Division& division) {
  const auto key =
      std::tuple(division.holder, division.holding_axis,
                 division.holder == ShardLayout::kListed ? division.rule : -1,
                 division.axis);
  const auto [found, is_new] = shares_.try_emplace(key);
  if (is_new) {
    found->second.holding = division;
    found->second.axis = division.axis;
    found->second.differences.resize(
        static_cast<size_t>(layout_.AxisSize(division.axis)) + 1);
  }
  return found->second;
}

void Planner::AddChunks(const StorageEntry& storage, uint64_t begin,
                        uint64_t end, uint64_t& next, RankPlan& plan) {
  const uint64_t chunk_bytes = storage.chunks.front().size_bytes;
  const uint64_t behind = (end - 1) / chunk_bytes + 1;
  for (uint64_t i = std::max(begin / chunk_bytes, next); i < behind; ++i) {
    plan.read_bytes += storage.chunks[i].stored_bytes;
    ++plan.request_count;
  }
  next = std::max(next, behind);
}

void Planner::AddBytes(const StorageEntry& storage, uint64_t begin,
                       uint64_t end, RankPlan& plan) const {
  plan.needed_bytes += end - begin;
  if (begin == end) {
    return;
  }
  if (storage.deflated_bytes) {
    plan.read_bytes += *storage.deflated_bytes;
    plan.memory_bytes += RoundUp(storage.size_bytes, kAlignmentBytes);
    ++plan.request_count;
    return;
  }
  if (!storage.chunks.empty() && (storage.encoded_bytes || verify_)) {
    AddChunks(storage, begin, end, plan);
    const uint64_t chunk_bytes = storage.chunks.front().size_bytes;
    begin = begin / chunk_bytes * chunk_bytes;
    end = std::min(RoundUp(end, chunk_bytes), storage.size_bytes);
    plan.memory_bytes += RoundUp(end - begin, kAlignmentBytes);
    return;
  }
  plan.read_bytes += end - begin;
  plan.memory_bytes += RoundUp(end - begin, kAlignmentBytes);
  plan.request_count += (end - begin + kReadBytes - 1) / kReadBytes;
}

RankPlan Planner::PlanOf(const TensorEntry& tensor, const Division& division,
                         const IndexRanges* ranges, bool only_counts) const {
  RankPlan plan = {.tensor_count = 1};
  const size_t dim = division.dim;
  const bool is_part =
      ranges != nullptr &&
      !(ranges->size() == 1 && (*ranges)[0].count == tensor.spec.shape[dim]);
  plan.part_count = is_part ? 1 : 0;
  if (only_counts || !tensor.storage) {
    return plan;
  }
  const StorageEntry& storage = catalog_.storages[*tensor.storage];
  TensorSpec narrowed;
  const TensorSpec* spec = &tensor.spec;
  int64_t offset = tensor.storage_offset;
  if (is_part) {
    const std::optional<BoxLayout> box =
        MakeBoxLayout(tensor.spec, tensor.storage_offset, dim, *ranges);
    if (box && !storage.deflated_bytes && !box->is_contiguous()) {
      plan.needed_bytes = box->size_bytes;
      plan.memory_bytes = RoundUp(box->size_bytes, kAlignmentBytes);
      if (!storage.chunks.empty()) {
        // In a shorter gap there is no whole chunk.
        const uint64_t gap_bytes = storage.chunks.front().size_bytes - 1;
        uint64_t next = 0;
        ForEachExtent(*box, gap_bytes, [&](uint64_t begin, uint64_t end) {
          AddChunks(storage, begin, end, next, plan);
        });
      } else {
        const BoxCost cost = CostOf(*box, max_gap_bytes_);
        plan.read_bytes = cost.read_bytes;
        plan.request_count = std::max(
            cost.read_count, (box->size_bytes + kReadBytes - 1) / kReadBytes);
      }
      return plan;
    }
    narrowed = tensor.spec;
    spec = &narrowed;
    narrowed.shape[dim] = 0;
    for (const IndexRange& range : *ranges) {
      narrowed.shape[dim] += range.count;
    }
    // As far as a part of several ranges is one, it is of a deflated storage.
    offset += ranges->empty() ? 0 : (*ranges)[0].first * spec->strides[dim];
  }
  const auto bytes = RequiredStorageBytes(*spec, offset);
  if (bytes.ok() && *bytes > 0) {
    AddBytes(storage,
             static_cast<uint64_t>(offset) *
                 static_cast<uint64_t>(DTypeBits(spec->dtype)) / 8,
             static_cast<uint64_t>(*bytes), plan);
  }
  return plan;
}

std::vector<RankPlan> Planner::Run() {
  absl::flat_hash_set<ViewKey> seen;
  seen.reserve(catalog_.tensors.size());
  for (size_t i = 0; i < catalog_.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog_.tensors[i];
    const Division& division = layout_.division(i);
    const bool only_counts =
        tensor.storage && !seen.insert({*tensor.storage, tensor.storage_offset,
                                        &tensor.spec, &division})
                               .second;
    Share& share = ShareOf(division);
    const int64_t places = layout_.AxisSize(division.axis);
    if (division.kind == Division::Kind::kWhole) {
      share.AddFrom(0, places, PlanOf(tensor, division, nullptr, only_counts));
      continue;
    }
    // Where parts lie makes a difference for chunks, and for what is between
    // queries and keys; else only how large they are does.
    const bool depends_on_place =
        division.kind == Division::Kind::kFusedQkv ||
        (tensor.storage && !catalog_.storages[*tensor.storage].chunks.empty());
    IndexRanges ranges = layout_.PartAt(i, 0);
    for (int64_t first = 0; first < places;) {
      int64_t end = first + 1;
      IndexRanges next;
      if (!depends_on_place && division.kind == Division::Kind::kFused) {
        end = places;
      } else if (!depends_on_place) {
        // The first place, if any, that has another size.
        int64_t low = end;
        int64_t high = places;
        while (low < high) {
          const int64_t middle = low + (high - low) / 2;
          if (layout_.PartAt(i, middle)[0].count == ranges[0].count) {
            low = middle + 1;
          } else {
            high = middle;
          }
        }
        end = low;
      }
      share.AddFrom(first, end, PlanOf(tensor, division, &ranges, only_counts));
      if (end < places) {
        ranges = layout_.PartAt(i, end);
      }
      first = end;
    }
  }
  std::vector<RankPlan> plans(static_cast<size_t>(layout_.world_size()));
  for (auto& [key, share] : shares_) {
    for (size_t place = 1; place < share.differences.size(); ++place) {
      Add(share.differences[place - 1], share.differences[place]);
    }
    for (int rank = 0; rank < layout_.world_size(); ++rank) {
      if (layout_.IsHolder(share.holding, rank)) {
        Add(share.differences[static_cast<size_t>(
                layout_.PlaceOf(share.axis, rank))],
            plans[static_cast<size_t>(rank)]);
      }
    }
  }
  return plans;
}

}  // namespace

std::vector<RankPlan> PlanRanks(const Catalog& catalog,
                                const ShardLayout& layout,
                                uint64_t max_gap_bytes, bool verify) {
  return Planner(catalog, layout, max_gap_bytes, verify).Run();
}

}  // namespace hoist
