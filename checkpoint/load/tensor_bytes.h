#ifndef HOIST_CHECKPOINT_LOAD_TENSOR_BYTES_H_
#define HOIST_CHECKPOINT_LOAD_TENSOR_BYTES_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {

// The elements of a tensor on the CPU, one after the other.
inline std::string BytesOf(const Tensor& tensor) {
  std::string bytes;
  ForEachContiguousRun(tensor, [&bytes](absl::Span<const uint8_t> run) {
    bytes.append(reinterpret_cast<const char*>(run.data()), run.size());
  });
  return bytes;
}

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_TENSOR_BYTES_H_
