#ifndef HOIST_CORE_STATUS_STATUS_MACROS_H_
#define HOIST_CORE_STATUS_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expression` is not ok.
//   HOIST_RETURN_IF_ERROR(file.ReadAt(0, header));
#define HOIST_RETURN_IF_ERROR(expression)                      \
  do {                                                         \
    if (absl::Status hoist_status_ = (expression);             \
        !hoist_status_.ok()) [[unlikely]] {                    \
      return hoist_status_;                                    \
    }                                                          \
  } while (false)

// Assigns the value of a StatusOr, or returns its status.
//   HOIST_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
#define HOIST_ASSIGN_OR_RETURN(lhs, expression) \
  HOIST_ASSIGN_OR_RETURN_IMPL_(                 \
      HOIST_STATUS_CONCAT_(hoist_statusor_, __LINE__), lhs, expression)

#define HOIST_ASSIGN_OR_RETURN_IMPL_(statusor, lhs, expression) \
  auto statusor = (expression);                                 \
  if (!statusor.ok()) [[unlikely]] {                            \
    return std::move(statusor).status();                        \
  }                                                             \
  lhs = *std::move(statusor)

#define HOIST_STATUS_CONCAT_(a, b) HOIST_STATUS_CONCAT_IMPL_(a, b)
#define HOIST_STATUS_CONCAT_IMPL_(a, b) a##b

#endif  // HOIST_CORE_STATUS_STATUS_MACROS_H_
