#include "hoist/cuda/testing/fake_cudart.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "gtest/gtest.h"
#include "hoist/core/base/check.h"
#include "hoist/core/thread/mutex.h"
#include "hoist/cuda/testing/fake_cudart_state.h"

namespace hoist {
namespace {

// The cuda* functions are global, and so is what they work on.
struct Global {
  Mutex mu;
  CondVar changed;  // paused, held, work that has run
  std::unique_ptr<FakeCudartState> state ABSL_GUARDED_BY(mu);
  std::atomic<int> epoch = 0;  // how many states there have been
};

Global& TheGlobal() {
  static Global* const global = new Global;
  return *global;
}

// Keeps the processor busy for so long, but for the most part of a long time.
void TakeTime(std::chrono::nanoseconds time) {
  constexpr std::chrono::microseconds kBusy(200);
  const auto end = std::chrono::steady_clock::now() + time;
  if (time > kBusy) {
    std::this_thread::sleep_until(end - kBusy);
  }
  while (std::chrono::steady_clock::now() < end) {
  }
}

struct ThreadOfEpoch {
  int epoch = -1;
  FakeThread thread;
};

}  // namespace

FakeThread& CurrentFakeThread() {
  thread_local ThreadOfEpoch this_thread;
  const int epoch = TheGlobal().epoch;
  if (this_thread.epoch != epoch) {
    this_thread = {epoch, {}};
  }
  return this_thread.thread;
}

cudaError_t RunFakeCall(const char* function, FakeCall kind,
                        cudaError_t (*body)(FakeCudartState&, void*),
                        void* context) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  cudaError_t error = cudaErrorCudartUnloading;
  if (global.state != nullptr) {
    error = global.state->Count(function);
    if (const auto time = global.state->CallTime(function); time.count() > 0) {
      global.mu.Unlock();
      TakeTime(time);
      global.mu.Lock();
    }
    if (global.state->paused.contains(function)) {
      ++global.state->held[function];
      global.changed.SignalAll();
      while (global.state->paused.contains(function)) {
        global.changed.Wait(&global.mu);
      }
      --global.state->held[function];
    }
    if (error == cudaSuccess) {
      error = body(*global.state, context);
    } else if (kind == FakeCall::kRelease) {
      body(*global.state, context);
    }
  }
  if (error != cudaSuccess) {
    CurrentFakeThread().last_error = error;
  }
  return error;
}

static_assert(FakeCudart::kErrorMemoryAllocation == cudaErrorMemoryAllocation);
static_assert(FakeCudart::kErrorIllegalAddress == cudaErrorIllegalAddress);
static_assert(FakeCudart::kErrorUnknown == cudaErrorUnknown);

FakeCudart::FakeCudart() : FakeCudart(Options()) {}

FakeCudart::FakeCudart(const Options& options) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  HOIST_CHECK(global.state == nullptr);
  global.state =
      std::make_unique<FakeCudartState>(options, &global.mu, &global.changed);
  ++global.epoch;
}

FakeCudart::~FakeCudart() {
  Global& global = TheGlobal();
  FakeCudartState* state = nullptr;
  {
    MutexLock lock(&global.mu);
    state = global.state.get();
    state->ReportUnknownWork();
  }
  state->StopLinks();
  for (const std::string& violation : TakeViolations()) {
    ADD_FAILURE() << violation;
  }
  if (look_for_leaks_) {
    for (const std::string& leak : TakeLeaks()) {
      ADD_FAILURE() << "Leak: " << leak;
    }
  }
  MutexLock lock(&global.mu);
  global.state = nullptr;
}

void FakeCudart::FailCall(absl::string_view function, int nth, int cuda_error) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->faults[std::string(function)].push_back(
      {nth, static_cast<cudaError_t>(cuda_error)});
}

void FakeCudart::FailCopy(int nth, int cuda_error) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->copy_faults.push_back(
      {nth, static_cast<cudaError_t>(cuda_error)});
}

void FakeCudart::DamageCopy(int nth) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->copy_damage.push_back({nth, cudaErrorUnknown});
}

void FakeCudart::ClearFaults() {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->faults.clear();
  global.state->copy_faults.clear();
  global.state->copy_damage.clear();
}

void FakeCudart::SlowCall(absl::string_view function, int64_t ns) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->slow_ns[std::string(function)] = ns;
}

int FakeCudart::CallCount(absl::string_view function) const {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  const auto found = global.state->calls.find(std::string(function));
  return found == global.state->calls.end() ? 0 : found->second;
}

int FakeCudart::LastError() const { return CurrentFakeThread().last_error; }

std::vector<std::string> FakeCudart::CalledFunctions() const {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  std::vector<std::string> names;
  for (const auto& [name, count] : global.state->calls) {
    names.push_back(name);
  }
  return names;
}

void FakeCudart::Pause(absl::string_view function) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->paused.insert(std::string(function));
}

void FakeCudart::Resume(absl::string_view function) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->paused.erase(std::string(function));
  global.changed.SignalAll();
}

void FakeCudart::WaitForPaused(absl::string_view function, int count) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  while (global.state->held[std::string(function)] < count) {
    global.changed.Wait(&global.mu);
  }
}

void FakeCudart::SetKernels(Kernels kernels) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->kernels = std::move(kernels);
}

void FakeCudart::PrepareMemory(size_t size_bytes) {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  HOIST_CHECK(global.state->memory.Prepare(size_bytes));
}

size_t FakeCudart::peak_pinned_bytes() const {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  return global.state->peak_pinned_bytes;
}

int FakeCudart::pending_copies() const {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  return global.state->PendingCopies();
}

std::vector<uint8_t> FakeCudart::CopyFromDevice(const void* data,
                                                size_t size) const {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  global.state->WaitForMoves();
  const uint8_t* const alias = global.state->memory.Find(data, size).alias;
  if (alias == nullptr) {
    return {};
  }
  return std::vector<uint8_t>(alias, alias + size);
}

bool FakeCudart::HasContext(int device) const {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  return global.state->contexts.contains(device);
}

std::vector<std::string> FakeCudart::TakeViolations() {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  return std::exchange(global.state->violations, {});
}

std::vector<std::string> FakeCudart::TakeLeaks() {
  Global& global = TheGlobal();
  MutexLock lock(&global.mu);
  look_for_leaks_ = false;
  return global.state->Leaks();
}

}  // namespace hoist
