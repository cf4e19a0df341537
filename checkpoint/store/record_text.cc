#include "hoist/checkpoint/store/record_text.h"

#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// A trainer's log grows with its steps.
constexpr uint64_t kMaxRecordBytes = uint64_t{256} << 20;

}  // namespace

absl::StatusOr<std::string> ReadRecordText(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                         OpenFile(path));
  if (file->size_bytes() > kMaxRecordBytes) {
    return absl::DataLossError(absl::StrCat(path, ": It is too large"));
  }
  std::string text(file->size_bytes(), '\0');
  HOIST_RETURN_IF_ERROR(
      file->ReadAt(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return text;
}

}  // namespace hoist
