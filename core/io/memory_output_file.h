#ifndef HOIST_CORE_IO_MEMORY_OUTPUT_FILE_H_
#define HOIST_CORE_IO_MEMORY_OUTPUT_FILE_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/output_file.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {

// A file that is written to memory. Thread-safe.
class MemoryOutputFile : public OutputFile {
 public:
  const std::string& path() const override { return path_; }

  absl::Status WriteAt(uint64_t offset,
                       absl::Span<const uint8_t> bytes) override {
    const MutexLock lock(&mu_);
    bytes_.resize(std::max<uint64_t>(bytes_.size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(),
              bytes_.begin() + static_cast<int64_t>(offset));
    return absl::OkStatus();
  }

  absl::Status Sync() override { return absl::OkStatus(); }

  // What was written so far.
  std::vector<uint8_t> bytes() const {
    const MutexLock lock(&mu_);
    return bytes_;
  }

 private:
  const std::string path_ = "memory";
  mutable Mutex mu_;
  std::vector<uint8_t> bytes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_MEMORY_OUTPUT_FILE_H_
