#ifndef HOIST_CHECKPOINT_MIGRATE_STRIDED_ELEMENTS_H_
#define HOIST_CHECKPOINT_MIGRATE_STRIDED_ELEMENTS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// The elements of a view of a storage, one after the other (row-major), of
// which any run can be read. Those of a contiguous view are read as they lie;
// others in blocks, each of which reads what it needs of the storage in as few
// runs as its memory allows, and is kept in a cache. Thread-safe.
class StridedElements {
 public:
  // A block holds this many bytes at most, and as many again four times over
  // while it is made.
  static constexpr int64_t kMaxBlockBytes = int64_t{16} << 20;

  // `cache` must outlive it. kInvalidArgument where `spec` does not lie inside
  // the storage; kUnimplemented for a packed dtype, and for more dimensions
  // than StridedLayout::kMaxDimensions. `max_block_bytes` is for tests.
  static absl::StatusOr<std::unique_ptr<StridedElements>> Create(
      std::shared_ptr<const StorageBytes> storage, const TensorSpec& spec,
      int64_t storage_offset, std::shared_ptr<BlockCache> cache,
      int64_t max_block_bytes = kMaxBlockBytes);
  ~StridedElements();
  StridedElements(const StridedElements&) = delete;
  StridedElements& operator=(const StridedElements&) = delete;

  int64_t element_count() const { return element_count_; }
  const StorageBytes& storage() const { return *storage_; }

  // Fills `out`, a whole number of elements, from element `first` on, which
  // are there; blocks. Errors as of StorageBytes::Read().
  absl::Status Read(int64_t first, absl::Span<uint8_t> out) const;

 private:
  StridedElements(std::shared_ptr<const StorageBytes> storage,
                  std::shared_ptr<BlockCache> cache);

  // Rows of one dimension with all that is inside them.
  void ChooseBlocks(int64_t max_block_bytes);
  // What of `sizes` is read as one run: the dimensions from there on in
  // `by_stride_`, and the elements that the run is long.
  struct Run {
    size_t first_dimension = 0;
    int64_t elements = 1;
    int64_t runs = 1;
  };
  Run RunOf(absl::Span<const int64_t> sizes) const;
  absl::Status MakeBlock(int64_t index, BlockCache::Bytes& bytes) const;

  const std::shared_ptr<const StorageBytes> storage_;
  const std::shared_ptr<BlockCache> cache_;
  TensorSpec spec_;  // without dimensions of size 1
  int64_t offset_ = 0;
  int64_t element_count_ = 0;
  int64_t element_bytes_ = 0;
  bool is_contiguous_ = false;
  std::vector<size_t> by_stride_;  // dimensions, the largest stride first
  size_t block_dimension_ = 0;
  int64_t block_rows_ = 1;
  int64_t row_elements_ = 1;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_STRIDED_ELEMENTS_H_
