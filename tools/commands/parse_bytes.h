#ifndef HOIST_TOOLS_COMMANDS_PARSE_BYTES_H_
#define HOIST_TOOLS_COMMANDS_PARSE_BYTES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

// An amount of memory as people write it: "28GiB", "512 MiB", "1.5GB",
// "1000000". KiB to EiB are powers of 1024, KB to EB of 1000, in small letters
// too; B or nothing is bytes. Parts of a byte are left out. kInvalidArgument,
// with a hint, for anything else, and for more than 64 bits hold; so "28G",
// which is one to some and the other to others. Thread-safe.
absl::StatusOr<uint64_t> ParseBytes(absl::string_view text);

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_PARSE_BYTES_H_
