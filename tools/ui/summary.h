#ifndef HOIST_TOOLS_UI_SUMMARY_H_
#define HOIST_TOOLS_UI_SUMMARY_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/tools/ui/tensor_row.h"

namespace hoist {

// Totals of some tensors. A tied weight counts once.
struct Summary {
  struct Total {
    int64_t tensors = 0;
    int64_t elements = 0;
    int64_t parameters = 0;  // elements, less buffers'
    int64_t bytes = 0;       // in the file
  };
  Total all;
  // Most bytes first.
  std::vector<std::pair<DType, Total>> by_dtype;
  // Indices of rows: a tied one, and the first with its elements.
  std::vector<std::pair<int, int>> ties;
  int64_t without_data = 0;
};

// Of those `rows` that `shown` lists. Thread-safe.
Summary Summarize(absl::Span<const TensorRow> rows,
                  absl::Span<const int> shown);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_SUMMARY_H_
