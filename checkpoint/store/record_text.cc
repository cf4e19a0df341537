#include "hoist/checkpoint/store/record_text.h"

#include <cstdint>

#include "hoist/core/io/text_file.h"

namespace hoist {
namespace {

// A trainer's log grows with its steps.
constexpr uint64_t kMaxRecordBytes = uint64_t{256} << 20;

}  // namespace

absl::StatusOr<std::string> ReadRecordText(const std::string& path) {
  return ReadTextFile(path, kMaxRecordBytes);
}

}  // namespace hoist
