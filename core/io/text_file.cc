#include "hoist/core/io/text_file.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         uint64_t max_bytes) {
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                         OpenFile(path));
  if (file->size_bytes() > max_bytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": It has ", file->size_bytes(),
                     " bytes, and such a file has ", max_bytes, " at most"));
  }
  std::string text(static_cast<size_t>(file->size_bytes()), '\0');
  HOIST_RETURN_IF_ERROR(file->ReadAt(
      0, absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size())));
  return text;
}

absl::Status WriteTextFile(FileSystem& file_system, const std::string& path,
                           absl::string_view text, bool overwrite) {
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file,
                         AtomicFile::Create(file_system, path,
                                            {.overwrite = overwrite,
                                             .expected_bytes = text.size()}));
  HOIST_RETURN_IF_ERROR(file->file().WriteAt(
      0, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  return file->Publish();
}

}  // namespace hoist
