#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/verify/manifest.h"
#include "hoist/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto entries =
      hoist::ParseManifest({reinterpret_cast<const char*>(data), size});
  if (entries.ok()) {
    const auto again = hoist::ParseManifest(hoist::ManifestText(*entries));
    HOIST_CHECK(again.ok() && *again == *entries);
  }
  return 0;
}
