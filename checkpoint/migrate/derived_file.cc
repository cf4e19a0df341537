#include "hoist/checkpoint/migrate/derived_file.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/cast.h"

namespace hoist {
namespace {

// How many elements are made at once.
constexpr int64_t kChunkElements = int64_t{1} << 17;

int64_t ElementBytes(DType dtype) { return DTypeBits(dtype) / 8; }

absl::Status CheckPart(const TensorSpec& first, const TensorSpec& part,
                       size_t dimension, size_t index) {
  if (part.dtype != first.dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("Part ", index + 1, " is of ", DTypeName(part.dtype),
                     ", and the first of ", DTypeName(first.dtype)));
  }
  bool fits = part.shape.size() == first.shape.size();
  for (size_t i = 0; fits && i < part.shape.size(); ++i) {
    fits = i == dimension || part.shape[i] == first.shape[i];
  }
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("Part ", index + 1, " of shape ", ShapeString(part.shape),
                     " cannot be joined to shape ", ShapeString(first.shape),
                     " along dimension ", dimension));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TensorSpec> DerivedSpec(const DerivedTensor& tensor) {
  const TensorSpec& first = tensor.parts[0].spec;
  if (DTypeBits(first.dtype) % 8 != 0) {
    return absl::UnimplementedError(
        absl::StrCat("Elements of ", DTypeName(first.dtype),
                     " are packed, and cannot be moved one by one"));
  }
  if (tensor.dtype != first.dtype) {
    HOIST_RETURN_IF_ERROR(CheckCast(first.dtype, tensor.dtype));
  }
  std::vector<int64_t> shape = first.shape;
  if (tensor.parts.size() > 1) {
    const auto dimension = static_cast<size_t>(tensor.dimension);
    if (dimension >= shape.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Shape ", ShapeString(shape), " has no dimension ",
                       tensor.dimension, " to join along"));
    }
    for (size_t i = 1; i < tensor.parts.size(); ++i) {
      const TensorSpec& part = tensor.parts[i].spec;
      HOIST_RETURN_IF_ERROR(CheckPart(first, part, dimension, i));
      const auto size = CheckedAdd(shape[dimension], part.shape[dimension]);
      if (!size) {
        return absl::InvalidArgumentError("The parts are too many elements");
      }
      shape[dimension] = *size;
    }
  }
  return ContiguousSpec(tensor.dtype, std::move(shape));
}

absl::StatusOr<std::shared_ptr<const DerivedFile>> DerivedFile::Create(
    std::string name, const DerivedTensor& tensor,
    const std::shared_ptr<BlockCache>& cache, int64_t max_block_bytes) {
  HOIST_ASSIGN_OR_RETURN(const TensorSpec spec, DerivedSpec(tensor));
  HOIST_ASSIGN_OR_RETURN(const int64_t size_bytes, LogicalBytes(spec));
  std::shared_ptr<DerivedFile> file(new DerivedFile());
  file->name_ = std::move(name);
  file->size_bytes_ = static_cast<uint64_t>(size_bytes);
  file->from_ = tensor.parts[0].spec.dtype;
  file->to_ = tensor.dtype;
  // Rows are all there is outside the dimension; one part is one row.
  int64_t rows = 1;
  for (int i = 0; tensor.parts.size() > 1 && i < tensor.dimension; ++i) {
    rows *= spec.shape[static_cast<size_t>(i)];
  }
  for (const StorageView& part : tensor.parts) {
    HOIST_ASSIGN_OR_RETURN(
        std::unique_ptr<StridedElements> elements,
        StridedElements::Create(part.storage, part.spec, part.storage_offset,
                                cache, max_block_bytes));
    const int64_t row_elements =
        rows == 0 ? 0 : elements->element_count() / rows;
    file->row_elements_ += row_elements;
    file->parts_.push_back({std::move(elements), row_elements});
  }
  return file;
}

absl::Status DerivedFile::ReadParts(int64_t first,
                                    absl::Span<uint8_t> out) const {
  const int64_t element_bytes = ElementBytes(from_);
  int64_t row = first / row_elements_;
  int64_t skipped = first % row_elements_;
  while (!out.empty()) {
    for (const Part& part : parts_) {
      if (skipped >= part.row_elements) {
        skipped -= part.row_elements;
        continue;
      }
      const int64_t count =
          std::min(part.row_elements - skipped,
                   static_cast<int64_t>(out.size()) / element_bytes);
      const auto bytes = static_cast<size_t>(count * element_bytes);
      HOIST_RETURN_IF_ERROR(part.elements->Read(
          row * part.row_elements + skipped, out.subspan(0, bytes)));
      out.remove_prefix(bytes);
      skipped = 0;
    }
    ++row;
  }
  return absl::OkStatus();
}

absl::Status DerivedFile::ReadElements(int64_t first,
                                       absl::Span<uint8_t> out) const {
  if (from_ == to_) {
    return ReadParts(first, out);
  }
  const size_t count = out.size() / static_cast<size_t>(ElementBytes(to_));
  std::vector<uint8_t> source(count * static_cast<size_t>(ElementBytes(from_)));
  HOIST_RETURN_IF_ERROR(ReadParts(first, absl::MakeSpan(source)));
  return Cast(from_, source, to_, out);
}

absl::Status DerivedFile::ReadAt(uint64_t offset,
                                 absl::Span<uint8_t> out) const {
  if (offset > size_bytes_ || out.size() > size_bytes_ - offset) {
    return absl::DataLossError(
        absl::StrCat(name_, ": Wanted ", out.size(), " bytes from byte ",
                     offset, ", and ", size_bytes_, " are there"));
  }
  const auto element_bytes = static_cast<uint64_t>(ElementBytes(to_));
  while (!out.empty()) {
    const uint64_t first = offset / element_bytes;
    const size_t skipped = static_cast<size_t>(offset % element_bytes);
    absl::Status status;
    size_t count = 0;
    if (skipped == 0 && out.size() >= element_bytes) {
      count = static_cast<size_t>(
          std::min<uint64_t>(out.size() / element_bytes, kChunkElements) *
          element_bytes);
      status = ReadElements(static_cast<int64_t>(first), out.subspan(0, count));
    } else {
      // A piece of one element.
      uint8_t element[16];
      status = ReadElements(static_cast<int64_t>(first),
                            absl::MakeSpan(element, element_bytes));
      count =
          std::min(out.size(), static_cast<size_t>(element_bytes) - skipped);
      std::memcpy(out.data(), element + skipped, count);
    }
    if (!status.ok()) {
      return Annotate(status, name_);
    }
    out.remove_prefix(count);
    offset += count;
  }
  return absl::OkStatus();
}

absl::Status DerivedFile::CheckUnchanged() const {
  for (const Part& part : parts_) {
    HOIST_RETURN_IF_ERROR(part.elements->storage().file().CheckUnchanged());
  }
  return absl::OkStatus();
}

}  // namespace hoist
