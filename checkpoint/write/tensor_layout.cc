#include "hoist/checkpoint/write/tensor_layout.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// The bytes from the first to the last of a tensor's.
struct Extent {
  int tensor = 0;
  Device device;
  uintptr_t begin = 0;
  uintptr_t end = 0;
};

bool IsBefore(const Extent& a, const Extent& b) {
  const auto key = [](const Extent& extent) {
    return std::tuple(extent.device.kind, extent.device.index, extent.begin,
                      extent.tensor);
  };
  return key(a) < key(b);
}

void AddBuffer(const std::shared_ptr<Buffer>& buffer,
               std::vector<std::shared_ptr<Buffer>>& buffers) {
  if (std::find(buffers.begin(), buffers.end(), buffer) == buffers.end()) {
    buffers.push_back(buffer);
  }
}

// Numbers the runs by their first tensors, and gives them their places.
void OrderRuns(TensorLayout& layout) {
  std::vector<int> number(layout.runs.size(), -1);
  std::vector<TensorLayout::Run> ordered;
  for (TensorLayout::Place& place : layout.places) {
    if (place.run < 0) {
      continue;
    }
    int& known = number[place.run];
    if (known < 0) {
      known = static_cast<int>(ordered.size());
      ordered.push_back(std::move(layout.runs[place.run]));
      ordered.back().file_offset = layout.file_bytes;
      layout.file_bytes += (ordered.back().size_bytes + kRunAlignment - 1) /
                           kRunAlignment * kRunAlignment;
    }
    place.run = known;
  }
  layout.runs = std::move(ordered);
}

}  // namespace

absl::StatusOr<TensorLayout> LayOutTensors(const StateDict& tensors) {
  TensorLayout layout;
  layout.places.resize(tensors.size());
  std::vector<Extent> extents;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = (tensors.begin() + i)->tensor;
    if (tensor.element_count() == 0) {
      continue;
    }
    HOIST_ASSIGN_OR_RETURN(const int64_t bytes,
                           RequiredStorageBytes(tensor.spec(), 0));
    const auto begin = reinterpret_cast<uintptr_t>(tensor.data());
    extents.push_back({.tensor = static_cast<int>(i),
                       .device = tensor.device(),
                       .begin = begin,
                       .end = begin + static_cast<uintptr_t>(bytes)});
  }
  std::sort(extents.begin(), extents.end(), IsBefore);
  uintptr_t run_begin = 0;
  for (const Extent& extent : extents) {
    const Tensor& tensor = (tensors.begin() + extent.tensor)->tensor;
    if (layout.runs.empty() || layout.runs.back().device != extent.device ||
        extent.begin >= run_begin + layout.runs.back().size_bytes) {
      run_begin = extent.begin;
      layout.runs.push_back(
          {.device = extent.device,
           .data = reinterpret_cast<const uint8_t*>(extent.begin)});
    }
    TensorLayout::Run& run = layout.runs.back();
    run.size_bytes = std::max<uint64_t>(run.size_bytes, extent.end - run_begin);
    AddBuffer(tensor.buffer(), run.buffers);
    const uint64_t offset = extent.begin - run_begin;
    if (offset * 8 % static_cast<uint64_t>(DTypeBits(tensor.dtype())) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("Tensor ", (tensors.begin() + extent.tensor)->name,
                       ": it overlaps another that begins ", offset,
                       " bytes before, which are no whole number of ",
                       DTypeName(tensor.dtype())));
    }
    layout.places[extent.tensor] = {
        .run = static_cast<int>(layout.runs.size()) - 1,
        .offset_bytes = offset};
  }
  OrderRuns(layout);
  return layout;
}

}  // namespace hoist
