#include "hoist/core/io/read_fully.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

// Linux transfers at most 0x7ffff000 bytes a call, and takes 1024 parts.
constexpr size_t kMaxBytesPerCall = size_t{1} << 30;
constexpr size_t kMaxPartsPerCall = 256;

// Where in `parts` reading goes on.
struct Place {
  size_t part = 0;
  size_t offset = 0;  // in the part
};

// Describes as much from `place` on as one call takes.
struct Call {
  std::array<iovec, kMaxPartsPerCall> parts;
  int count = 0;
  size_t size_bytes = 0;

  Call(absl::Span<const absl::Span<uint8_t>> all, Place place) {
    for (; place.part < all.size() && size_bytes < kMaxBytesPerCall &&
           count < static_cast<int>(kMaxPartsPerCall);
         ++place.part, place.offset = 0) {
      const absl::Span<uint8_t> rest =
          all[place.part].subspan(place.offset, kMaxBytesPerCall - size_bytes);
      if (!rest.empty()) {
        parts[count++] = {.iov_base = rest.data(), .iov_len = rest.size()};
        size_bytes += rest.size();
      }
    }
  }
};

void Advance(absl::Span<const absl::Span<uint8_t>> parts, size_t bytes,
             Place& place) {
  while (bytes > 0) {
    const size_t step =
        std::min(bytes, parts[place.part].size() - place.offset);
    bytes -= step;
    place.offset += step;
    if (place.offset == parts[place.part].size()) {
      ++place.part;
      place.offset = 0;
    }
  }
}

}  // namespace

absl::Status ReadFully(PreadvFunction preadv, uint64_t offset,
                       absl::Span<const absl::Span<uint8_t>> parts) {
  size_t wanted = 0;
  for (const absl::Span<uint8_t> part : parts) {
    wanted += part.size();
  }
  size_t done = 0;
  int io_errors = 0;
  Place place;
  while (done < wanted) {
    const Call call(parts, place);
    const ssize_t got = preadv(call.parts.data(), call.count,
                               static_cast<off_t>(offset + done));
    if (got > 0) {
      done += static_cast<size_t>(got);
      io_errors = 0;
      Advance(parts, static_cast<size_t>(got), place);
    } else if (got == 0) {
      return absl::DataLossError(
          absl::StrCat("File ends at byte ", offset + done, ", wanted ", wanted,
                       " bytes from byte ", offset, ", got ", done,
                       "; it has become shorter since it was opened"));
    } else if (errno == EIO && io_errors < kMaxIoRetries) {
      ++io_errors;
    } else if (errno != EINTR) {
      const int error_number = errno;
      return ErrnoStatus(
          error_number,
          absl::StrCat(
              "Reading ", call.size_bytes, " bytes at byte ", offset + done,
              " failed",
              io_errors > 0 ? absl::StrCat(" ", io_errors + 1, " times") : ""));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
