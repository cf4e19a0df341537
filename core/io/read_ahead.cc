#include "hoist/core/io/read_ahead.h"

#include <fcntl.h>

namespace hoist {

void ReadAhead(const RandomAccessFile& file, uint64_t offset,
               uint64_t size_bytes) {
  if (file.descriptor() >= 0) {
    // That it could not is no matter: the read itself will say.
    (void)posix_fadvise(file.descriptor(), static_cast<off_t>(offset),
                        static_cast<off_t>(size_bytes), POSIX_FADV_WILLNEED);
  }
}

}  // namespace hoist
