#ifndef HOIST_TOOLS_UI_ERROR_PRINT_H_
#define HOIST_TOOLS_UI_ERROR_PRINT_H_

#include <string>

#include "absl/status/status.h"

namespace hoist {

// What a program says about an error:
//   hoist: error[NOT_FOUND]: model.pt: No such file or directory
//     hint: Check the path
// Names from files in it are made safe to show. Thread-safe.
std::string ErrorText(const absl::Status& status, bool has_color);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_ERROR_PRINT_H_
