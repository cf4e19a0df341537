#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/torch_legacy/torch_legacy_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(hoist::ReadTorchLegacy, hoist::Format::kTorchLegacy,
                     {data, size});
  return 0;
}
