#include "hoist/core/io/open_read_path.h"

#include <utility>

#include "hoist/core/base/check.h"
#include "hoist/core/io/direct_path.h"
#include "hoist/core/io/mmap_path.h"
#include "hoist/core/io/pread_path.h"

namespace hoist {

absl::StatusOr<std::unique_ptr<ReadPath>> OpenReadPath(
    std::shared_ptr<const RandomAccessFile> file, ReadMethod method) {
  switch (method) {
    case ReadMethod::kPread:
      return MakePreadPath(std::move(file));
    case ReadMethod::kMmap:
      return MakeMmapPath(std::move(file));
    case ReadMethod::kDirect:
      return MakeDirectPath(std::move(file));
  }
  HOIST_CHECK(false);
}

}  // namespace hoist
