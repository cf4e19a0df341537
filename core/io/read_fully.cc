#include "hoist/core/io/read_fully.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

// Linux transfers at most 0x7ffff000 bytes a call.
constexpr size_t kMaxBytesPerCall = size_t{1} << 30;

}  // namespace

absl::Status ReadFully(PreadFunction pread, uint64_t offset,
                       absl::Span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const size_t wanted = std::min(out.size() - done, kMaxBytesPerCall);
    const ssize_t got =
        pread(out.data() + done, wanted, static_cast<off_t>(offset + done));
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (got == 0) {
      return absl::DataLossError(
          absl::StrCat("File ends at byte ", offset + done, ", wanted ",
                       out.size(), " bytes from byte ", offset, ", got ", done,
                       "; it has become shorter since it was opened"));
    } else if (errno != EINTR) {
      const int error_number = errno;
      return ErrnoStatus(error_number,
                         absl::StrCat("Reading ", wanted, " bytes at byte ",
                                      offset + done, " failed"));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
