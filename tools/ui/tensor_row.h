#ifndef HOIST_TOOLS_UI_TENSOR_ROW_H_
#define HOIST_TOOLS_UI_TENSOR_ROW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// A tensor as views show it.
struct TensorRow {
  std::string name;  // as in the file: not safe to show
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  int64_t elements = 0;
  int64_t bytes = 0;  // of the elements
  // The first row over the same elements of the same storage, if it is another
  // one: a tied weight.
  std::optional<int> tied_to;
  bool has_data = true;
  // One of the buffers that PyTorch's normalization layers keep: state, but
  // nothing that is trained.
  bool is_buffer = false;
};

// Parallel to catalog.tensors, which is valid. Thread-safe.
std::vector<TensorRow> TensorRows(const Catalog& catalog);

// What a row adds to a count of parameters: nothing for buffers, tied weights.
int64_t ParameterCount(const TensorRow& row);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_TENSOR_ROW_H_
