#ifndef HOIST_CORE_STATUS_ANNOTATE_H_
#define HOIST_CORE_STATUS_ANNOTATE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// Puts "`context`: " before the message of an error; ok stays ok. Each layer
// adds what it alone knows, once: the file layer the path, the reader the
// member or the offset, the loader the tensor. Keeps code and payloads.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// Attaches what the user can do next. A program prints it on a line of its
// own; an existing hint is kept, since the lower layer knew more.
absl::Status WithHint(absl::Status status, absl::string_view hint);

// The hint attached by WithHint, or an empty string.
std::string HintOf(const absl::Status& status);

// An error with `message` and the text of `error_number`. ENOENT is kNotFound,
// EEXIST kAlreadyExists, EACCES kPermissionDenied, ENOSPC and ENOMEM
// kResourceExhausted, EISDIR and EINVAL kInvalidArgument, EOPNOTSUPP
// kUnimplemented, EIO kDataLoss; others are kUnknown.
absl::Status ErrnoStatus(int error_number, absl::string_view message);

}  // namespace hoist

#endif  // HOIST_CORE_STATUS_ANNOTATE_H_
