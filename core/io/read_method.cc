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

std::optional<ReadMethod> ReadMethodFromName(absl::string_view name) {
  for (const ReadMethod method :
       {ReadMethod::kPread, ReadMethod::kMmap, ReadMethod::kDirect}) {
    if (ReadMethodName(method) == name) {
      return method;
    }
  }
  return std::nullopt;
}

}  // namespace hoist
