#ifndef HOIST_CORE_IO_READ_PATH_H_
#define HOIST_CORE_IO_READ_PATH_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/types/span.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/io/read_queue.h"

namespace hoist {

// A file opened for one of the ways to read it. Every way gives the same bytes
// and the same errors. Thread-safe.
class ReadPath {
 public:
  virtual ~ReadPath() = default;

  virtual ReadMethod method() const = 0;

  // A queue for one thread, for reads of at most `max_read_bytes` each, of
  // which up to `depth` are under way where the method has such. The path must
  // outlive it.
  virtual std::unique_ptr<ReadQueue> MakeQueue(int depth,
                                               size_t max_read_bytes) = 0;

  // What a method could not do, and what was done in its place; empty if
  // nothing of the kind happened so far.
  virtual std::string Note() const { return ""; }

  // The file in memory, for a method that has it there (kMmap); else empty. A
  // read into the very bytes that it reads makes them present and copies
  // nothing. Writes to them are private to the process and not kept in the
  // file. They go with the last of the copies of mapping().
  virtual absl::Span<uint8_t> mapped_bytes() const { return {}; }
  virtual std::shared_ptr<const void> mapping() const { return nullptr; }
};

}  // namespace hoist

#endif  // HOIST_CORE_IO_READ_PATH_H_
