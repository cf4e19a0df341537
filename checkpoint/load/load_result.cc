#include "hoist/checkpoint/load/load_result.h"

namespace hoist {

absl::string_view VerifiedName(Verified verified) {
  switch (verified) {
    case Verified::kNone:
      return "none";
    case Verified::kNotRecorded:
      return "not_recorded";
    case Verified::kStructure:
      return "structure";
    case Verified::kChecksum:
      return "checksum";
    case Verified::kDevice:
      return "device";
  }
  return "";
}

}  // namespace hoist
