#ifndef HOIST_CHECKPOINT_STORE_RECORD_TEXT_H_
#define HOIST_CHECKPOINT_STORE_RECORD_TEXT_H_

#include <string>

#include "absl/status/statusor.h"

namespace hoist {

// The content of a file that holds a record of a store, or a trainer's log;
// blocks. Errors as of OpenFile(), and kDataLoss for one that is absurdly
// large. Thread-safe.
absl::StatusOr<std::string> ReadRecordText(const std::string& path);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_RECORD_TEXT_H_
