#ifndef HOIST_CORE_TENSOR_OPS_DIGEST_LOOPS_H_
#define HOIST_CORE_TENSOR_OPS_DIGEST_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "hoist/core/tensor/ops/cpu_level.h"

namespace hoist {

// DigestTerms() of whole words, for a machine of `kLevel`. Thread-safe.
// Internal to core/tensor/ops/.
template <CpuLevel kLevel>
uint64_t DigestLoop(const uint8_t* bytes, size_t words, uint64_t first_word);

HOIST_DECLARE_CPU_LEVELS(uint64_t DigestLoop,
                         (const uint8_t* bytes, size_t words,
                          uint64_t first_word));

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_DIGEST_LOOPS_H_
