#include "hoist/tools/ui/summary.h"

#include <algorithm>
#include <map>

#include "hoist/tools/ui/saturating_math.h"

namespace hoist {
namespace {

void Add(const TensorRow& row, Summary::Total& total) {
  total.tensors += 1;
  total.elements = SaturatingAdd(total.elements, row.elements);
  total.parameters = SaturatingAdd(total.parameters, ParameterCount(row));
  total.bytes = SaturatingAdd(total.bytes, row.has_data ? row.bytes : 0);
}

}  // namespace

Summary Summarize(absl::Span<const TensorRow> rows,
                  absl::Span<const int> shown) {
  Summary summary;
  std::map<DType, Summary::Total> totals;
  for (const int index : shown) {
    const TensorRow& row = rows[index];
    summary.without_data += row.has_data ? 0 : 1;
    if (row.tied_to) {
      summary.ties.emplace_back(index, *row.tied_to);
      continue;
    }
    Add(row, summary.all);
    Add(row, totals[row.dtype]);
  }
  summary.by_dtype.assign(totals.begin(), totals.end());
  std::stable_sort(summary.by_dtype.begin(), summary.by_dtype.end(),
                   [](const auto& a, const auto& b) {
                     return a.second.bytes > b.second.bytes;
                   });
  return summary;
}

}  // namespace hoist
