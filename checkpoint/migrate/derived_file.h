#ifndef HOIST_CHECKPOINT_MIGRATE_DERIVED_FILE_H_
#define HOIST_CHECKPOINT_MIGRATE_DERIVED_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/checkpoint/migrate/strided_elements.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// A view of a storage, as a TensorEntry is one.
struct StorageView {
  std::shared_ptr<const StorageBytes> storage;
  TensorSpec spec;
  int64_t storage_offset = 0;
};

// A tensor that is made of others when it is read: `parts`, which have one
// dtype and, but for dimension `dimension`, one shape, one after the other
// along that; and each element cast to `dtype`. One part is that part itself.
struct DerivedTensor {
  std::vector<StorageView> parts;  // at least one
  int dimension = 0;
  DType dtype = DType::kFloat32;
};

// Shape and dtype of the result, contiguous. kInvalidArgument where the parts
// do not fit together, kUnimplemented for a cast that Cast() does not do and
// for packed dtypes. Thread-safe.
absl::StatusOr<TensorSpec> DerivedSpec(const DerivedTensor& tensor);

// The elements of a derived tensor, one after the other, as a file that is
// nowhere: whoever reads bytes of it has them computed then. Takes the same
// memory whatever its size, but for the blocks in the cache that it is given.
// Reads of the file are as fast as those of its parts and the cast; parts that
// are not contiguous are read once if the file is read from front to back.
// Thread-safe.
class DerivedFile : public RandomAccessFile {
 public:
  // `name` is for messages. Errors as DerivedSpec() and
  // StridedElements::Create().
  static absl::StatusOr<std::shared_ptr<const DerivedFile>> Create(
      std::string name, const DerivedTensor& tensor,
      const std::shared_ptr<BlockCache>& cache,
      int64_t max_block_bytes = StridedElements::kMaxBlockBytes);

  const std::string& path() const override { return name_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override;
  // Whether the files of its parts are what they were.
  absl::Status CheckUnchanged() const override;

 private:
  DerivedFile() = default;

  // `out` is a whole number of elements, and not more than a chunk.
  absl::Status ReadElements(int64_t first, absl::Span<uint8_t> out) const;
  // Those of the parts, which are not cast.
  absl::Status ReadParts(int64_t first, absl::Span<uint8_t> out) const;

  struct Part {
    std::unique_ptr<StridedElements> elements;
    // Of one row of all that is outside the dimension they are joined along.
    int64_t row_elements = 0;
  };

  std::string name_;
  uint64_t size_bytes_ = 0;
  std::vector<Part> parts_;
  int64_t row_elements_ = 0;  // of all parts
  DType from_ = DType::kFloat32;
  DType to_ = DType::kFloat32;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_DERIVED_FILE_H_
