#ifndef HOIST_CHECKPOINT_DIFF_ELEMENT_DIGESTS_H_
#define HOIST_CHECKPOINT_DIFF_ELEMENT_DIGESTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/core/thread/cancel_token.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// SHA-256 of the elements of each of `tensors`, indices of tensors of `source`
// that have data, row-major and little-endian: as TensorDigests(), but of some,
// and with a few MiB for each thread, whatever the sizes. Blocks. Errors are
// those of reading, with the tensor's name; kResourceExhausted for one that
// repeats few bytes to more than a GiB; kCancelled. `pool` and `cancel` may be
// null. Thread-safe.
absl::StatusOr<std::vector<std::string>> ElementDigests(
    const TensorSource& source, absl::Span<const int> tensors, ThreadPool* pool,
    const CancelToken* cancel);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_DIFF_ELEMENT_DIGESTS_H_
