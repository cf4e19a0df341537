#include "hoist/core/tensor/ops/gather.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/strided_layout.h"

namespace hoist {
namespace {

// Elements along an edge of what is copied at once where rows of the result are
// columns of the source: whole lines of the cache.
template <typename T>
constexpr int64_t kTile = std::max<int64_t>(32, 64 / sizeof(T));

struct Bytes16 {
  uint64_t halves[2];
};

// A dimension of the copy; strides are in elements.
struct Axis {
  int64_t size = 1;
  int64_t source_stride = 0;
  int64_t destination_stride = 0;
};

// Copies at most a tile by way of memory that has no strides: where those are
// powers of two, a cache holds only a few lines.
template <typename T>
void CopyTile(const uint8_t* source, const Axis& rows, const Axis& columns,
              uint8_t* destination) {
  constexpr int64_t kBytes = sizeof(T);
  T tile[kTile<T>][kTile<T>];
  for (int64_t column = 0; column < columns.size; ++column) {
    const uint8_t* from = source + column * columns.source_stride * kBytes;
    for (int64_t row = 0; row < rows.size; ++row) {
      std::memcpy(&tile[row][column], from + row * rows.source_stride * kBytes,
                  kBytes);
    }
  }
  for (int64_t row = 0; row < rows.size; ++row) {
    std::memcpy(destination + row * rows.destination_stride * kBytes, tile[row],
                columns.size * kBytes);
  }
}

template <typename T>
void CopyPlane(const uint8_t* source, const Axis& rows, const Axis& columns,
               uint8_t* destination) {
  constexpr int64_t kBytes = sizeof(T);
  if (columns.source_stride == 1) {
    for (int64_t row = 0; row < rows.size; ++row) {
      std::memcpy(destination + row * rows.destination_stride * kBytes,
                  source + row * rows.source_stride * kBytes,
                  columns.size * kBytes);
    }
    return;
  }
  for (int64_t top = 0; top < rows.size; top += kTile<T>) {
    Axis tile_rows = rows;
    tile_rows.size = std::min(kTile<T>, rows.size - top);
    for (int64_t left = 0; left < columns.size; left += kTile<T>) {
      Axis tile_columns = columns;
      tile_columns.size = std::min(kTile<T>, columns.size - left);
      const int64_t from =
          top * rows.source_stride + left * columns.source_stride;
      const int64_t to = top * rows.destination_stride + left;
      CopyTile<T>(source + from * kBytes, tile_rows, tile_columns,
                  destination + to * kBytes);
    }
  }
}

// Copies plane after plane: the last dimension with the one in which the
// source is densest.
template <typename T>
void GatherAll(const StridedLayout& layout, const uint8_t* source,
               uint8_t* destination) {
  Axis axes[StridedLayout::kMaxDimensions];
  int64_t destination_stride = 1;
  for (int i = layout.dimensions - 1; i >= 0; --i) {
    axes[i] = {layout.sizes[i], layout.strides[i], destination_stride};
    destination_stride *= layout.sizes[i];
  }
  int outer = layout.dimensions;
  const Axis columns = outer > 0 ? axes[--outer] : Axis{1, 1, 1};
  Axis rows;
  if (outer > 0) {
    Axis* const densest =
        std::min_element(axes, axes + outer, [](const Axis& a, const Axis& b) {
          return a.source_stride < b.source_stride;
        });
    rows = *densest;
    std::copy(densest + 1, axes + outer, densest);
    --outer;
  }
  const int64_t planes = layout.element_count / (rows.size * columns.size);
  for (int64_t plane = 0; plane < planes; ++plane) {
    int64_t index = plane;
    int64_t from = 0;
    int64_t to = 0;
    for (int i = outer - 1; i >= 0; --i) {
      const int64_t coordinate = index % axes[i].size;
      index /= axes[i].size;
      from += coordinate * axes[i].source_stride;
      to += coordinate * axes[i].destination_stride;
    }
    CopyPlane<T>(source + from * sizeof(T), rows, columns,
                 destination + to * sizeof(T));
  }
}

}  // namespace

absl::Status Gather(const TensorSpec& spec, absl::Span<const uint8_t> source,
                    absl::Span<uint8_t> destination) {
  HOIST_ASSIGN_OR_RETURN(const StridedLayout layout, MakeStridedLayout(spec));
  HOIST_ASSIGN_OR_RETURN(const int64_t needed, RequiredStorageBytes(spec, 0));
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(spec));
  if (source.size() < static_cast<uint64_t>(needed) ||
      destination.size() != static_cast<uint64_t>(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Gathering shape ", ShapeString(spec.shape), " of ",
        DTypeName(spec.dtype), " takes ", needed, " bytes of source and ",
        bytes, " of destination, and not ", source.size(), " and ",
        destination.size()));
  }
  if (layout.element_count == 0) {
    return absl::OkStatus();
  }
  switch (layout.element_bytes) {
    case 1:
      GatherAll<uint8_t>(layout, source.data(), destination.data());
      break;
    case 2:
      GatherAll<uint16_t>(layout, source.data(), destination.data());
      break;
    case 4:
      GatherAll<uint32_t>(layout, source.data(), destination.data());
      break;
    case 8:
      GatherAll<uint64_t>(layout, source.data(), destination.data());
      break;
    default:
      GatherAll<Bytes16>(layout, source.data(), destination.data());
      break;
  }
  return absl::OkStatus();
}

}  // namespace hoist
