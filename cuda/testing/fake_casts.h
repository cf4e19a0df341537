#ifndef HOIST_CUDA_TESTING_FAKE_CASTS_H_
#define HOIST_CUDA_TESTING_FAKE_CASTS_H_

#include <string>

#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {

// For FakeCudart::SetKernels(): runs the kernels of CastOnDevice() by Cast() on
// the host, and has no other.
FakeCudart::KernelWork FakeCast(const std::string& name, void** arguments);

}  // namespace hoist

#endif  // HOIST_CUDA_TESTING_FAKE_CASTS_H_
