#include "hoist/checkpoint/load/read_elements.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/chunk_reader.h"
#include "hoist/checkpoint/load/lazy_bits.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxGapBytes = 4096;
constexpr uint64_t kMaxRunBytes = uint64_t{1} << 20;

// An element's bytes in its storage, widened to whole units of byte order.
struct Piece {
  uint64_t begin = 0;
  uint64_t end = 0;
  size_t position = 0;  // in the result, in elements
};

// Bytes of a storage, in the order of their offsets.
class StorageReader {
 public:
  StorageReader(const RandomAccessFile& file, const StorageEntry& storage)
      : file_(file), storage_(storage) {
    if (storage.deflated_bytes) {
      stream_.emplace(file, storage.offset_bytes, *storage.deflated_bytes);
    }
  }

  // `offset` is not before the end of what was read last.
  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) {
    if (storage_.encoded_bytes) {
      return chunks_.Read(file_, storage_, offset, out);
    }
    if (!stream_) {
      const auto place = CheckedAdd(storage_.offset_bytes, offset);
      if (!place) {
        return absl::DataLossError("Its storage lies outside the file");
      }
      return file_.ReadAt(*place, out);
    }
    std::vector<uint8_t> skipped(
        std::min<uint64_t>(offset - stream_offset_, kMaxRunBytes));
    while (stream_offset_ < offset) {
      const size_t size = static_cast<size_t>(
          std::min<uint64_t>(offset - stream_offset_, skipped.size()));
      HOIST_RETURN_IF_ERROR(
          stream_->Read(absl::MakeSpan(skipped.data(), size)));
      stream_offset_ += size;
    }
    HOIST_RETURN_IF_ERROR(stream_->Read(out));
    stream_offset_ += out.size();
    return absl::OkStatus();
  }

 private:
  const RandomAccessFile& file_;
  const StorageEntry& storage_;
  ChunkReader chunks_{/*verify=*/true};
  std::optional<InflateReader> stream_;
  uint64_t stream_offset_ = 0;
};

absl::Status CheckIndices(const TensorSpec& spec,
                          absl::Span<const std::vector<int64_t>> indices) {
  if (indices.size() != spec.shape.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Indices for ", indices.size(),
                     " dimensions do not fit shape ", ShapeString(spec.shape)));
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    for (const int64_t index : indices[i]) {
      if (index < 0 || index >= spec.shape[i]) {
        return absl::InvalidArgumentError(
            absl::StrCat("Index ", index, " is out of range for dimension ", i,
                         " of size ", spec.shape[i]));
      }
    }
  }
  return absl::OkStatus();
}

// Where the wanted elements lie in the storage, in elements and in the order of
// the result.
absl::StatusOr<std::vector<int64_t>> ElementOffsets(
    const TensorEntry& entry, absl::Span<const std::vector<int64_t>> indices,
    int64_t count) {
  std::vector<int64_t> offsets;
  offsets.reserve(static_cast<size_t>(count));
  std::vector<size_t> at(indices.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    std::optional<int64_t> offset = entry.storage_offset;
    for (size_t d = 0; d < indices.size() && offset; ++d) {
      const auto distance =
          CheckedMul(indices[d][at[d]], entry.spec.strides[d]);
      offset = distance ? CheckedAdd(*offset, *distance) : std::nullopt;
    }
    if (!offset || *offset < 0) {
      return absl::DataLossError("Its elements lie outside its storage");
    }
    offsets.push_back(*offset);
    for (size_t d = indices.size(); d-- > 0;) {
      if (++at[d] < indices[d].size()) {
        break;
      }
      at[d] = 0;
    }
  }
  return offsets;
}

// In the order of the storage. Two of them are the same bytes or have none in
// common, since widths of elements and of units are powers of two.
absl::StatusOr<std::vector<Piece>> StoragePieces(
    const StorageEntry& storage, absl::Span<const int64_t> offsets,
    uint64_t element_bytes) {
  const auto unit = static_cast<uint64_t>(storage.swap_bytes);
  std::vector<Piece> pieces;
  pieces.reserve(offsets.size());
  for (size_t i = 0; i < offsets.size(); ++i) {
    const auto begin =
        CheckedMul(static_cast<uint64_t>(offsets[i]), element_bytes);
    const auto end = begin ? CheckedAdd(*begin, element_bytes) : std::nullopt;
    if (!end || *end > storage.size_bytes) {
      return absl::DataLossError("Its elements lie outside its storage");
    }
    // A storage is a whole number of units.
    pieces.push_back({.begin = *begin / unit * unit,
                      .end = (*end + unit - 1) / unit * unit,
                      .position = i});
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  return pieces;
}

absl::Status ReadPieces(const StorageEntry& storage,
                        const RandomAccessFile& file,
                        absl::Span<const int64_t> offsets,
                        uint64_t element_bytes, uint8_t* to) {
  HOIST_ASSIGN_OR_RETURN(const std::vector<Piece> pieces,
                         StoragePieces(storage, offsets, element_bytes));
  StorageReader reader(file, storage);
  std::vector<uint8_t> run;
  size_t next = 0;
  for (size_t first = 0; first < pieces.size(); first = next) {
    const uint64_t begin = pieces[first].begin;
    uint64_t end = pieces[first].end;
    for (next = first + 1;
         next < pieces.size() &&
         (pieces[next].begin <= end ||
          pieces[next].begin - end <= kMaxGapBytes) &&
         (pieces[next].end <= end || pieces[next].end - begin <= kMaxRunBytes);
         ++next) {
      end = std::max(end, pieces[next].end);
    }
    run.resize(static_cast<size_t>(end - begin));
    HOIST_RETURN_IF_ERROR(reader.Read(begin, absl::MakeSpan(run)));
    if (storage.swap_bytes > 1) {
      HOIST_RETURN_IF_ERROR(ByteSwap(absl::MakeSpan(run), storage.swap_bytes));
    }
    for (size_t i = first; i < next; ++i) {
      const size_t position = pieces[i].position;
      const uint64_t from =
          static_cast<uint64_t>(offsets[position]) * element_bytes - begin;
      std::memcpy(to + position * element_bytes, run.data() + from,
                  static_cast<size_t>(element_bytes));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> Read(const Catalog& catalog, CatalogFiles files,
                            const TensorEntry& entry,
                            absl::Span<const std::vector<int64_t>> indices) {
  const DType dtype = entry.spec.dtype;
  if (!entry.storage) {
    return absl::InvalidArgumentError(
        "It has no data to read: it was saved on the meta device");
  }
  if (DTypeBits(dtype) % 8 != 0) {
    return absl::UnimplementedError(
        absl::StrCat("Single elements of ", DTypeName(dtype),
                     " cannot be read, as they are packed"));
  }
  HOIST_RETURN_IF_ERROR(CheckIndices(entry.spec, indices));
  std::vector<int64_t> shape;
  for (const std::vector<int64_t>& along : indices) {
    shape.push_back(static_cast<int64_t>(along.size()));
  }
  HOIST_ASSIGN_OR_RETURN(const int64_t count, ElementCount(shape));
  if (count > kMaxReadElements) {
    return WithHint(absl::ResourceExhaustedError(absl::StrCat(
                        count, " elements are more than the ", kMaxReadElements,
                        " that can be read one by one")),
                    "Load the tensor, or take a smaller part of it");
  }
  HOIST_ASSIGN_OR_RETURN(TensorSpec spec,
                         ContiguousSpec(dtype, std::move(shape)));
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(spec));
  HOIST_ASSIGN_OR_RETURN(std::shared_ptr<Buffer> buffer,
                         Buffer::Allocate(static_cast<size_t>(bytes)));
  if (count > 0) {
    const StorageEntry& storage = catalog.storages[*entry.storage];
    HOIST_ASSIGN_OR_RETURN(const std::vector<int64_t> offsets,
                           ElementOffsets(entry, indices, count));
    HOIST_RETURN_IF_ERROR(
        ReadPieces(storage, *files[storage.file], offsets,
                   static_cast<uint64_t>(DTypeBits(dtype)) / 8,
                   static_cast<uint8_t*>(buffer->data())));
  }
  HOIST_ASSIGN_OR_RETURN(Tensor tensor,
                         Tensor::Create(std::move(spec), std::move(buffer), 0));
  if (!entry.is_conjugate && !entry.is_negative) {
    return tensor;
  }
  return ResolveLazyBits(tensor, entry.is_conjugate, entry.is_negative);
}

}  // namespace

absl::StatusOr<Tensor> ReadElements(
    const Catalog& catalog, CatalogFiles files, const TensorEntry& entry,
    absl::Span<const std::vector<int64_t>> indices) {
  absl::StatusOr<Tensor> tensor = Read(catalog, files, entry, indices);
  if (!tensor.ok()) {
    return Annotate(tensor.status(), absl::StrCat("Tensor ", entry.name));
  }
  return tensor;
}

}  // namespace hoist
