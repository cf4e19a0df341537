#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_HEADER_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What a header says, tensors and metadata in its order. The numbers are
// neither negative nor checked against each other or the file.
struct SafetensorsHeader {
  struct Tensor {
    std::string name;
    DType dtype = DType::kUint8;
    std::vector<int64_t> shape;  // torch's: packed float4 counts bytes
    uint64_t begin = 0;          // of its bytes, from the start of the data
    uint64_t end = 0;
  };
  std::vector<Tensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Reads the JSON text of a header. kDataLoss for what is no such JSON: not
// UTF-8, keys that occur twice, fields that are missing or of other types,
// nesting deeper than 127. kUnimplemented for an unknown dtype, and for a
// float4 shape that torch cannot have. Unknown fields are ignored, as the
// reference does. Takes memory in proportion to `text`. Thread-safe.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    absl::string_view text);

// How the format names a dtype, and its place in the order that the reference
// sorts by. nullopt for one that it has not. Thread-safe.
struct SafetensorsDType {
  absl::string_view name;
  int rank = 0;
};
std::optional<SafetensorsDType> SafetensorsDTypeOf(DType dtype);

// `name` for messages: in quotes, printable, of bounded length.
std::string QuotedName(absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_SAFETENSORS_HEADER_H_
