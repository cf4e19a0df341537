// Uploads that are wrong in one thing, each caught by the stand-in: in bytes
// that are not the source's, or in a violation. So a mistake of the kind would
// not pass the Uploader's tests.

#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kSlots = 2;
constexpr int kChunks = 6;
constexpr size_t kSlot = 4096;

enum class Flaw {
  kNone,
  kSlotReusedBeforeItsEvent,
  kEventRecordedBeforeTheCopy,
  kEventSkipped,
  kPageableSource,
  kUnregisteredWhilePending,
  kUnmappedWhilePending,
  kDestinationFreedWhilePending,
  kNoFinalWait,
  kWrongDeviceCurrent,
  kDefaultStream,
  kStreamThatWaitsForTheDefaultOne,
};

struct Case {
  Flaw flaw;
  const char* name;
  bool bytes_are_right;   // all the same
  const char* violation;  // part of one; null: only the bytes tell
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

struct Outcome {
  bool bytes_are_right = false;
  std::vector<std::string> violations;
};

// The Uploader's loop in short: each chunk waits for the event of its slot,
// fills it, copies it, and records the event; at the end all are waited for.
class Upload {
 public:
  Upload(FakeCudart& fake, Flaw flaw) : fake_(fake), flaw_(flaw) {
    cudaSetDevice(1);
    memory_ = static_cast<uint8_t*>(mmap(nullptr, kSlots * kSlot,
                                         PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(memory_, 0, kSlots * kSlot);
    if (flaw != Flaw::kPageableSource) {
      cudaHostRegister(memory_, kSlots * kSlot, cudaHostRegisterPortable);
    }
    void* data = nullptr;
    cudaMalloc(&data, kChunks * kSlot);
    destination_ = static_cast<uint8_t*>(data);
    cudaStreamCreateWithFlags(&stream_,
                              flaw == Flaw::kStreamThatWaitsForTheDefaultOne
                                  ? cudaStreamDefault
                                  : cudaStreamNonBlocking);
    for (cudaEvent_t& event : events_) {
      cudaEventCreateWithFlags(&event,
                               cudaEventDisableTiming | cudaEventBlockingSync);
    }
  }

  Outcome Run() {
    if (flaw_ == Flaw::kWrongDeviceCurrent) {
      cudaSetDevice(0);
    }
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const int slot = chunk % kSlots;
      if (chunk >= kSlots) {
        WaitForSlot(slot);
      }
      FillAndCopy(chunk, slot);
    }
    switch (flaw_) {
      case Flaw::kUnregisteredWhilePending:
        Unregister();
        break;
      case Flaw::kUnmappedWhilePending:
        munmap(memory_, kSlots * kSlot);
        break;
      case Flaw::kDestinationFreedWhilePending:
        cudaFree(destination_);
        break;
      default:
        break;
    }
    if (flaw_ != Flaw::kNoFinalWait) {
      cudaStreamSynchronize(stream_);
    }
    Outcome outcome;
    outcome.bytes_are_right = BytesAreRight();
    CleanUp();
    outcome.violations = fake_.TakeViolations();
    return outcome;
  }

 private:
  void WaitForSlot(int slot) {
    if (flaw_ != Flaw::kSlotReusedBeforeItsEvent) {
      cudaEventSynchronize(events_[slot]);
    }
  }

  void FillAndCopy(int chunk, int slot) {
    uint8_t* const source = memory_ + slot * kSlot;
    std::memset(source, chunk + 1, kSlot);
    if (flaw_ == Flaw::kEventRecordedBeforeTheCopy) {
      cudaEventRecord(events_[slot], stream_);
    }
    cudaMemcpyAsync(destination_ + chunk * kSlot, source, kSlot,
                    cudaMemcpyHostToDevice,
                    flaw_ == Flaw::kDefaultStream ? nullptr : stream_);
    if (flaw_ != Flaw::kEventSkipped &&
        flaw_ != Flaw::kEventRecordedBeforeTheCopy) {
      cudaEventRecord(events_[slot], stream_);
    }
  }

  bool BytesAreRight() const {
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      if (fake_.CopyFromDevice(destination_ + chunk * kSlot, kSlot) !=
          std::vector<uint8_t>(kSlot, static_cast<uint8_t>(chunk + 1))) {
        return false;
      }
    }
    return true;
  }

  void Unregister() { cudaHostUnregister(memory_); }

  void CleanUp() {
    cudaSetDevice(1);
    cudaStreamSynchronize(stream_);
    if (flaw_ != Flaw::kPageableSource &&
        flaw_ != Flaw::kUnregisteredWhilePending) {
      Unregister();
    }
    if (flaw_ != Flaw::kUnmappedWhilePending) {
      munmap(memory_, kSlots * kSlot);
    }
    if (flaw_ != Flaw::kDestinationFreedWhilePending) {
      cudaFree(destination_);
    }
    for (const cudaEvent_t event : events_) {
      cudaEventDestroy(event);
    }
    cudaStreamDestroy(stream_);
    cudaSetDevice(0);
    cudaGetLastError();
  }

  FakeCudart& fake_;
  const Flaw flaw_;
  uint8_t* memory_ = nullptr;
  uint8_t* destination_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t events_[kSlots] = {};
};

// With time, a copy takes so long that the loop is through before the first.
constexpr double kLinkRates[] = {0, kSlot / 0.02};

Outcome RunUpload(Flaw flaw, double link_bytes_per_second) {
  FakeCudart fake(
      {.device_count = 2, .link_bytes_per_second = link_bytes_per_second});
  return Upload(fake, flaw).Run();
}

TEST(RightUploadTest, IsNotCaught) {
  for (const double rate : kLinkRates) {
    const Outcome outcome = RunUpload(Flaw::kNone, rate);
    EXPECT_TRUE(outcome.bytes_are_right);
    EXPECT_THAT(outcome.violations, IsEmpty());
  }
}

class BrokenUploadTest
    : public ::testing::TestWithParam<std::tuple<Case, double>> {};

TEST_P(BrokenUploadTest, IsCaught) {
  const auto& [broken, rate] = GetParam();
  const Outcome outcome = RunUpload(broken.flaw, rate);
  EXPECT_EQ(outcome.bytes_are_right, broken.bytes_are_right);
  if (broken.violation != nullptr) {
    EXPECT_THAT(outcome.violations, Contains(HasSubstr(broken.violation)));
  }
}

constexpr Case kCases[] = {
    {Flaw::kSlotReusedBeforeItsEvent, "SlotReusedBeforeItsEvent", false,
     "source of a copy was changed before the copy ran"},
    {Flaw::kEventRecordedBeforeTheCopy, "EventRecordedBeforeTheCopy", false,
     "source of a copy was changed before the copy ran"},
    {Flaw::kEventSkipped, "EventSkipped", false,
     "source of a copy was changed before the copy ran"},
    {Flaw::kPageableSource, "PageableSource", true, "not page-locked"},
    {Flaw::kUnregisteredWhilePending, "UnregisteredWhilePending", false,
     "cudaHostUnregister of memory that a pending copy uses"},
    {Flaw::kUnmappedWhilePending, "UnmappedWhilePending", false,
     "after its host memory was unmapped"},
    {Flaw::kDestinationFreedWhilePending, "DestinationFreedWhilePending", false,
     "cudaFree of memory that a pending copy uses"},
    {Flaw::kNoFinalWait, "NoFinalWait", false, nullptr},
    {Flaw::kWrongDeviceCurrent, "WrongDeviceCurrent", true,
     "cudaMemcpyAsync on a stream while another device is current"},
    {Flaw::kDefaultStream, "DefaultStream", false, "on the default stream"},
    {Flaw::kStreamThatWaitsForTheDefaultOne, "StreamThatWaitsForTheDefaultOne",
     true, "waits for the default stream"},
};

INSTANTIATE_TEST_SUITE_P(
    Flaws, BrokenUploadTest,
    ::testing::Combine(::testing::ValuesIn(kCases),
                       ::testing::ValuesIn(kLinkRates)),
    [](const ::testing::TestParamInfo<std::tuple<Case, double>>& info) {
      return std::string(std::get<Case>(info.param).name) +
             (std::get<double>(info.param) > 0 ? "WithTime" : "");
    });

}  // namespace
}  // namespace hoist
