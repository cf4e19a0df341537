#include <cstddef>
#include <cstdint>

#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/io/random_access_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hoist::CheckReader(
      [](const hoist::RandomAccessFile& file) {
        return hoist::ReadTorchZip(file);
      },
      hoist::Format::kTorchZip, {data, size});
  return 0;
}
