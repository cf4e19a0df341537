#ifndef HOIST_TOOLS_COMMANDS_RUN_BOTH_H_
#define HOIST_TOOLS_COMMANDS_RUN_BOTH_H_

#include "absl/functional/function_ref.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

// Runs both, and blocks until both have returned: at once where `pool` has a
// thread that is free, else one after the other, as without a pool (null).
// Either may use the pool itself. Thread-safe.
void RunBoth(ThreadPool* pool, absl::FunctionRef<void()> first,
             absl::FunctionRef<void()> second);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_RUN_BOTH_H_
