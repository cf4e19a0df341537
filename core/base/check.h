#ifndef HOIST_CORE_BASE_CHECK_H_
#define HOIST_CORE_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Ends the program with file and line if `condition` does not hold. For
// mistakes of the program only; what a file or a user can cause is a Status.
#define HOIST_CHECK(condition)                                             \
  do {                                                                     \
    if (!(condition)) [[unlikely]] {                                       \
      std::fprintf(stderr, "%s:%d: HOIST_CHECK failed: %s\n", __FILE__,    \
                   __LINE__, #condition);                                  \
      std::abort();                                                        \
    }                                                                      \
  } while (false)

#endif  // HOIST_CORE_BASE_CHECK_H_
