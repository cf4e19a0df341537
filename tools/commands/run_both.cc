#include "hoist/tools/commands/run_both.h"

#include <cstdint>

#include "absl/status/status.h"

namespace hoist {

void RunBoth(ThreadPool* pool, absl::FunctionRef<void()> first,
             absl::FunctionRef<void()> second) {
  if (pool == nullptr) {
    first();
    second();
    return;
  }
  // Neither of the two fails here.
  (void)ParallelFor(*pool, 2, [&](int64_t i) {
    i == 0 ? first() : second();
    return absl::OkStatus();
  });
}

}  // namespace hoist
