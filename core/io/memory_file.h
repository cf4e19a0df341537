#ifndef HOIST_CORE_IO_MEMORY_FILE_H_
#define HOIST_CORE_IO_MEMORY_FILE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Bytes in memory, read as a file. Thread-safe.
class MemoryFile : public RandomAccessFile {
 public:
  // `path` is for messages only.
  MemoryFile(std::string path, std::vector<uint8_t> bytes)
      : path_(std::move(path)), bytes_(std::move(bytes)) {}
  explicit MemoryFile(absl::string_view content)
      : MemoryFile("memory", {content.begin(), content.end()}) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return absl::DataLossError(
          absl::StrCat("Wanted ", out.size(), " bytes from byte ", offset,
                       ", and ", bytes_.size(), " are there"));
    }
    if (!out.empty()) {
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::vector<uint8_t> bytes_;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_MEMORY_FILE_H_
