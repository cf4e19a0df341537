#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/torch_tar/torch_tar_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(hoist::ReadTorchTar, hoist::Format::kTorchTar,
                     {data, size});
  return 0;
}
