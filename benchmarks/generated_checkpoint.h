#ifndef HOIST_BENCHMARKS_GENERATED_CHECKPOINT_H_
#define HOIST_BENCHMARKS_GENERATED_CHECKPOINT_H_

#include <cstdint>
#include <string>

namespace hoist {

// A checkpoint of about `bytes` (at most 2 GiB) as a transformer's: matrices of
// 16 MiB, and two vectors of 16 KiB with each, of float32 from a fixed
// generator. Returns the bytes of the file.
std::string GenerateTorchZip(uint64_t bytes);
std::string GenerateSafetensors(uint64_t bytes);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_GENERATED_CHECKPOINT_H_
