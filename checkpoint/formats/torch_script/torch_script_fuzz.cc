#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/torch_script/torch_script_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(hoist::ReadTorchScript, hoist::Format::kTorchScript,
                     {data, size});
  return 0;
}
