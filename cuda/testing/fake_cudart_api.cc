// The cuda* functions of the stand-in: each is one call of FakeCudartState.

#include <cuda_runtime_api.h>
#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "hoist/cuda/testing/fake_cudart_state.h"

using hoist::CurrentFakeThread;
using hoist::FakeCall;
using hoist::FakeCudartState;
using hoist::RunFakeCall;

// clang-format off
#define HOIST_FAKE_CALL(name, kind, parameters, call)                     \
  cudaError_t cuda##name parameters {                                     \
    return RunFakeCall("cuda" #name, FakeCall::kind,                      \
                       [&](FakeCudartState& state) { return state.call; }); \
  }
// clang-format on

// Stands in for the driver's cuDevicePrimaryCtxGetState.
static int PrimaryContextState(int device, unsigned* flags, int* active) {
  *flags = 0;
  *active = 0;
  const cudaError_t last_error = CurrentFakeThread().last_error;
  const cudaError_t error =
      RunFakeCall("cuDevicePrimaryCtxGetState", FakeCall::kPlain,
                  [&](FakeCudartState& state) {
                    *active = state.contexts.contains(device) ? 1 : 0;
                    return cudaSuccess;
                  });
  // The driver knows nothing of the runtime's last error.
  CurrentFakeThread().last_error = last_error;
  return error;
}

// By the host's function that stands for the kernel.
static std::map<const void*, std::string>& KernelNames() {
  static auto* const names = new std::map<const void*, std::string>;
  return *names;
}

// As it is in C++; "" if there is no such kernel.
static std::string KernelName(const void* function) {
  const auto name = KernelNames().find(function);
  if (name == KernelNames().end()) {
    return "";
  }
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name->second.c_str(), nullptr, nullptr, &status),
      std::free);
  return text == nullptr ? name->second : text.get();
}

extern "C" {

HOIST_FAKE_CALL(GetDeviceCount, kPlain, (int* count), GetDeviceCount(count))
HOIST_FAKE_CALL(GetDevice, kPlain, (int* device), GetDevice(device))
HOIST_FAKE_CALL(SetDevice, kPlain, (int device), SetDevice(device))
HOIST_FAKE_CALL(GetDeviceProperties, kPlain,
                (cudaDeviceProp * properties, int device),
                GetDeviceProperties(properties, device))
HOIST_FAKE_CALL(DeviceGetPCIBusId, kPlain, (char* bus_id, int size, int device),
                DeviceGetPCIBusId(bus_id, size, device))
HOIST_FAKE_CALL(MemGetInfo, kPlain, (size_t * free_bytes, size_t* total_bytes),
                MemGetInfo(free_bytes, total_bytes))
HOIST_FAKE_CALL(Malloc, kPlain, (void** data, size_t size), Malloc(data, size))
HOIST_FAKE_CALL(Free, kRelease, (void* data), Free(data))
HOIST_FAKE_CALL(HostAlloc, kPlain, (void** data, size_t size, unsigned flags),
                HostAlloc(data, size, flags))
HOIST_FAKE_CALL(FreeHost, kRelease, (void* data), FreeHost(data))
HOIST_FAKE_CALL(HostRegister, kPlain, (void* data, size_t size, unsigned flags),
                HostRegister(data, size, flags))
HOIST_FAKE_CALL(HostUnregister, kRelease, (void* data), HostUnregister(data))
HOIST_FAKE_CALL(StreamCreateWithFlags, kPlain,
                (cudaStream_t * stream, unsigned flags),
                StreamCreate(stream, flags))
HOIST_FAKE_CALL(StreamDestroy, kRelease, (cudaStream_t stream),
                StreamDestroy(stream))
HOIST_FAKE_CALL(StreamSynchronize, kPlain, (cudaStream_t stream),
                StreamSynchronize(stream))
HOIST_FAKE_CALL(StreamQuery, kPlain, (cudaStream_t stream), StreamQuery(stream))
HOIST_FAKE_CALL(EventCreateWithFlags, kPlain,
                (cudaEvent_t * event, unsigned flags),
                EventCreate(event, flags))
HOIST_FAKE_CALL(EventDestroy, kRelease, (cudaEvent_t event),
                EventDestroy(event))
HOIST_FAKE_CALL(EventRecord, kPlain, (cudaEvent_t event, cudaStream_t stream),
                EventRecord(event, stream))
HOIST_FAKE_CALL(EventSynchronize, kPlain, (cudaEvent_t event),
                EventSynchronize(event))
HOIST_FAKE_CALL(EventQuery, kPlain, (cudaEvent_t event), EventQuery(event))
HOIST_FAKE_CALL(EventElapsedTime, kPlain,
                (float* ms, cudaEvent_t begin, cudaEvent_t end),
                EventElapsedTime(ms, begin, end))
HOIST_FAKE_CALL(MemcpyAsync, kPlain,
                (void* destination, const void* source, size_t size,
                 cudaMemcpyKind kind, cudaStream_t stream),
                MemcpyAsync(destination, source, size, kind, stream))
HOIST_FAKE_CALL(MemsetAsync, kPlain,
                (void* data, int value, size_t size, cudaStream_t stream),
                MemsetAsync(data, value, size, stream))
HOIST_FAKE_CALL(DeviceSynchronize, kPlain, (), DeviceSynchronize())

cudaError_t cudaGetLastError() {
  return std::exchange(CurrentFakeThread().last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() { return CurrentFakeThread().last_error; }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    default:
      return "an error of the stand-in";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    default:
      return "error text of the stand-in";
  }
}

cudaError_t cudaGetDriverEntryPointByVersion(
    const char* symbol, void** function, unsigned, unsigned long long,
    cudaDriverEntryPointQueryResult* found) {
  return RunFakeCall(
      "cudaGetDriverEntryPointByVersion", FakeCall::kPlain,
      [&](FakeCudartState&) {
        const bool known =
            std::strcmp(symbol, "cuDevicePrimaryCtxGetState") == 0;
        *function =
            known ? reinterpret_cast<void*>(&PrimaryContextState) : nullptr;
        *found = known ? cudaDriverEntryPointSuccess
                       : cudaDriverEntryPointSymbolNotFound;
        return cudaSuccess;
      });
}

// What nvcc's code calls, before main() for all kernels that are linked.
void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 0; }
void __cudaRegisterFunction(void**, const char* function, char*,
                            const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  KernelNames()[function] = name;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = static_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}
unsigned __cudaPushCallConfiguration(dim3, dim3, size_t, CUstream_st*) {
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3*, dim3*, size_t*, void*) {
  return cudaSuccess;
}
cudaError_t cudaLaunchKernel(const void* function, dim3, dim3, void** arguments,
                             size_t, cudaStream_t stream) {
  return RunFakeCall(
      "cudaLaunchKernel", FakeCall::kPlain, [&](FakeCudartState& state) {
        return state.LaunchKernel(KernelName(function), arguments, stream);
      });
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block,
                               void** arguments, size_t shared_bytes,
                               cudaStream_t stream) {
  return cudaLaunchKernel(kernel, grid, block, arguments, shared_bytes, stream);
}

}  // extern "C"
