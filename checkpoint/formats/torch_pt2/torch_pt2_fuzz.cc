#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/torch_pt2/torch_pt2_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(hoist::ReadTorchPt2, hoist::Format::kTorchPt2,
                     {data, size});
  return 0;
}
