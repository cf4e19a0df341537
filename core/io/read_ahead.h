#ifndef HOIST_CORE_IO_READ_AHEAD_H_
#define HOIST_CORE_IO_READ_AHEAD_H_

#include <cstdint>

#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Tells the system that bytes of `file` will be read soon, so that a disk has
// many reads to do at once: it begins with them, and this does not wait. What
// is no file of the system's, or is there already, costs nothing but the call.
// Thread-safe.
void ReadAhead(const RandomAccessFile& file, uint64_t offset,
               uint64_t size_bytes);

}  // namespace hoist

#endif  // HOIST_CORE_IO_READ_AHEAD_H_
