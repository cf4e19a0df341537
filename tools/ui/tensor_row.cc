#include "hoist/tools/ui/tensor_row.h"

#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

bool IsNormalizationBuffer(absl::string_view name) {
  const size_t dot = name.rfind('.');
  const absl::string_view last =
      dot == absl::string_view::npos ? name : name.substr(dot + 1);
  return last == "running_mean" || last == "running_var" ||
         last == "num_batches_tracked";
}

}  // namespace

std::vector<TensorRow> TensorRows(const Catalog& catalog) {
  // A transposed view has the same elements, so strides do not matter.
  using Place = std::tuple<int, int64_t, int64_t, DType>;
  absl::flat_hash_map<Place, int> first_at;
  std::vector<TensorRow> rows;
  rows.reserve(catalog.tensors.size());
  for (const TensorEntry& tensor : catalog.tensors) {
    TensorRow row;
    row.name = tensor.name;
    row.dtype = tensor.spec.dtype;
    row.shape = tensor.spec.shape;
    row.elements = ElementCount(tensor.spec.shape).value_or(0);
    row.bytes = LogicalBytes(tensor.spec).value_or(0);
    row.has_data = tensor.storage.has_value();
    row.is_buffer = IsNormalizationBuffer(tensor.name) || !tensor.is_persistent;
    if (row.has_data && row.elements > 0) {
      const auto [first, is_new] =
          first_at.try_emplace(Place(*tensor.storage, tensor.storage_offset,
                                     row.elements, row.dtype),
                               static_cast<int>(rows.size()));
      if (!is_new) {
        row.tied_to = first->second;
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

int64_t ParameterCount(const TensorRow& row) {
  return row.is_buffer || row.tied_to ? 0 : row.elements;
}

}  // namespace hoist
