#include "hoist/cuda/testing/fake_cudart_state.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hoist {
namespace {

constexpr uintptr_t kPage = 4096;

bool Overlap(const void* a, size_t a_size, const void* b, size_t b_size) {
  const auto x = reinterpret_cast<uintptr_t>(a);
  const auto y = reinterpret_cast<uintptr_t>(b);
  return x < y + b_size && y < x + a_size;
}

}  // namespace

FakeCudartState::FakeCudartState(const FakeCudart::Options& options, Mutex* mu,
                                 CondVar* changed)
    : options(options), mu_(mu), changed_(changed) {
  if (options.link_bytes_per_second > 0 || options.copy_latency_ns > 0) {
    for (int device = 0; device < options.device_count; ++device) {
      links_.emplace_back([this, device] { RunLink(device); });
    }
  }
}

bool FakeCudartState::IsMapped(const void* data, size_t size) {
  const auto begin = reinterpret_cast<uintptr_t>(data) / kPage * kPage;
  const auto end = reinterpret_cast<uintptr_t>(data) + size;
  std::vector<unsigned char> pages((end - begin + kPage - 1) / kPage);
  return mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()) ==
         0;
}

cudaError_t FakeCudartState::TakeFault(std::vector<Fault>& faults) {
  cudaError_t result = cudaSuccess;
  for (auto& fault : faults) {
    if (--fault.calls_left == 0) {
      result = fault.error;
    }
  }
  return result;
}

void FakeCudartState::Violation(std::string text) {
  violations.push_back(std::move(text));
}

cudaError_t FakeCudartState::Count(const std::string& function) {
  ++calls[function];
  return TakeFault(faults[function]);
}

std::chrono::nanoseconds FakeCudartState::CallTime(
    const std::string& function) const {
  const auto slow = slow_ns.find(function);
  return std::chrono::nanoseconds(
      slow == slow_ns.end() ? options.call_latency_ns : slow->second);
}

cudaError_t FakeCudartState::UseDevice() {
  return UseDevice(CurrentFakeThread().device);
}

cudaError_t FakeCudartState::UseDevice(int device) {
  if (options.device_count == 0) {
    return cudaErrorNoDevice;
  }
  contexts.insert(CurrentFakeThread().device);
  const auto dead = dead_devices.find(device);
  return dead == dead_devices.end() ? cudaSuccess : dead->second;
}

cudaError_t FakeCudartState::GetDeviceCount(int* count) {
  *count = options.device_count;
  return options.device_count == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t FakeCudartState::GetDevice(int* device) {
  *device = CurrentFakeThread().device;
  return options.device_count == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t FakeCudartState::SetDevice(int device) {
  if (options.device_count == 0) {
    return cudaErrorNoDevice;
  }
  if (device < 0 || device >= options.device_count) {
    return cudaErrorInvalidDevice;
  }
  CurrentFakeThread().device = device;
  contexts.insert(device);  // as CUDA 12 and later do
  return cudaSuccess;
}

cudaError_t FakeCudartState::GetDeviceProperties(cudaDeviceProp* properties,
                                                 int device) {
  if (device < 0 || device >= options.device_count) {
    return cudaErrorInvalidDevice;
  }
  *properties = {};
  std::strcpy(properties->name, "Stand-in device");
  properties->totalGlobalMem = options.total_bytes;
  properties->major = 9;
  properties->minor = 0;
  return cudaSuccess;
}

cudaError_t FakeCudartState::DeviceGetPCIBusId(char* bus_id, int size,
                                               int device) {
  if (device < 0 || device >= options.device_count || size <= 0) {
    return cudaErrorInvalidDevice;
  }
  absl::SNPrintF(bus_id, size, "FFFF:%02X:00.0", device);  // of no machine
  return cudaSuccess;
}

cudaError_t FakeCudartState::MemGetInfo(size_t* free_bytes,
                                        size_t* total_bytes) {
  *total_bytes = options.total_bytes;
  *free_bytes =
      options.total_bytes - memory.used_bytes(CurrentFakeThread().device);
  return UseDevice();
}

cudaError_t FakeCudartState::Malloc(void** data, size_t size) {
  if (const cudaError_t error = UseDevice(); error != cudaSuccess) {
    return error;
  }
  const int device = CurrentFakeThread().device;
  *data = nullptr;
  if (size == 0) {
    return cudaSuccess;
  }
  if (size > options.total_bytes - memory.used_bytes(device)) {
    return cudaErrorMemoryAllocation;
  }
  *data = memory.Allocate(device, size);
  return *data == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t FakeCudartState::Free(void* data) {
  const cudaError_t error = UseDevice();
  if (data == nullptr) {
    return error;
  }
  WaitForMoves();
  const size_t size = memory.SizeOf(data);
  ForEachUnknown([&](const FakeWork& work) {
    if (Overlap(work.copy.destination, work.copy.size, data, size) ||
        Overlap(work.copy.source, work.copy.size, data, size)) {
      Violation("cudaFree of memory that a pending copy uses");
    }
  });
  if (!memory.Free(data)) {
    Violation("cudaFree of what is not an allocation");
    return cudaErrorInvalidValue;
  }
  return error;
}

cudaError_t FakeCudartState::HostAlloc(void** data, size_t size, unsigned) {
  if (const cudaError_t error = UseDevice(); error != cudaSuccess) {
    return error;
  }
  *data = mmap(nullptr, size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (*data == MAP_FAILED) {
    return cudaErrorMemoryAllocation;
  }
  AddRegistration(*data, {size, CurrentFakeThread().device, true, true});
  return cudaSuccess;
}

cudaError_t FakeCudartState::FreeHost(void* data) {
  WaitForMoves();
  const auto found = registrations_.find(reinterpret_cast<uintptr_t>(data));
  if (found == registrations_.end() || !found->second.allocated) {
    Violation("cudaFreeHost of what cudaHostAlloc did not return");
    return cudaErrorInvalidValue;
  }
  CheckHostMemoryIsIdle(data, found->second.size, "cudaFreeHost");
  munmap(data, found->second.size);
  pinned_bytes_ -= found->second.size;
  registrations_.erase(found);
  return UseDevice();
}

cudaError_t FakeCudartState::HostRegister(void* data, size_t size,
                                          unsigned flags) {
  if (const cudaError_t error = UseDevice(); error != cudaSuccess) {
    return error;
  }
  if (size == 0 || !IsMapped(data, size)) {
    return cudaErrorInvalidValue;
  }
  for (const auto& [begin, registration] : registrations_) {
    if (Overlap(data, size, reinterpret_cast<void*>(begin),
                registration.size)) {
      return cudaErrorHostMemoryAlreadyRegistered;
    }
  }
  AddRegistration(data, {size, CurrentFakeThread().device,
                         (flags & cudaHostRegisterPortable) != 0, false});
  return cudaSuccess;
}

cudaError_t FakeCudartState::HostUnregister(void* data) {
  WaitForMoves();
  const auto found = registrations_.find(reinterpret_cast<uintptr_t>(data));
  if (found == registrations_.end() || found->second.allocated) {
    Violation("cudaHostUnregister of what is not registered");
    return cudaErrorHostMemoryNotRegistered;
  }
  CheckHostMemoryIsIdle(data, found->second.size, "cudaHostUnregister");
  if (!IsMapped(data, found->second.size)) {
    Violation("Registered memory was unmapped before cudaHostUnregister");
  }
  pinned_bytes_ -= found->second.size;
  registrations_.erase(found);
  return UseDevice();
}

cudaError_t FakeCudartState::StreamCreate(cudaStream_t* stream,
                                          unsigned flags) {
  if ((flags & cudaStreamNonBlocking) == 0) {
    Violation("A stream that waits for the default stream");
  }
  if (const cudaError_t error = UseDevice(); error != cudaSuccess) {
    return error;
  }
  auto made = std::make_shared<FakeStream>();
  made->device = CurrentFakeThread().device;
  *stream = reinterpret_cast<cudaStream_t>(made.get());
  streams_[*stream] = std::move(made);
  return cudaSuccess;
}

cudaError_t FakeCudartState::StreamDestroy(cudaStream_t handle) {
  const auto stream = FindStream(handle, "cudaStreamDestroy");
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (!stream->work.empty()) {
    orphans_.push_back(stream);
  }
  streams_.erase(handle);
  return UseDevice(stream->device);
}

cudaError_t FakeCudartState::StreamSynchronize(cudaStream_t handle) {
  const auto stream = FindStream(handle, "cudaStreamSynchronize");
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  WaitFor(*stream, stream->put());
  return UseDevice(stream->device);
}

cudaError_t FakeCudartState::StreamQuery(cudaStream_t handle) {
  const auto stream = FindStream(handle, "cudaStreamQuery");
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (stream->ran < stream->put() &&
      (has_links() || ++stream->queries <= options.queries_before_done)) {
    return cudaErrorNotReady;
  }
  WaitFor(*stream, stream->put());
  return UseDevice(stream->device);
}

cudaError_t FakeCudartState::EventCreate(cudaEvent_t* event, unsigned flags) {
  const bool is_timed = (flags & cudaEventDisableTiming) == 0;
  if (is_timed && !options.allow_timing) {
    Violation("An event with timing");
  }
  if ((flags & cudaEventBlockingSync) == 0) {
    Violation("An event whose waits spin");
  }
  if (const cudaError_t error = UseDevice(); error != cudaSuccess) {
    return error;
  }
  auto made = std::make_shared<FakeEvent>();
  made->device = CurrentFakeThread().device;
  made->is_timed = is_timed;
  *event = reinterpret_cast<cudaEvent_t>(made.get());
  events_[*event] = std::move(made);
  return cudaSuccess;
}

cudaError_t FakeCudartState::EventDestroy(cudaEvent_t handle) {
  const auto event = FindEvent(handle, "cudaEventDestroy");
  if (event == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  events_.erase(handle);
  return UseDevice(event->device);
}

cudaError_t FakeCudartState::EventRecord(cudaEvent_t event_handle,
                                         cudaStream_t stream_handle) {
  const auto event = FindEvent(event_handle, "cudaEventRecord");
  const auto stream = FindStream(stream_handle, "cudaEventRecord");
  if (event == nullptr || stream == nullptr ||
      event->device != stream->device) {
    return cudaErrorInvalidResourceHandle;
  }
  if (const cudaError_t error = UseDevice(stream->device);
      error != cudaSuccess) {
    return error;
  }
  event->stream = stream;
  event->position = stream->put();
  event->recorded_at = std::chrono::steady_clock::now();
  event->queries = 0;
  stream->queries = 0;
  return cudaSuccess;
}

cudaError_t FakeCudartState::EventSynchronize(cudaEvent_t handle) {
  const auto event = FindEvent(handle, "cudaEventSynchronize");
  if (event == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (event->stream != nullptr) {
    WaitFor(*event->stream, event->position);
  }
  return UseDevice(event->device);
}

cudaError_t FakeCudartState::EventQuery(cudaEvent_t handle) {
  const auto event = FindEvent(handle, "cudaEventQuery");
  if (event == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (event->stream != nullptr && event->stream->ran < event->position &&
      (has_links() || ++event->queries <= options.queries_before_done)) {
    return cudaErrorNotReady;
  }
  return EventSynchronize(handle);
}

cudaError_t FakeCudartState::EventElapsedTime(float* ms,
                                              cudaEvent_t begin_handle,
                                              cudaEvent_t end_handle) {
  std::chrono::steady_clock::time_point times[2];
  for (int i = 0; i < 2; ++i) {
    const auto event =
        FindEvent(i == 0 ? begin_handle : end_handle, "cudaEventElapsedTime");
    if (event == nullptr || event->stream == nullptr || !event->is_timed) {
      return cudaErrorInvalidResourceHandle;
    }
    if (event->stream->ran < event->position) {
      return cudaErrorNotReady;
    }
    // When all before it had run, and no sooner than it was recorded.
    times[i] = event->recorded_at;
    if (event->position > 0) {
      times[i] = std::max(times[i], event->stream->ran_at[event->position - 1]);
    }
  }
  *ms = std::chrono::duration<float, std::milli>(times[1] - times[0]).count();
  return UseDevice();
}

cudaError_t FakeCudartState::MemcpyAsync(void* destination, const void* source,
                                         size_t size, cudaMemcpyKind kind,
                                         cudaStream_t handle) {
  const auto stream = FindStream(handle, "cudaMemcpyAsync");
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (const cudaError_t error = UseDevice(stream->device);
      error != cudaSuccess) {
    return error;
  }
  const bool from_host = kind == cudaMemcpyHostToDevice;
  const bool to_host = kind == cudaMemcpyDeviceToHost;
  if (!from_host && !to_host && kind != cudaMemcpyDeviceToDevice) {
    Violation("cudaMemcpyAsync of a kind that the stand-in does not know");
    return cudaErrorInvalidMemcpyDirection;
  }
  bool pinned = false;
  for (const auto& [data, is_host] :
       {std::make_pair(source, from_host),
        std::make_pair(static_cast<const void*>(destination), to_host)}) {
    if (is_host) {
      pinned = IsRegistered(data, size, stream->device);
      if (!pinned) {
        Violation("cudaMemcpyAsync of host memory that is not page-locked");
      }
      if (!IsHostMemory(data, size)) {
        return cudaErrorInvalidValue;
      }
    } else if (memory.Find(data, size).device != stream->device) {
      Violation(absl::StrCat("cudaMemcpyAsync of ", size,
                             " bytes outside an allocation of the device"));
      return cudaErrorInvalidValue;
    }
  }
  FakeWork work;
  work.copy = {
      static_cast<uint8_t*>(destination),
      static_cast<const uint8_t*>(source),
      size,
      kind,
      pinned,
      from_host ? HashOf(static_cast<const uint8_t*>(source), size) : 0};
  Put(*stream, std::move(work));
  return cudaSuccess;
}

cudaError_t FakeCudartState::MemsetAsync(void* data, int value, size_t size,
                                         cudaStream_t handle) {
  const auto stream = FindStream(handle, "cudaMemsetAsync");
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (const cudaError_t error = UseDevice(stream->device);
      error != cudaSuccess) {
    return error;
  }
  if (memory.Find(data, size).device != stream->device) {
    Violation("cudaMemsetAsync outside an allocation of the device");
    return cudaErrorInvalidValue;
  }
  FakeWork work;
  work.copy = {static_cast<uint8_t*>(data), nullptr, size,
               cudaMemcpyDeviceToDevice,    false,   0};
  work.fill = value & 0xFF;
  Put(*stream, std::move(work));
  return cudaSuccess;
}

cudaError_t FakeCudartState::DeviceSynchronize() {
  const int device = CurrentFakeThread().device;
  std::vector<std::shared_ptr<FakeStream>> streams = orphans_;
  for (const auto& [handle, stream] : streams_) {
    streams.push_back(stream);
  }
  for (const auto& stream : streams) {
    if (stream->device == device) {
      WaitFor(*stream, stream->put());
    }
  }
  return UseDevice();
}

cudaError_t FakeCudartState::LaunchKernel(const std::string& name,
                                          void** arguments,
                                          cudaStream_t handle) {
  const auto stream = FindStream(handle, "cudaLaunchKernel");
  if (stream == nullptr || stream->device != CurrentFakeThread().device) {
    return cudaErrorInvalidResourceHandle;
  }
  if (const cudaError_t error = UseDevice(stream->device);
      error != cudaSuccess) {
    return error;
  }
  FakeWork work;
  work.kernel = kernels ? kernels(name, arguments) : nullptr;
  if (!work.kernel) {
    return cudaErrorNoKernelImageForDevice;
  }
  Put(*stream, std::move(work));
  return cudaSuccess;
}

int FakeCudartState::PendingCopies() const {
  uint64_t count = 0;
  for (const auto& [handle, stream] : streams_) {
    count += stream->put() - stream->ran;
  }
  for (const auto& stream : orphans_) {
    count += stream->put() - stream->ran;
  }
  return static_cast<int>(count);
}

void FakeCudartState::ReportUnknownWork() {
  int count = 0;
  ForEachUnknown([&](const FakeWork&) { ++count; });
  if (count > 0) {
    Violation(absl::StrCat("Nothing waited for ", count, " copies"));
  }
}

std::vector<std::string> FakeCudartState::Leaks() const {
  std::vector<std::string> leaks;
  const auto add = [&](size_t count, const char* what) {
    if (count > 0) {
      leaks.push_back(absl::StrCat(count, " ", what));
    }
  };
  add(memory.allocation_count(), "device allocations");
  add(registrations_.size(), "host registrations");
  add(streams_.size(), "streams");
  add(events_.size(), "events");
  return leaks;
}

std::shared_ptr<FakeStream> FakeCudartState::FindStream(cudaStream_t handle,
                                                        const char* function) {
  const auto found = streams_.find(handle);
  if (found == streams_.end()) {
    Violation(absl::StrCat(function, handle == nullptr
                                         ? " on the default stream"
                                         : " on a stream that does not exist"));
    return nullptr;
  }
  if (found->second->device != CurrentFakeThread().device) {
    Violation(
        absl::StrCat(function, " on a stream while another device is current"));
  }
  return found->second;
}

std::shared_ptr<FakeEvent> FakeCudartState::FindEvent(cudaEvent_t handle,
                                                      const char* function) {
  const auto found = events_.find(handle);
  if (found == events_.end()) {
    Violation(absl::StrCat(function, " of an event that does not exist"));
    return nullptr;
  }
  if (found->second->device != CurrentFakeThread().device) {
    Violation(
        absl::StrCat(function, " of an event while another device is current"));
  }
  return found->second;
}

bool FakeCudartState::IsHostMemory(const void* data, size_t size) const {
  return IsMapped(data, size) && memory.Find(data, 1).alias == nullptr;
}

bool FakeCudartState::IsRegistered(const void* data, size_t size,
                                   int device) const {
  const auto address = reinterpret_cast<uintptr_t>(data);
  auto found = registrations_.upper_bound(address);
  if (found == registrations_.begin()) {
    return false;
  }
  --found;
  const Registration& registration = found->second;
  const size_t offset = address - found->first;
  return offset <= registration.size && size <= registration.size - offset &&
         (registration.portable || registration.device == device);
}

void FakeCudartState::CheckHostMemoryIsIdle(const void* data, size_t size,
                                            const char* function) {
  ForEachUnknown([&](const FakeWork& work) {
    if (Overlap(work.copy.source, work.copy.size, data, size) ||
        Overlap(work.copy.destination, work.copy.size, data, size)) {
      Violation(absl::StrCat(function, " of memory that a pending copy uses"));
    }
  });
}

void FakeCudartState::AddRegistration(const void* data,
                                      const Registration& registration) {
  registrations_[reinterpret_cast<uintptr_t>(data)] = registration;
  pinned_bytes_ += registration.size;
  peak_pinned_bytes = std::max(peak_pinned_bytes, pinned_bytes_);
}

template <typename Visit>
void FakeCudartState::ForEachUnknown(Visit visit) const {
  const auto visit_stream = [&](const FakeStream& stream) {
    for (const FakeWork& work : stream.work) {
      visit(work);
    }
  };
  for (const auto& [handle, stream] : streams_) {
    visit_stream(*stream);
  }
  for (const auto& stream : orphans_) {
    visit_stream(*stream);
  }
}

}  // namespace hoist
