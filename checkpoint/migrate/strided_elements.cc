#include "hoist/checkpoint/migrate/strided_elements.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/gather.h"
#include "hoist/core/tensor/ops/strided_layout.h"

namespace hoist {
namespace {

// A gap is read with its neighbours where a call for itself would take longer.
constexpr int64_t kShortRunBytes = 16 << 10;
// What may be read for each element that is wanted.
constexpr int64_t kMaxWaste = 2;
// What a block reads, in its own size.
constexpr int64_t kMaxScratchRatio = 4;

int64_t Product(absl::Span<const int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1},
                         std::multiplies<>());
}

}  // namespace

StridedElements::StridedElements(std::shared_ptr<const StorageBytes> storage,
                                 std::shared_ptr<BlockCache> cache)
    : storage_(std::move(storage)), cache_(std::move(cache)) {}

StridedElements::~StridedElements() { cache_->Forget(this); }

absl::StatusOr<std::unique_ptr<StridedElements>> StridedElements::Create(
    std::shared_ptr<const StorageBytes> storage, const TensorSpec& spec,
    int64_t storage_offset, std::shared_ptr<BlockCache> cache,
    int64_t max_block_bytes) {
  // Refuses what is packed, and numbers that do not fit.
  HOIST_RETURN_IF_ERROR(MakeStridedLayout(spec).status());
  HOIST_ASSIGN_OR_RETURN(const int64_t needed,
                         RequiredStorageBytes(spec, storage_offset));
  if (static_cast<uint64_t>(needed) > storage->entry().size_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A view that takes ", needed, " bytes is not inside storage ",
        storage->entry().name, " of ", storage->entry().size_bytes));
  }
  std::unique_ptr<StridedElements> elements(
      new StridedElements(std::move(storage), std::move(cache)));
  elements->spec_.dtype = spec.dtype;
  for (size_t i = 0; i < spec.shape.size(); ++i) {
    if (spec.shape[i] != 1) {
      elements->spec_.shape.push_back(spec.shape[i]);
      elements->spec_.strides.push_back(spec.strides[i]);
    }
  }
  elements->offset_ = storage_offset;
  elements->element_bytes_ = DTypeBits(spec.dtype) / 8;
  elements->element_count_ = Product(spec.shape);
  elements->is_contiguous_ = IsContiguous(spec);
  if (!elements->is_contiguous_) {
    elements->ChooseBlocks(max_block_bytes);
  }
  return elements;
}

StridedElements::Run StridedElements::RunOf(
    absl::Span<const int64_t> sizes) const {
  Run run{.first_dimension = by_stride_.size()};
  int64_t wanted = 1;
  while (run.first_dimension > 0) {
    const size_t dimension = by_stride_[run.first_dimension - 1];
    const int64_t stride = spec_.strides[dimension];
    // Of what the storage has, so it fits.
    const int64_t span = run.elements + (sizes[dimension] - 1) * stride;
    wanted *= stride == 0 ? 1 : sizes[dimension];
    if (span > wanted * kMaxWaste && span * element_bytes_ > kShortRunBytes) {
      break;
    }
    run.elements = span;
    --run.first_dimension;
  }
  for (size_t i = 0; i < run.first_dimension; ++i) {
    run.runs *= sizes[by_stride_[i]];
  }
  return run;
}

void StridedElements::ChooseBlocks(int64_t max_block_bytes) {
  by_stride_.resize(spec_.shape.size());
  std::iota(by_stride_.begin(), by_stride_.end(), size_t{0});
  std::stable_sort(by_stride_.begin(), by_stride_.end(),
                   [this](size_t a, size_t b) {
                     return spec_.strides[a] > spec_.strides[b];
                   });
  const int64_t max_elements =
      std::max<int64_t>(max_block_bytes / element_bytes_, 1);
  // Whether that many rows of `dimension` are a block.
  std::vector<int64_t> sizes = spec_.shape;
  const auto fits = [&](size_t dimension, int64_t rows) {
    sizes[dimension] = rows;
    const Run run = RunOf(sizes);
    return rows <= max_elements / row_elements_ &&
           run.elements <= max_elements * kMaxScratchRatio / run.runs;
  };
  row_elements_ = element_count_;
  for (size_t dimension = 0; dimension < spec_.shape.size(); ++dimension) {
    block_dimension_ = dimension;
    row_elements_ /= spec_.shape[dimension];
    if (fits(dimension, 1)) {
      break;
    }
  }
  block_rows_ = spec_.shape[block_dimension_];
  while (block_rows_ > 1 && !fits(block_dimension_, block_rows_)) {
    block_rows_ = (block_rows_ + 1) / 2;
  }
}

absl::Status StridedElements::MakeBlock(int64_t index,
                                        BlockCache::Bytes& bytes) const {
  const int64_t size = spec_.shape[block_dimension_];
  const int64_t blocks_along = (size + block_rows_ - 1) / block_rows_;
  // Where it starts, and how far it goes along each dimension.
  std::vector<int64_t> sizes = spec_.shape;
  const int64_t first_row = index % blocks_along * block_rows_;
  sizes[block_dimension_] = std::min(block_rows_, size - first_row);
  int64_t place = offset_ + first_row * spec_.strides[block_dimension_];
  int64_t outer = index / blocks_along;
  for (size_t i = block_dimension_; i-- > 0;) {
    place += outer % spec_.shape[i] * spec_.strides[i];
    outer /= spec_.shape[i];
    sizes[i] = 1;
  }

  // Run after run to where they lie without what is between them.
  const Run run = RunOf(sizes);
  const auto run_bytes = static_cast<size_t>(run.elements * element_bytes_);
  std::vector<uint8_t> scratch(run_bytes * static_cast<size_t>(run.runs));
  TensorSpec packed{spec_.dtype, sizes, spec_.strides};
  int64_t stride = run.elements;
  for (size_t i = run.first_dimension; i-- > 0;) {
    packed.strides[by_stride_[i]] = stride;
    stride *= sizes[by_stride_[i]];
  }
  for (int64_t i = 0; i < run.runs; ++i) {
    int64_t rest = i;
    int64_t from = place;
    for (size_t j = run.first_dimension; j-- > 0;) {
      const size_t dimension = by_stride_[j];
      from += rest % sizes[dimension] * spec_.strides[dimension];
      rest /= sizes[dimension];
    }
    HOIST_RETURN_IF_ERROR(
        storage_->Read(static_cast<uint64_t>(from * element_bytes_),
                       absl::MakeSpan(scratch).subspan(
                           static_cast<size_t>(i) * run_bytes, run_bytes)));
  }
  bytes.resize(static_cast<size_t>(Product(sizes) * element_bytes_));
  return Gather(packed, scratch, absl::MakeSpan(bytes));
}

absl::Status StridedElements::Read(int64_t first,
                                   absl::Span<uint8_t> out) const {
  if (out.empty()) {
    return absl::OkStatus();
  }
  if (is_contiguous_) {
    return storage_->Read(
        static_cast<uint64_t>((offset_ + first) * element_bytes_), out);
  }
  const int64_t size = spec_.shape[block_dimension_];
  const int64_t blocks_along = (size + block_rows_ - 1) / block_rows_;
  while (!out.empty()) {
    const int64_t row = first / row_elements_;
    const int64_t block = row / size * blocks_along + row % size / block_rows_;
    const int64_t block_first =
        (row / size * size + row % size / block_rows_ * block_rows_) *
        row_elements_;
    HOIST_ASSIGN_OR_RETURN(
        const std::shared_ptr<const BlockCache::Bytes> bytes,
        cache_->Get(this, block, [&](BlockCache::Bytes& made) {
          return MakeBlock(block, made);
        }));
    const auto skipped =
        static_cast<size_t>((first - block_first) * element_bytes_);
    const size_t count = std::min(out.size(), bytes->size() - skipped);
    std::memcpy(out.data(), bytes->data() + skipped, count);
    out.remove_prefix(count);
    first += static_cast<int64_t>(count) / element_bytes_;
  }
  return absl::OkStatus();
}

}  // namespace hoist
