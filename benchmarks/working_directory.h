#ifndef HOIST_BENCHMARKS_WORKING_DIRECTORY_H_
#define HOIST_BENCHMARKS_WORKING_DIRECTORY_H_

#include <unistd.h>

#include <cstdlib>

#include "hoist/core/base/check.h"

namespace hoist {

// `bazel run` starts programs in a folder of its own: goes to where the user
// is, so that relative paths mean what they say. Call it first in main().
inline void EnterUsersWorkingDirectory() {
  const char* const folder = std::getenv("BUILD_WORKING_DIRECTORY");
  HOIST_CHECK(folder == nullptr || chdir(folder) == 0);
}

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_WORKING_DIRECTORY_H_
