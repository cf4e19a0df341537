#ifndef HOIST_CORE_IO_ONE_READ_QUEUE_H_
#define HOIST_CORE_IO_ONE_READ_QUEUE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/core/io/read_queue.h"

namespace hoist {

// A queue for a way to read that knows one read at a time, which is done in
// Wait(). Internal to core/io. Thread-compatible.
class OneReadQueue : public ReadQueue {
 public:
  int depth() const final { return 1; }

  void Start(uint64_t offset, std::vector<absl::Span<uint8_t>> parts,
             uint64_t tag) final {
    offset_ = offset;
    parts_ = std::move(parts);
    tag_ = tag;
  }

  Done Wait() final {
    return {.tag = tag_, .status = Read(offset_, std::move(parts_))};
  }

 private:
  virtual absl::Status Read(uint64_t offset,
                            std::vector<absl::Span<uint8_t>> parts) = 0;

  uint64_t offset_ = 0;
  std::vector<absl::Span<uint8_t>> parts_;
  uint64_t tag_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_ONE_READ_QUEUE_H_
