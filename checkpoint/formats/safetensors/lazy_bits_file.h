#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_LAZY_BITS_FILE_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_LAZY_BITS_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// A file of elements that are conjugated, negated or both when they are read:
// what PyTorch's conj and neg bits stand for. Thread-safe.
class LazyBitsFile : public RandomAccessFile {
 public:
  // `elements`: whole ones. kUnimplemented for dtypes for which PyTorch itself
  // cannot do it: conjugation takes a complex one, negation a complex one, a
  // floating-point one of 16 bits or more, or uint8 and int8 to int64, which
  // wrap around.
  static absl::StatusOr<std::shared_ptr<const LazyBitsFile>> Create(
      std::shared_ptr<const RandomAccessFile> elements, DType dtype,
      bool conjugate, bool negative);

  const std::string& path() const override { return elements_->path(); }
  uint64_t size_bytes() const override { return elements_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override;
  absl::Status CheckUnchanged() const override {
    return elements_->CheckUnchanged();
  }

 private:
  LazyBitsFile(std::shared_ptr<const RandomAccessFile> elements, DType dtype,
               bool conjugate, bool negative);

  absl::Status ReadNegated(uint64_t offset, absl::Span<uint8_t> out) const;

  const std::shared_ptr<const RandomAccessFile> elements_;
  const uint64_t part_bytes_;
  const uint64_t element_bytes_;
  const bool is_integer_;
  const bool flips_first_;  // the sign of the real part
  const bool flips_last_;   // of the imaginary one; the same of a real number
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_LAZY_BITS_FILE_H_
