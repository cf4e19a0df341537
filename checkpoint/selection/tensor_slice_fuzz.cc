#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/selection/select_tensors.h"
#include "hoist/checkpoint/selection/tensor_slice.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/base/check.h"

namespace hoist {
namespace {

// A number of dimensions with their sizes, and then the text of an index.
constexpr size_t kDimensions = 4;

// Places of the elements of `spec` in its storage, row-major.
std::vector<int64_t> Places(const TensorSpec& spec, int64_t offset) {
  std::vector<int64_t> places = {offset};
  for (size_t i = 0; i < spec.shape.size(); ++i) {
    std::vector<int64_t> next;
    for (const int64_t place : places) {
      for (int64_t k = 0; k < spec.shape[i]; ++k) {
        next.push_back(place + k * spec.strides[i]);
      }
    }
    places = std::move(next);
  }
  return places;
}

// Which places along a dimension of `size` an item takes: looks at each.
std::vector<int64_t> Taken(const SliceItem& item, int64_t size) {
  const auto from_end = [size](int64_t bound) {
    return bound < 0 ? std::max<int64_t>(bound + size, 0) : bound;
  };
  std::vector<int64_t> taken;
  if (item.kind == SliceItem::Kind::kIndex) {
    taken = {*item.start < 0 ? *item.start + size : *item.start};
    return taken;
  }
  const int64_t start = item.start ? from_end(*item.start) : 0;
  const int64_t stop = item.stop ? from_end(*item.stop) : size;
  for (int64_t i = 0; i < std::min(stop, size); ++i) {
    if (i >= start && (i - start) % item.step == 0) {
      taken.push_back(i);
    }
  }
  return taken;
}

// The same places by the definition.
std::vector<int64_t> ExpectedPlaces(const TensorEntry& tensor,
                                    const TensorSlice& slice) {
  std::vector<SliceItem> items;
  const size_t dimensions = tensor.spec.shape.size();
  for (const SliceItem& item : slice.items) {
    if (item.kind != SliceItem::Kind::kEllipsis) {
      items.push_back(item);
      continue;
    }
    for (size_t i = slice.items.size() - 1; i < dimensions; ++i) {
      items.push_back({});
    }
  }
  items.resize(dimensions);
  std::vector<int64_t> places = {tensor.storage_offset};
  for (size_t i = 0; i < dimensions; ++i) {
    std::vector<int64_t> next;
    for (const int64_t place : places) {
      for (const int64_t k : Taken(items[i], tensor.spec.shape[i])) {
        next.push_back(place + k * tensor.spec.strides[i]);
      }
    }
    places = std::move(next);
  }
  return places;
}

void CheckSlice(const TensorEntry& tensor, absl::string_view text) {
  const absl::StatusOr<TensorSlice> slice = ParseTensorSlice(text);
  if (!slice.ok()) {
    HOIST_CHECK(absl::IsInvalidArgument(slice.status()));
    return;
  }
  Catalog catalog;
  catalog.files = {{.path = "f", .size_bytes = 10000}};
  catalog.storages = {{.size_bytes = 10000, .name = "s"}};
  catalog.tensors = {tensor};
  CheckCatalog(catalog);
  absl::StatusOr<TensorEntry> part = SliceTensor(tensor, *slice);
  if (!part.ok()) {
    HOIST_CHECK(absl::IsInvalidArgument(part.status()));
    return;
  }
  HOIST_CHECK(Places(part->spec, part->storage_offset) ==
              ExpectedPlaces(tensor, *slice));
  catalog.tensors.push_back(*std::move(part));
  CheckCatalog(catalog);
  // The same through the front door.
  const auto selected = SelectTensors(catalog, {tensor.name + slice->text});
  HOIST_CHECK(selected.ok());
  CheckCatalog(*selected);
}

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < hoist::kDimensions) {
    return 0;
  }
  hoist::TensorEntry tensor;
  tensor.name = "w";
  tensor.storage = 0;
  tensor.storage_offset = data[0] / 8;
  for (size_t i = 0; i < data[0] % (hoist::kDimensions + 1); ++i) {
    tensor.spec.shape.push_back(data[i] % 6);
    // Also overlapping, and repeated.
    tensor.spec.strides.push_back(data[(i + 1) % hoist::kDimensions] % 40);
  }
  const absl::string_view text(
      reinterpret_cast<const char*>(data) + hoist::kDimensions,
      size - hoist::kDimensions);
  hoist::CheckSlice(tensor, text);
  // Any text is a pattern.
  const absl::string_view half = text.substr(0, text.size() / 2);
  hoist::MatchesName(half, text.substr(half.size()));
  HOIST_CHECK(hoist::MatchesName("*", text));
  return 0;
}
