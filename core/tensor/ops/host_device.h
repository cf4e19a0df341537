#ifndef HOIST_CORE_TENSOR_OPS_HOST_DEVICE_H_
#define HOIST_CORE_TENSOR_OPS_HOST_DEVICE_H_

// Before a function that nvcc also compiles for the device. Such a function is
// always inlined: the host's loops are compiled once for each CpuLevel, and a
// copy of its own, shared by them, would be for one of the levels only.
#ifdef __CUDACC__
#define HOIST_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define HOIST_HOST_DEVICE inline __attribute__((always_inline))
#endif

#endif  // HOIST_CORE_TENSOR_OPS_HOST_DEVICE_H_
