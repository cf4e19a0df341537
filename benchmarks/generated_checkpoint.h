#ifndef HOIST_BENCHMARKS_GENERATED_CHECKPOINT_H_
#define HOIST_BENCHMARKS_GENERATED_CHECKPOINT_H_

#include <cstdint>
#include <string>

namespace hoist {

// What is in a checkpoint, all of it float32.
enum class Contents {
  kLarge,     // as a transformer's: matrices of 16 MiB, and two vectors of
              // 16 KiB with each
  kSmall,     // 20,000 vectors
  kTraining,  // matrices of 16 MiB, with each of them what Adam keeps: two of
              // the same shape and a count
};

// A checkpoint of about `bytes` (at most 2 GiB) from a fixed generator. Returns
// the bytes of the file. What is nested in a training checkpoint of PyTorch's
// has names with dots in safetensors.
std::string GenerateTorchZip(Contents contents, uint64_t bytes);
std::string GenerateTorchLegacy(Contents contents, uint64_t bytes);
std::string GenerateSafetensors(Contents contents, uint64_t bytes);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_GENERATED_CHECKPOINT_H_
