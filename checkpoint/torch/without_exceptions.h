#ifndef HOIST_CHECKPOINT_TORCH_WITHOUT_EXCEPTIONS_H_
#define HOIST_CHECKPOINT_TORCH_WITHOUT_EXCEPTIONS_H_

#include <c10/util/Exception.h>

#include <exception>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace hoist::libtorch {

// What `function` returns, a Status or a StatusOr. LibTorch reports errors by
// exceptions: they end here, as kInternal.
template <typename Function>
auto WithoutExceptions(const Function& function) -> decltype(function()) {
  try {
    return function();
  } catch (const c10::Error& error) {
    return absl::InternalError(
        absl::StrCat("LibTorch: ", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("LibTorch: ", error.what()));
  }
}

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_WITHOUT_EXCEPTIONS_H_
