#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_SAMPLE_CHECKPOINT_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_SAMPLE_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A checkpoint in memory, for tests of what is written and read again: the same
// in every run.
struct SampleCheckpoint {
  Catalog catalog;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

// Bfloat16 weights that compress, tied and seen in parts, floats of other
// widths, bytes that do not compress, zeros, tensors without elements or data;
// and values of every kind, shared and in themselves. The largest storage has
// `large_bytes`, a multiple of 8.
SampleCheckpoint MakeSampleCheckpoint(uint64_t large_bytes);

// A tensor of bfloat16s that compress, in chunks of 4096 several, one of 200
// random bytes,
// and a number.
SampleCheckpoint MakeSmallCheckpoint();

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_SAMPLE_CHECKPOINT_H_
