#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/pickle/pickle_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(hoist::ReadBarePickle, hoist::Format::kPickle,
                     {data, size});
  return 0;
}
