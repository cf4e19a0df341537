// Compiled once for each CpuLevel.

#include "hoist/core/tensor/ops/scan_loops.h"

#include <type_traits>
#include <utility>

#include "hoist/core/tensor/ops/element.h"

namespace hoist {
namespace {

// Elements whose values are looked at several times while they are in cache.
constexpr size_t kBlock = 1024;
// Sums that run beside each other.
constexpr size_t kLanes = 16;

template <typename Value>
void AddBlock(const Value (&values)[kBlock], size_t count, ScanTotals& totals) {
  using Key = decltype(OrderedKey(Value{}));
  constexpr Key kInfinity = kInfinityKey<Key>;
  constexpr Key kMaxKey =
      static_cast<Key>(sizeof(Key) == 4 ? INT32_MAX : INT64_MAX);
  Key nans = 0;
  Key infinities = 0;
  Key for_min[kBlock];
  Key for_max[kBlock];
  Value finite[kBlock];
  for (size_t i = 0; i < count; ++i) {
    const Key key = OrderedKey(values[i]);
    // As the larger of a number and its negative.
    const Key magnitude = key < 0 ? ~key : key;
    const bool is_nan = magnitude > kInfinity;
    nans += is_nan ? 1 : 0;
    infinities += magnitude == kInfinity ? 1 : 0;
    for_min[i] = is_nan ? kMaxKey : key;
    for_max[i] = is_nan ? ~kMaxKey : key;
    finite[i] = magnitude < kInfinity ? values[i] : Value{0};
  }
  // A loop of its own: compilers vectorise no minimum of a selection.
  Key min = kMaxKey;
  Key max = ~kMaxKey;
  for (size_t i = 0; i < count; ++i) {
    min = for_min[i] < min ? for_min[i] : min;
    max = for_max[i] > max ? for_max[i] : max;
  }
  for (size_t i = count; i % kLanes != 0; ++i) {
    finite[i] = 0;
  }
  double sums[kLanes] = {};
  for (size_t i = 0; i < count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += finite[i + lane];
    }
  }
  for (const double sum : sums) {
    totals.finite_sum += sum;
  }
  totals.nan_count += static_cast<uint64_t>(nans);
  totals.infinity_count += static_cast<uint64_t>(infinities);
  if (static_cast<size_t>(nans) == count) {
    return;
  }
  const int64_t min_key = OrderedKey(static_cast<double>(
      __builtin_bit_cast(Value, min ^ (min < 0 ? kMaxKey : Key{0}))));
  const int64_t max_key = OrderedKey(static_cast<double>(
      __builtin_bit_cast(Value, max ^ (max < 0 ? kMaxKey : Key{0}))));
  totals.min_key = min_key < totals.min_key ? min_key : totals.min_key;
  totals.max_key = max_key > totals.max_key ? max_key : totals.max_key;
}

// Bins, and one for what is in none; several of each, since the next number
// often is in the same one.
constexpr size_t kTables = 4;
using Tables = uint64_t[kTables][kMaxScanBins + 1];

template <typename Value>
void CountBlock(const Value (&values)[kBlock], size_t count,
                const ScanBins& bins, Tables& tables) {
  int indices[kBlock];
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(values[i]);
    const bool is_inside = bins.Contain(value);
    const int index = bins.IndexOf(is_inside ? value : bins.low);
    indices[i] = is_inside ? index : bins.count;
  }
  for (size_t i = 0; i < count; ++i) {
    ++tables[i % kTables][indices[i]];
  }
}

template <DType kDType>
void ScanAll(const uint8_t* bytes, size_t count, const ScanBins& bins,
             ScanTotals& totals, uint64_t* histogram) {
  using Stored = typename Element<kDType>::Stored;
  // A float where it is exact.
  using Value =
      std::conditional_t<(sizeof(Stored) < 4 || std::is_same_v<Stored, float>),
                         float, double>;
  Tables tables;
  for (auto& table : tables) {
    for (int i = 0; i <= bins.count; ++i) {
      table[i] = 0;
    }
  }
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t size = count - start < kBlock ? count - start : kBlock;
    Value values[kBlock];
    for (size_t i = 0; i < size; ++i) {
      Stored stored;
      __builtin_memcpy(&stored, bytes + (start + i) * sizeof(Stored),
                       sizeof(Stored));
      values[i] = static_cast<Value>(Element<kDType>::Decode(stored));
    }
    AddBlock(values, size, totals);
    if (bins.count > 0) {
      CountBlock(values, size, bins, tables);
    }
  }
  for (const auto& table : tables) {
    for (int i = 0; i < bins.count; ++i) {
      histogram[i] += table[i];
    }
  }
}

constexpr int kDTypeCount = static_cast<int>(DType::kFloat8E8m0fnu) + 1;

template <int kIndex>
constexpr ScanLoop LoopOf() {
  constexpr auto kDType = static_cast<DType>(kIndex);
  if constexpr (HasElement(kDType)) {
    return &ScanAll<kDType>;
  } else {
    return nullptr;
  }
}

template <int... kIndices>
ScanLoop Find(int index, std::integer_sequence<int, kIndices...>) {
  constexpr ScanLoop kLoops[] = {LoopOf<kIndices>()...};
  return index < kDTypeCount ? kLoops[index] : nullptr;
}

}  // namespace

template <>
ScanLoop FindScanLoop<CpuLevel::HOIST_CPU_LEVEL>(DType dtype) {
  return Find(static_cast<int>(dtype),
              std::make_integer_sequence<int, kDTypeCount>());
}

}  // namespace hoist
