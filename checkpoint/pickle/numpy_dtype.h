#ifndef HOIST_CHECKPOINT_PICKLE_NUMPY_DTYPE_H_
#define HOIST_CHECKPOINT_PICKLE_NUMPY_DTYPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "hoist/checkpoint/catalog/value.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// The elements of a numpy array.
struct NumpyDType {
  char kind = 'V';         // numpy's dtype.kind: b i u f c m M S U V O
  int64_t size_bytes = 0;  // of one element
  bool is_big_endian = false;
  bool has_objects = false;  // Python's: the bytes are no data

  // PyTorch's dtype for them; nullopt if it has none.
  std::optional<DType> dtype() const;
  // Whether dtype() says all of it: not of dates and durations, which have
  // units.
  bool is_plain() const {
    return kind != 'M' && kind != 'm' && !is_big_endian && dtype();
  }
  // The class of a single one, "float64"; "" if it is not known.
  std::string scalar_class() const;
};

// What a pickled numpy.dtype says: an object with the argument "f4" and the
// state (version, byte order, sub-array, names, fields, size, alignment,
// flags). nullopt for another value, and for a dtype without a fixed size.
// Thread-safe.
std::optional<NumpyDType> ReadNumpyDType(Value value);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_NUMPY_DTYPE_H_
