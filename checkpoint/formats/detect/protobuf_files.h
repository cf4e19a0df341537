#ifndef HOIST_CHECKPOINT_FORMATS_DETECT_PROTOBUF_FILES_H_
#define HOIST_CHECKPOINT_FORMATS_DETECT_PROTOBUF_FILES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// kInvalidArgument with a hint if `head`, the first bytes of a file of
// `size_bytes`, reads as the start of a model of ONNX or TensorFlow. Protocol
// buffers have no signature: the fields have to be those of the model, of their
// types, and to fit the file. Ok for anything else. Thread-safe.
absl::Status RefuseProtobuf(absl::string_view head, uint64_t size_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_DETECT_PROTOBUF_FILES_H_
