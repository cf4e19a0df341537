#ifndef HOIST_CORE_IO_READ_QUEUE_H_
#define HOIST_CORE_IO_READ_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace hoist {

// One thread's reads of one file, several of which may be under way at once.
//
//   queue.Start(offset, {first, second}, tag);   at most depth() at a time
//   ReadQueue::Done done = queue.Wait();         of any that was started
//
// The destructor waits for what is under way: memory that is read into must
// live until then. Thread-compatible.
class ReadQueue {
 public:
  virtual ~ReadQueue() = default;

  // How many reads may be under way; 1 for a queue that reads in Wait().
  virtual int depth() const = 0;

  // Starts to fill `parts`, one after the other, from byte `offset` of the
  // file. They take no more than the max_read_bytes the queue was made for.
  // Does not wait for the bytes.
  virtual void Start(uint64_t offset, std::vector<absl::Span<uint8_t>> parts,
                     uint64_t tag) = 0;

  struct Done {
    uint64_t tag = 0;
    // As RandomAccessFile::ReadAt(): all of it, or an error.
    absl::Status status;
  };
  // Blocks until one of the reads that were started is over. There is one.
  virtual Done Wait() = 0;
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_READ_QUEUE_H_
