#ifndef HOIST_CHECKPOINT_FORMATS_SAFETENSORS_HEADER_TEXT_H_
#define HOIST_CHECKPOINT_FORMATS_SAFETENSORS_HEADER_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"

namespace hoist {

// The first bytes of a file with these tensors, whose offsets are set: length
// and JSON (specs: pytorch-formats.md 11.1), with spaces behind it up to a
// multiple of `alignment`, where the data begins. Shapes are torch's, and
// become the format's. kInvalidArgument, with the name, for what the format
// cannot hold: a dtype that it has not, two tensors of one name or one named
// "__metadata__", text that is not UTF-8, a header of more than 100 MB.
// Thread-safe.
absl::StatusOr<std::string> SafetensorsHeaderText(
    const SafetensorsHeader& header, uint64_t alignment);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_SAFETENSORS_HEADER_TEXT_H_
