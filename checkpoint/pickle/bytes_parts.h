#ifndef HOIST_CHECKPOINT_PICKLE_BYTES_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_BYTES_PARTS_H_

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"

namespace hoist {

// Python's bytes as protocol 2 has them: _codecs.encode of text whose
// characters are the bytes, which PyTorch reads with weights_only=True, also
// where there are none. Thread-safe for different `parts`.
void AddBytes(absl::string_view bytes, PickleParts& parts);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_BYTES_PARTS_H_
