#ifndef HOIST_CUDA_TESTING_FAKE_CUDART_STATE_H_
#define HOIST_CUDA_TESTING_FAKE_CUDART_STATE_H_

#include <driver_types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "hoist/core/thread/mutex.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/testing/fake_device_memory.h"

namespace hoist {

struct FakeCopy {
  uint8_t* destination;
  const uint8_t* source;
  size_t size;
  cudaMemcpyKind kind;
  bool pinned;         // its host memory was, when it was put on the stream
  size_t source_hash;  // of a host source when the copy was put on the stream
};

// A piece of work of a stream: a copy, a fill or a kernel.
struct FakeWork {
  FakeCopy copy = {};
  int fill = -1;  // the value, if it is a memset of copy.destination
  FakeCudart::KernelWork kernel;  // or this
  std::chrono::steady_clock::time_point issued_at;
  bool failed = false;
};

// Work is put on the stream, runs, and is known to have run once something has
// waited for it. Without time the last two are one.
struct FakeStream {
  int device = 0;
  std::deque<FakeWork> work;  // what is not known to have run, oldest first
  uint64_t known = 0;
  uint64_t ran = 0;
  // When the device was done with each that ran, by its position; with links
  // as their rate has it, however late their thread woke.
  std::vector<std::chrono::steady_clock::time_point> ran_at;
  int queries = 0;

  uint64_t put() const { return known + work.size(); }
};

struct FakeEvent {
  int device = 0;
  std::shared_ptr<FakeStream> stream;  // of the last record
  uint64_t position = 0;               // the work put on it before that
  int queries = 0;                     // since the last record
  bool is_timed = false;
  std::chrono::steady_clock::time_point recorded_at;
};

// What the stand-in knows: devices, memory, streams, events and the faults
// asked for. Its functions are those of the CUDA API without the "cuda".
// Guarded by `mu`, the mutex of fake_cudart.cc, which they let go of while they
// wait for the thread of a link.
class FakeCudartState {
 public:
  // `changed` is signalled when work has run.
  FakeCudartState(const FakeCudart::Options& options, Mutex* mu,
                  CondVar* changed);
  // StopLinks() was called.
  ~FakeCudartState() = default;

  // Ends the threads of the links; call it without the mutex.
  void StopLinks();

  // Counts a call, and returns the fault asked for, if any.
  cudaError_t Count(const std::string& function);
  // How long a call of `function` takes.
  std::chrono::nanoseconds CallTime(const std::string& function) const;
  // Whether a device, by default the current one, can be used at all; makes the
  // context of the current one.
  cudaError_t UseDevice();
  cudaError_t UseDevice(int device);

  cudaError_t GetDeviceCount(int* count);
  cudaError_t GetDevice(int* device);
  cudaError_t SetDevice(int device);
  cudaError_t GetDeviceProperties(cudaDeviceProp* properties, int device);
  cudaError_t DeviceGetPCIBusId(char* bus_id, int size, int device);
  cudaError_t MemGetInfo(size_t* free_bytes, size_t* total_bytes);
  cudaError_t Malloc(void** data, size_t size);
  cudaError_t Free(void* data);
  cudaError_t HostAlloc(void** data, size_t size, unsigned flags);
  cudaError_t FreeHost(void* data);
  cudaError_t HostRegister(void* data, size_t size, unsigned flags);
  cudaError_t HostUnregister(void* data);
  cudaError_t StreamCreate(cudaStream_t* stream, unsigned flags);
  cudaError_t StreamDestroy(cudaStream_t stream);
  cudaError_t StreamSynchronize(cudaStream_t stream);
  cudaError_t StreamQuery(cudaStream_t stream);
  cudaError_t EventCreate(cudaEvent_t* event, unsigned flags);
  cudaError_t EventDestroy(cudaEvent_t event);
  cudaError_t EventRecord(cudaEvent_t event, cudaStream_t stream);
  cudaError_t EventSynchronize(cudaEvent_t event);
  cudaError_t EventQuery(cudaEvent_t event);
  cudaError_t EventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end);
  cudaError_t MemcpyAsync(void* destination, const void* source, size_t size,
                          cudaMemcpyKind kind, cudaStream_t stream);
  cudaError_t MemsetAsync(void* data, int value, size_t size,
                          cudaStream_t stream);
  cudaError_t DeviceSynchronize();
  // Fails if `kernels` have none of `name`.
  cudaError_t LaunchKernel(const std::string& name, void** arguments,
                           cudaStream_t stream);

  int PendingCopies() const;
  // Blocks while a link moves bytes.
  void WaitForMoves();
  // Records the work that nothing has waited for as a violation.
  void ReportUnknownWork();
  std::vector<std::string> Leaks() const;

  struct Registration {
    size_t size;
    int device;
    bool portable;
    bool allocated;  // by HostAlloc
  };
  struct Fault {
    int calls_left;
    cudaError_t error;
  };

  const FakeCudart::Options options;
  FakeDeviceMemory memory;
  FakeCudart::Kernels kernels;
  std::set<int> contexts;
  std::map<int, cudaError_t> dead_devices;
  std::map<std::string, std::vector<Fault>> faults;
  std::vector<Fault> copy_faults;
  std::vector<Fault> copy_damage;
  std::map<std::string, int> calls;
  std::set<std::string> paused;
  std::map<std::string, int> held;
  std::map<std::string, int64_t> slow_ns;
  size_t peak_pinned_bytes = 0;
  std::vector<std::string> violations;

 private:
  // The error of a fault that is to happen now; counts the others down.
  static cudaError_t TakeFault(std::vector<Fault>& faults);
  // Whether every page of the range is mapped, so that reading does not fault.
  static bool IsMapped(const void* data, size_t size);
  void Violation(std::string text);
  // The stream, if there is one; a violation unless it is of the current
  // device.
  std::shared_ptr<FakeStream> FindStream(cudaStream_t handle,
                                         const char* function);
  std::shared_ptr<FakeEvent> FindEvent(cudaEvent_t handle,
                                       const char* function);
  // Whether host memory can be copied from or to: it is mapped, and not memory
  // of a device.
  bool IsHostMemory(const void* data, size_t size) const;
  bool IsRegistered(const void* data, size_t size, int device) const;
  // Reports pending copies that read or write host memory in the range.
  void CheckHostMemoryIsIdle(const void* data, size_t size,
                             const char* function);
  void AddRegistration(const void* data, const Registration& registration);
  void Put(FakeStream& stream, FakeWork work);
  // Lets the first `position` pieces of work ever put on `stream` run, and
  // makes it known that they have.
  void WaitFor(FakeStream& stream, uint64_t position);
  bool has_links() const { return !links_.empty(); }
  // What the thread of a device's link does.
  void RunLink(int device);
  // The stream whose next copy was put first, and how long the copy takes.
  std::shared_ptr<FakeStream> NextStream(int device) const;
  std::chrono::nanoseconds TimeOf(const FakeWork& work) const;
  // Runs the next piece of work of `stream`, which the device has done by
  // `end`.
  void RunNext(FakeStream& stream, std::chrono::steady_clock::time_point end);
  cudaError_t Run(const FakeWork& work, int device);
  cudaError_t RunKernel(const FakeWork& work, int device);
  // The bytes are moved without the mutex where there is a link.
  void Move(const FakeWork& work, uint8_t* to, const uint8_t* from);
  size_t HashOf(const uint8_t* data, size_t size) const;
  // Blocks for what another thread changes.
  void Wait();
  // Visits the work that is not known to have run.
  template <typename Visit>
  void ForEachUnknown(Visit visit) const;

  Mutex* const mu_;
  CondVar* const changed_;
  std::map<uintptr_t, Registration> registrations_;
  std::map<cudaStream_t, std::shared_ptr<FakeStream>> streams_;
  // Destroyed with work left, which still has to run some day.
  std::vector<std::shared_ptr<FakeStream>> orphans_;
  std::map<cudaEvent_t, std::shared_ptr<FakeEvent>> events_;
  size_t pinned_bytes_ = 0;
  int moves_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> links_;  // one a device, if copies take time
};

// What CUDA keeps per thread.
struct FakeThread {
  int device = 0;
  cudaError_t last_error = cudaSuccess;
};
FakeThread& CurrentFakeThread();

// Runs `body` (FakeCudartState&) -> cudaError_t, under the stand-in's mutex, as
// a call of `function`; keeps the thread's last error. A call that releases
// something does so even if it is to fail.
enum class FakeCall { kPlain, kRelease };
cudaError_t RunFakeCall(const char* function, FakeCall kind,
                        cudaError_t (*body)(FakeCudartState&, void*),
                        void* context);

template <typename Body>
cudaError_t RunFakeCall(const char* function, FakeCall kind, Body body) {
  return RunFakeCall(
      function, kind,
      [](FakeCudartState& state, void* context) {
        return (*static_cast<Body*>(context))(state);
      },
      &body);
}

}  // namespace hoist

#endif  // HOIST_CUDA_TESTING_FAKE_CUDART_STATE_H_
