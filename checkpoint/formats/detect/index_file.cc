#include "hoist/checkpoint/formats/detect/index_file.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/text_files.h"

namespace hoist {

bool IsShardIndexFile(const RandomAccessFile& file) {
  constexpr uint64_t kHeadBytes = 4096;
  std::string head(static_cast<size_t>(std::min(file.size_bytes(), kHeadBytes)),
                   '\0');
  return file.ReadAt(0, absl::MakeSpan(reinterpret_cast<uint8_t*>(head.data()),
                                       head.size()))
             .ok() &&
         IsShardIndex(head);
}

}  // namespace hoist
