#ifndef HOIST_CHECKPOINT_WRITE_TENSOR_LAYOUT_H_
#define HOIST_CHECKPOINT_WRITE_TENSOR_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/tensor/device.h"

namespace hoist {

// The memory that tensors lie in, and where its bytes are in a file that would
// hold just them. Pure data.
struct TensorLayout {
  // Bytes from the first to the last of tensors that overlap: what becomes a
  // storage.
  struct Run {
    Device device;
    const uint8_t* data = nullptr;  // an address on `device`
    uint64_t size_bytes = 0;
    uint64_t file_offset = 0;  // a multiple of kRunAlignment
    std::vector<std::shared_ptr<Buffer>> buffers;  // that it lies in
  };
  struct Place {
    int run = -1;  // -1: a tensor without elements has no bytes
    uint64_t offset_bytes = 0;
  };

  std::vector<Run> runs;      // in the order of the tensors' first ones
  std::vector<Place> places;  // by tensor
  uint64_t file_bytes = 0;
};

inline constexpr uint64_t kRunAlignment = 64;

// Tensors with bytes in common, by their addresses and whatever their buffers,
// are in one run; those that only share a buffer are not. So aliases stay, and
// tensors that were loaded into one arena come apart. kInvalidArgument for
// overlapping tensors that lie no whole number of elements apart. Thread-safe.
absl::StatusOr<TensorLayout> LayOutTensors(const StateDict& tensors);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_TENSOR_LAYOUT_H_
