#ifndef HOIST_CHECKPOINT_SCAN_TAR_LAYOUT_H_
#define HOIST_CHECKPOINT_SCAN_TAR_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hoist/core/io/random_access_file.h"

namespace hoist {

struct TarPart {
  std::string name;
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
};

// The regular files in a tar archive, and what is wrong with it.
struct TarLayout {
  std::vector<TarPart> parts;
  std::vector<std::string> problems;
};

// Whether `file` begins with the header of a tar archive, its checksum right.
bool LooksLikeTar(const RandomAccessFile& file);

// Reads all headers (spec: POSIX pax, with GNU's long names), up to the zeros
// at the end. What is not in order is a problem: damaged headers, members that
// readers size in different ways, bytes behind the end. Ranges of parts lie
// inside of the file. Blocks.
TarLayout ReadTarLayout(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_TAR_LAYOUT_H_
