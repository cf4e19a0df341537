#ifndef HOIST_CHECKPOINT_SHARD_SLICE_ORACLE_H_
#define HOIST_CHECKPOINT_SHARD_SLICE_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/shard/rank_slices.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/checkpoint/shard/shard_spec.h"

namespace hoist {

// Elements of a row-major tensor at `ranges` of `dim`, element by element.
inline std::string NaivePart(const std::string& elements,
                             const std::vector<int64_t>& shape, size_t dim,
                             const IndexRanges& ranges, size_t width) {
  size_t outer = 1;
  size_t inner = width;
  for (size_t i = 0; i < shape.size(); ++i) {
    (i < dim ? outer : inner) *= i == dim ? 1 : static_cast<size_t>(shape[i]);
  }
  std::string part;
  for (size_t row = 0; row < outer; ++row) {
    for (const IndexRange& range : ranges) {
      for (int64_t i = range.first; i < range.first + range.count; ++i) {
        part += elements.substr(
            (row * static_cast<size_t>(shape[dim]) + static_cast<size_t>(i)) *
                inner,
            inner);
      }
    }
  }
  return part;
}

// What every rank loads is held against parts that are cut of all elements;
// returns how many tensors were cut.
inline int ExpectEveryRank(
    const Catalog& catalog,
    const std::vector<std::shared_ptr<const RandomAccessFile>>& files,
    const ShardSpec& spec, int world_size,
    const SliceOptions& slice_options = {}) {
  const std::vector<std::string> whole = NaiveLoad(catalog, files);
  auto layout = ShardLayout::Create(catalog, spec, world_size);
  if (!layout.ok()) {
    ADD_FAILURE() << layout.status();
    return 0;
  }
  int cut = 0;
  for (int rank = 0; rank < world_size; ++rank) {
    auto slices = SliceForRank(catalog, files, *layout, rank, slice_options);
    if (!slices.ok()) {
      ADD_FAILURE() << slices.status();
      return 0;
    }
    auto loaded = LoadCatalog(slices->catalog, slices->files,
                              {.verify_checksums = slice_options.verify});
    if (!loaded.ok()) {
      ADD_FAILURE() << loaded.status();
      return 0;
    }
    std::vector<std::string> expected;
    for (size_t i = 0; i < catalog.tensors.size(); ++i) {
      if (!layout->Holds(i, rank)) {
        continue;
      }
      const TensorEntry& tensor = catalog.tensors[i];
      const ShardLayout::Division& division = layout->division(i);
      if (division.kind == ShardLayout::Division::Kind::kWhole ||
          !tensor.storage) {
        expected.push_back(whole[i]);
        continue;
      }
      ++cut;
      expected.push_back(NaivePart(
          whole[i], tensor.spec.shape, division.dim, layout->PartOf(i, rank),
          static_cast<size_t>(DTypeBits(tensor.spec.dtype)) / 8));
    }
    ExpectTensors(loaded->tensors, slices->catalog, expected, HostBytes);
  }
  return cut;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SHARD_SLICE_ORACLE_H_
