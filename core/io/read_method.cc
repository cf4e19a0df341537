#include "hoist/core/io/read_method.h"

namespace hoist {

absl::string_view ReadMethodName(ReadMethod method) {
  switch (method) {
    case ReadMethod::kPread:
      return "pread";
    case ReadMethod::kMmap:
      return "mmap";
    case ReadMethod::kDirect:
      return "direct";
  }
  return "";
}

}  // namespace hoist
