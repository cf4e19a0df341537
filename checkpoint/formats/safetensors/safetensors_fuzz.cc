#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(hoist::ReadSafetensors, hoist::Format::kSafetensors,
                     {data, size});
  return 0;
}
