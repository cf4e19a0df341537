#ifndef HOIST_CORE_TENSOR_ELEMENT_VALUE_H_
#define HOIST_CORE_TENSOR_ELEMENT_VALUE_H_

#include <complex>
#include <cstdint>
#include <variant>

#include "hoist/core/tensor/dtype.h"

namespace hoist {

// The number that an element stands for.
using ElementValue =
    std::variant<bool, int64_t, uint64_t, double, std::complex<double>>;

// Whether an element of `dtype` has bytes of its own: not the 6-bit floats,
// which are packed. Thread-safe, like all here.
bool HasElementValues(DType dtype);

// The value of the element whose DTypeBits(dtype) / 8 bytes start at `bytes`,
// little-endian and not necessarily aligned: exact for every dtype. Signed
// integers, qint8 and qint32 are int64_t. Unsigned ones, quint8, bits and the
// dtypes that hold several numbers in a byte (quint4x2, quint2x4, float4) are
// uint64_t. Of uint1 to int7 the low bits count. HasElementValues(dtype) holds.
ElementValue DecodeElement(DType dtype, const uint8_t* bytes);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_ELEMENT_VALUE_H_
