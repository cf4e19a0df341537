// How copies run: late, or when a link of a given rate would be done with them.

#include <sys/prctl.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "hoist/cuda/testing/fake_cudart_state.h"

namespace hoist {

void FakeCudartState::StopLinks() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_->SignalAll();
  }
  for (std::thread& link : links_) {
    link.join();
  }
}

void FakeCudartState::Put(FakeStream& stream, FakeWork work) {
  work.issued_at = std::chrono::steady_clock::now();
  stream.work.push_back(std::move(work));
  stream.queries = 0;
  changed_->SignalAll();
}

void FakeCudartState::WaitFor(FakeStream& stream, uint64_t position) {
  while (stream.ran < position) {
    if (has_links()) {
      Wait();
    } else {
      RunNext(stream, std::chrono::steady_clock::now());
    }
  }
  for (; stream.known < position; ++stream.known) {
    const FakeWork& work = stream.work.front();
    const FakeCopy& copy = work.copy;
    // The copy may have been early, but the host could not know that.
    if (has_links() && !work.failed && copy.kind == cudaMemcpyHostToDevice &&
        IsMapped(copy.source, copy.size) &&
        HashOf(copy.source, copy.size) != copy.source_hash) {
      Violation("The source of a copy was changed before it was waited for");
    }
    stream.work.pop_front();
  }
}

std::shared_ptr<FakeStream> FakeCudartState::NextStream(int device) const {
  std::shared_ptr<FakeStream> next;
  const auto issued_at = [](const FakeStream& stream) {
    return stream.work[stream.ran - stream.known].issued_at;
  };
  const auto look_at = [&](const std::shared_ptr<FakeStream>& stream) {
    if (stream->device == device && stream->ran < stream->put() &&
        (next == nullptr || issued_at(*stream) < issued_at(*next))) {
      next = stream;
    }
  };
  for (const auto& [handle, stream] : streams_) {
    look_at(stream);
  }
  for (const auto& stream : orphans_) {
    look_at(stream);
  }
  return next;
}

std::chrono::nanoseconds FakeCudartState::TimeOf(const FakeWork& work) const {
  double ns = static_cast<double>(options.copy_latency_ns);
  if (options.link_bytes_per_second > 0 &&
      work.copy.kind != cudaMemcpyDeviceToDevice) {
    ns += static_cast<double>(work.copy.size) * 1e9 /
          options.link_bytes_per_second;
  }
  return std::chrono::nanoseconds(static_cast<int64_t>(ns));
}

void FakeCudartState::RunLink(int device) {
  prctl(PR_SET_TIMERSLACK, 1UL);  // in ns
  std::chrono::steady_clock::time_point free_at;
  mu_->Lock();
  while (!stopping_) {
    const auto stream = NextStream(device);
    if (stream == nullptr) {
      Wait();
      continue;
    }
    const FakeWork& work = stream->work[stream->ran - stream->known];
    // Counted from when it could have begun, not from when this thread woke.
    free_at = std::max(free_at, work.issued_at) + TimeOf(work);
    mu_->Unlock();
    std::this_thread::sleep_until(free_at);
    mu_->Lock();
    RunNext(*stream, free_at);
    changed_->SignalAll();
  }
  mu_->Unlock();
}

void FakeCudartState::RunNext(FakeStream& stream,
                              std::chrono::steady_clock::time_point end) {
  FakeWork& work = stream.work[stream.ran - stream.known];
  // A dead device does nothing more; the copies count as over.
  if (dead_devices.contains(stream.device)) {
    work.failed = true;
  } else if (const cudaError_t error = Run(work, stream.device);
             error != cudaSuccess) {
    work.failed = true;
    dead_devices[stream.device] = error;
  }
  ++stream.ran;
  stream.ran_at.push_back(end);
}

cudaError_t FakeCudartState::RunKernel(const FakeWork& work, int device) {
  const bool found =
      work.kernel([this, device](const void* data, size_t size) -> uint8_t* {
        const FakeDeviceMemory::Range range = memory.Find(data, size);
        return range.device == device ? range.alias : nullptr;
      });
  if (!found) {
    Violation("A kernel ran over what is no memory of its device");
    return cudaErrorIllegalAddress;
  }
  return cudaSuccess;
}

cudaError_t FakeCudartState::Run(const FakeWork& work, int device) {
  if (work.kernel) {
    return RunKernel(work, device);
  }
  const FakeCopy& copy = work.copy;
  if (const cudaError_t error = TakeFault(copy_faults); error != cudaSuccess) {
    return error;
  }
  const bool is_damaged = TakeFault(copy_damage) != cudaSuccess;
  const bool to_host = copy.kind == cudaMemcpyDeviceToHost;
  uint8_t* const to = to_host ? copy.destination
                              : memory.Find(copy.destination, copy.size).alias;
  if (to == nullptr) {
    Violation("A copy ran after its destination was freed");
    return cudaErrorIllegalAddress;
  }
  const bool from_host = copy.kind == cudaMemcpyHostToDevice;
  const uint8_t* from = nullptr;
  if (work.fill < 0) {
    from = from_host ? copy.source : memory.Find(copy.source, copy.size).alias;
    if (from == nullptr) {
      Violation("A copy ran after its source was freed");
      return cudaErrorIllegalAddress;
    }
  }
  if (from_host || to_host) {
    const void* const host = from_host ? copy.source : copy.destination;
    if (!IsMapped(host, copy.size)) {
      Violation("A copy ran after its host memory was unmapped");
      return cudaErrorIllegalAddress;
    }
    if (copy.pinned && !IsRegistered(host, copy.size, device)) {
      Violation("A copy ran after its host memory was unregistered");
      return cudaErrorIllegalAddress;
    }
  }
  Move(work, to, from);
  if (is_damaged && copy.size > 0) {
    to[copy.size / 2] ^= 1;
  }
  return cudaSuccess;
}

// Unlocks what its caller holds.
void FakeCudartState::Move(const FakeWork& work, uint8_t* to,
                           const uint8_t* from) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  const FakeCopy& copy = work.copy;
  if (has_links()) {
    ++moves_;
    mu_->Unlock();
  }
  const bool changed = copy.kind == cudaMemcpyHostToDevice &&
                       HashOf(from, copy.size) != copy.source_hash;
  if (work.fill >= 0) {
    std::memset(to, work.fill, copy.size);
  } else {
    std::memcpy(to, from, copy.size);
  }
  if (has_links()) {
    mu_->Lock();
    --moves_;
  }
  if (changed) {
    Violation("The source of a copy was changed before the copy ran");
  }
}

// Of pieces spread over the whole, the last byte included, if not of all.
size_t FakeCudartState::HashOf(const uint8_t* data, size_t size) const {
  constexpr size_t kPiece = 64;
  const auto hash = [&](size_t begin, size_t length) {
    return std::hash<std::string_view>()(
        std::string_view(reinterpret_cast<const char*>(data) + begin, length));
  };
  if (size <= options.checked_bytes_per_copy || size <= kPiece) {
    return hash(0, size);
  }
  const size_t pieces = options.checked_bytes_per_copy / kPiece;
  size_t sum = 0;
  for (size_t i = 1; i <= pieces; ++i) {
    sum = sum * 31 + hash((size - kPiece) / pieces * i, kPiece);
  }
  return sum;
}

void FakeCudartState::WaitForMoves() {
  while (moves_ > 0) {
    Wait();
  }
}

void FakeCudartState::Wait() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  changed_->Wait(mu_);
}

}  // namespace hoist
