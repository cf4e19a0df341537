#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/base/check.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const hoist::MemoryFile file("fuzz.pt", {data, data + size});
  const auto format = hoist::DetectFormat(file);
  hoist::CheckBytesError(format.status());
  // What is no checkpoint says what to do next.
  HOIST_CHECK(format.ok() || !hoist::HintOf(format.status()).empty());
  const auto again = hoist::DetectFormat(file);
  HOIST_CHECK(again.status() == format.status());
  if (format.ok()) {
    HOIST_CHECK(*again == *format);
    HOIST_CHECK(!hoist::FormatName(*format).empty());
  }
  return 0;
}
