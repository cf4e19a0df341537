#ifndef HOIST_CUDA_TESTING_FAKE_CUDART_H_
#define HOIST_CUDA_TESTING_FAKE_CUDART_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoist {

// A stand-in for the CUDA runtime. A test that links this library instead of
// cudart runs the production code over it; while a FakeCudart lives, the cuda*
// functions work on its pretended devices (with none alive they fail).
//
// It is harsher than CUDA:
// - What is put on a stream runs as late as the API allows: when something
//   waits for it, or (with time, see below) when a link would be done with it.
//   So a source reused too early gives wrong bytes.
// - Device memory faults when the CPU touches it, and is poisoned when new.
// - It records a violation where CUDA would work by luck, or be slow in
//   silence: an async copy from or to pageable memory, a source changed,
//   unregistered or unmapped while its copy is pending, memory freed that a
//   pending copy uses, the default stream or one that waits for it, an event
//   with timing or whose waits spin, a stream or event used while another
//   device is current, a copy outside an allocation, a release of what does not
//   exist, and at the end a copy that nothing has waited for.
//
// It has no code for kernels, so that their launch fails, unless SetKernels()
// gives it some; what is launched then runs as late as copies do.
//
// By itself it knows no time: a test over it ends as soon as it can. Given a
// link rate or a copy latency, each device has a link of its own, which a
// thread of the stand-in serves: it takes up the copies of the device one after
// the other, in the order in which they were put on its streams, and moves the
// bytes of each at the end of its time. Calls that wait for copies then block,
// and other threads' calls go on. A source that changes after its copy ran, and
// before anything waited for it, is a violation all the same.
//
// The destructor makes violations and leaks (streams, events, allocations,
// registrations) a failure of the running test, unless the test took them with
// TakeViolations() or TakeLeaks(). One at a time in a process. Thread-safe.
class FakeCudart {
 public:
  // Some of CUDA's errors, for tests that are above cuda/ and so do not include
  // its headers.
  static constexpr int kErrorMemoryAllocation = 2;
  static constexpr int kErrorIllegalAddress = 700;
  static constexpr int kErrorUnknown = 999;

  struct Options {
    int device_count = 1;                  // 0: calls return cudaErrorNoDevice
    size_t total_bytes = size_t{1} << 30;  // per device
    // cudaEventQuery and cudaStreamQuery say "not ready" this many times of one
    // piece of work before it is done; with links, until it is done.
    int queries_before_done = 3;
    // Whether events with timing are no violation, as what traces has them.
    bool allow_timing = false;
    // How fast a device's link carries bytes from and to the host. 0: at once.
    double link_bytes_per_second = 0;
    // How long each copy and fill takes apart from that.
    int64_t copy_latency_ns = 0;
    // How long each call takes; the caller's processor is busy meanwhile, as a
    // driver's is.
    int64_t call_latency_ns = 0;
    // Of the source of each copy, so many bytes, spread over it, are looked at
    // to notice changes. All are by default, at some 1 ns for each; 4096
    // suffice to notice a slot that is filled anew.
    size_t checked_bytes_per_copy = std::numeric_limits<size_t>::max();
  };

  // Where the host finds [data, data + size) of a device's memory; null if that
  // does not lie in one allocation.
  using FindBytes = std::function<uint8_t*(const void* data, size_t size)>;
  // What a launched kernel does when its turn comes. False, a violation, if it
  // does not find its bytes.
  using KernelWork = std::function<bool(const FindBytes& find)>;
  // The work of a kernel with that name ("void hoist::Kernel<...>(...)"), and
  // the arguments of its launch, which are gone afterwards; null if there is no
  // code for it.
  using Kernels =
      std::function<KernelWork(const std::string& name, void** arguments)>;

  FakeCudart();
  explicit FakeCudart(const Options& options);
  ~FakeCudart();
  FakeCudart(const FakeCudart&) = delete;
  FakeCudart& operator=(const FakeCudart&) = delete;

  // Makes the `nth` call from now (1 is the next) of `function` return
  // `cuda_error`, a cudaError_t, and do nothing; except that functions that
  // release something still release it.
  void FailCall(absl::string_view function, int nth, int cuda_error);
  // Makes the `nth` copy from now fail when it runs. As in CUDA that leaves the
  // device unusable: all later calls for it return `cuda_error`.
  void FailCopy(int nth, int cuda_error);
  // Makes the `nth` copy from now arrive with a bit changed, in silence.
  void DamageCopy(int nth);
  // Forgets the faults that were asked for and have not happened.
  void ClearFaults();
  // Makes each call of `function` from now take so long.
  void SlowCall(absl::string_view function, int64_t ns);
  // Number of calls of `function` so far.
  int CallCount(absl::string_view function) const;
  // The calling thread's last error, which stays; 0 if there is none.
  int LastError() const;
  // Names of the functions called so far.
  std::vector<std::string> CalledFunctions() const;

  // Holds every call of `function` at its start until Resume(function).
  void Pause(absl::string_view function);
  void Resume(absl::string_view function);
  // Blocks until `count` calls of `function` are held.
  void WaitForPaused(absl::string_view function, int count);

  // What runs in place of kernels from now on; empty: none.
  void SetKernels(Kernels kernels);

  // Maps and poisons host memory now, of which the next cudaMalloc of at most
  // `size_bytes` is served; as a device's, it then takes no time.
  void PrepareMemory(size_t size_bytes);

  // Copies put on streams that have not run yet.
  int pending_copies() const;
  // The most host memory that was page-locked at one time.
  size_t peak_pinned_bytes() const;
  // The bytes at a device address as they are now, pending copies not counted;
  // empty if it is not within one allocation.
  std::vector<uint8_t> CopyFromDevice(const void* data, size_t size) const;
  // Whether a context was created on the device.
  bool HasContext(int device) const;

  // What was recorded so far; each is returned once.
  std::vector<std::string> TakeViolations();
  // What lives now; afterwards the destructor does not look for leaks.
  std::vector<std::string> TakeLeaks();

 private:
  bool look_for_leaks_ = true;
};

}  // namespace hoist

#endif  // HOIST_CUDA_TESTING_FAKE_CUDART_H_
