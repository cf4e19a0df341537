#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_PT2_PAYLOAD_CONFIG_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_PT2_PAYLOAD_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {

// What a PT2 archive says of one weight or constant.
struct Payload {
  struct Tensor {
    TensorSpec spec;
    int64_t storage_offset = 0;
    bool requires_grad = false;
    std::string location;  // "cpu", "cuda:0"
  };

  std::string name;    // "layer.weight"
  std::string record;  // "weight_0", in the config's folder
  bool is_parameter = false;
  // The record is what torch.save wrote, or, without `tensor`, another object.
  bool is_pickled = false;
  std::optional<Tensor> tensor;
};

// Reads a config of weights or constants (spec: pytorch-formats.md 8.2), in its
// order. Sizes, strides and offsets may be any numbers. kDataLoss for what is
// no such JSON, and for names that are there twice; kUnimplemented for dtypes
// and layouts that are not known. Thread-safe.
absl::StatusOr<std::vector<Payload>> ParsePayloadConfig(absl::string_view json);

// What a model's JSON says of its writer.
struct ModelInfo {
  std::string schema_version;  // "8.17"; empty if it says none
  std::string torch_version;   // "2.11.0"; empty if it says none
};

// Reads that of an exported program. kDataLoss for what is no JSON object.
// Thread-safe.
absl::StatusOr<ModelInfo> ParseModelInfo(absl::string_view json);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_PT2_PAYLOAD_CONFIG_H_
