#ifndef HOIST_CUDA_NVTX_RANGE_H_
#define HOIST_CUDA_NVTX_RANGE_H_

namespace hoist {

// Shows a scope by name on its thread's row in NVIDIA's profilers:
//
//   NvtxRange range("Submit");
//
// Without a profiler that costs some ns; in a build without CUDA, nothing.
// Ranges of a thread nest. One thread at a time, that of its scope.
class NvtxRange {
 public:
  // `name` is copied by the profiler.
  explicit NvtxRange(const char* name);
  ~NvtxRange();
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

}  // namespace hoist

#endif  // HOIST_CUDA_NVTX_RANGE_H_
