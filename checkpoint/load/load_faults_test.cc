// A thousand loads of random checkpoints, in each of which something fails, or
// is damaged, slow, short of memory or cancelled. Each ends well, with every
// byte in its place, or in the error that says what happened; leaves nothing;
// and the threads and pinned memory that served it serve the next one.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/faulty_file.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kSessions = 100;
constexpr int kLoads = 10;  // in a session, and as many after them
constexpr int kDevices = 3;

constexpr size_t kLargeBytes =
    kIsSanitized ? 300 << 10 : (size_t{2} << 20) + 100;

enum class Fault {
  kNone,
  kSlowReads,
  kReadFails,
  kReadsFailFromHere,
  kShortFile,
  kChangedFile,
  kDamage,
  kMemoryLimit,
  kCancelledBefore,
  kCancelledByItself,
  kCancelledByOther,
  // Only towards a device.
  kCall,
  kCopy,
  kNoPinnedMemory,
};
constexpr int kCpuFaults = static_cast<int>(Fault::kCall);
constexpr int kAllFaults = static_cast<int>(Fault::kNoPinnedMemory) + 1;

// CUDA's functions that a load calls. Without the first ones no byte arrives.
constexpr int kVitalFunctions = 6;
const char* const kFunctions[] = {"cudaMalloc",
                                  "cudaStreamCreateWithFlags",
                                  "cudaEventCreateWithFlags",
                                  "cudaMemcpyAsync",
                                  "cudaEventRecord",
                                  "cudaEventSynchronize",
                                  "cudaHostRegister",
                                  "cudaGetDevice",
                                  "cudaSetDevice",
                                  "cudaStreamDestroy",
                                  "cudaEventDestroy",
                                  "cudaEventQuery",
                                  "cudaFree",
                                  "cudaHostUnregister"};

int OpenDescriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

// A random checkpoint, its files, and what can be done to them.
struct Subject {
  Subject(std::mt19937& random, const RandomCheckpoint::Options& options)
      : checkpoint(random, options) {
    Open();
  }
  const Catalog& catalog() const { return checkpoint.catalog(); }
  // Has to be called again when a file was replaced.
  void Open() {
    files.clear();
    faulty.clear();
    for (const auto& file : checkpoint.files()) {
      faulty.push_back(std::make_shared<FaultyFile>(file));
      files.push_back(faulty.back());
    }
  }
  int failures() const {
    int sum = 0;
    for (const auto& file : faulty) {
      sum += file->failures();
    }
    return sum;
  }

  RandomCheckpoint checkpoint;
  std::vector<std::shared_ptr<FaultyFile>> faulty;
  std::vector<std::shared_ptr<const RandomAccessFile>> files;
};

using Codes = std::vector<absl::StatusCode>;
// How many loads with a fault ended in what.
using Ends = std::map<Fault, std::map<absl::StatusCode, int>>;

std::function<Codes()> Always(absl::StatusCode code) {
  return [code] { return Codes{code}; };
}
std::function<Codes()> Either(absl::StatusCode one, absl::StatusCode other) {
  return [one, other] { return Codes{one, other}; };
}

// Threads, pinned memory and devices, and loads with them one after the other.
class Session {
 public:
  Session(uint32_t seed, Ends& ends)
      : ends_(ends),
        random_(seed),
        cuda_({.device_count = kDevices,
               .link_bytes_per_second = Draw(3) == 0 ? 2e9 : 0.0}) {
    if (const int threads = Draw(5); threads > 0) {
      threads_ = std::make_unique<ThreadPool>(threads);
    }
    if (Draw(4) > 0) {
      const size_t slot_bytes = size_t{4096} << (2 * Draw(4));
      auto pool = PinnedPool::Create(
          {.slot_bytes = slot_bytes, .max_bytes = slot_bytes * (1 + Draw(8))},
          threads_.get());
      HOIST_EXPECT_OK(pool);
      pinned_ = *std::move(pool);
    }
  }
  ~Session() {
    pinned_ = nullptr;
    EXPECT_THAT(cuda_.TakeLeaks(), IsEmpty());
  }

  // A load with a fault, and one without.
  void Run();

 private:
  int Draw(size_t count) { return static_cast<int>(Below(random_, count)); }
  RandomCheckpoint::Options AnyCheckpoint();
  LoadOptions AnyOptions(const Subject& subject);
  // A tensor that has elements, and for `whole` all those of its storage.
  const TensorEntry* AnyTensor(const Catalog& catalog, bool whole);
  // Calls `action` when the load has made progress a few times.
  void Later(std::function<void()> action) {
    action_at_ = 1 + Draw(6);
    action_ = std::move(action);
  }

  bool HasNoPinnedMemory() const {
    return pinned_ == nullptr || pinned_->pinned_bytes() == 0;
  }

  // Prepares the fault, and returns what says, after the load, how that may
  // have ended.
  std::function<Codes()> Inject(Subject& subject);
  std::function<Codes()> ShortenFile(Subject& subject);
  std::function<Codes()> ChangeFile(Subject& subject);
  std::function<Codes()> Damage(Subject& subject);
  std::function<Codes()> LimitMemory(const Subject& subject);
  std::function<Codes()> FailCall();
  std::function<Codes()> FailCopy();
  std::function<Codes()> RefusePinnedMemory();

  void Load(const Subject& subject, const std::function<Codes()>& ends);
  std::string BytesOf(const Buffer& buffer) const;

  Ends& ends_;
  std::mt19937 random_;
  FakeCudart cuda_;
  std::unique_ptr<ThreadPool> threads_;  // may be null
  std::unique_ptr<PinnedPool> pinned_;   // may be null
  std::vector<bool> is_dead_ = std::vector<bool>(kDevices, false);

  // Of the load at hand.
  Fault fault_ = Fault::kNone;
  LoadOptions options_;
  std::vector<std::string> elements_;
  std::optional<CancelToken> cancel_;
  std::function<void()> action_;
  int action_at_ = 0;
  std::thread other_;
  std::string failing_function_;
};

RandomCheckpoint::Options Session::AnyCheckpoint() {
  RandomCheckpoint::Options options = {.is_on_disk = Draw(2) == 0};
  switch (Draw(6)) {
    case 0:
      options.max_storages = 300;
      options.max_storage_bytes = 600;
      break;
    case 1:
      options.max_storages = 3;
      options.max_storage_bytes = kLargeBytes;
      break;
    default:
      break;
  }
  return options;
}

LoadOptions Session::AnyOptions(const Subject& subject) {
  LoadOptions options = {.pool = threads_.get(),
                         .pinned_pool = pinned_.get(),
                         .verify_checksums = Draw(4) > 0,
                         .one_buffer_each = Draw(3) == 0};
  if (Draw(3) > 0) {
    int device = Draw(kDevices);
    while (is_dead_[device]) {
      device = (device + 1) % kDevices;
    }
    options.device = Device::Cuda(device);
  }
  constexpr ReadMethod kMethods[] = {ReadMethod::kPread, ReadMethod::kMmap,
                                     ReadMethod::kDirect};
  if (subject.files[0]->descriptor() >= 0 && Draw(4) > 0) {
    options.read_method = kMethods[Draw(std::size(kMethods))];
  }
  return options;
}

const TensorEntry* Session::AnyTensor(const Catalog& catalog, bool whole) {
  std::vector<const TensorEntry*> found;
  for (const TensorEntry& tensor : catalog.tensors) {
    if (!tensor.storage || *ElementCount(tensor.spec.shape) == 0) {
      continue;
    }
    const uint64_t all = catalog.storages[*tensor.storage].size_bytes;
    if (!whole || (IsContiguous(tensor.spec) && tensor.storage_offset == 0 &&
                   static_cast<uint64_t>(*LogicalBytes(tensor.spec)) == all)) {
      found.push_back(&tensor);
    }
  }
  return found.empty() ? nullptr : found[Draw(found.size())];
}

std::function<Codes()> Session::Inject(Subject& subject) {
  FaultyFile& file = *subject.faulty[Draw(subject.faulty.size())];
  // What the file said that it did is what decides.
  const auto as_the_file_says = [&subject] {
    return Codes{subject.failures() > 0 ? absl::StatusCode::kDataLoss
                                        : absl::StatusCode::kOk};
  };
  switch (fault_) {
    case Fault::kNone:
      return Always(absl::StatusCode::kOk);
    case Fault::kSlowReads:
      file.SlowReads(std::chrono::microseconds(Draw(300)));
      return Always(absl::StatusCode::kOk);
    case Fault::kReadFails:
      file.FailRead(1 + Draw(4));
      return as_the_file_says;
    case Fault::kReadsFailFromHere:
      file.FailReadsFrom(Draw(file.size_bytes() + 1));
      return as_the_file_says;
    case Fault::kShortFile:
      return ShortenFile(subject);
    case Fault::kChangedFile:
      return ChangeFile(subject);
    case Fault::kDamage:
      return Damage(subject);
    case Fault::kMemoryLimit:
      return LimitMemory(subject);
    case Fault::kCancelledBefore:
      cancel_->Cancel();
      return Always(absl::StatusCode::kCancelled);
    case Fault::kCancelledByItself:
      Later([this] { cancel_->Cancel(); });
      return Either(absl::StatusCode::kCancelled, absl::StatusCode::kOk);
    case Fault::kCancelledByOther:
      file.SlowReads(std::chrono::microseconds(Draw(200)));
      other_ = std::thread([this, pause_us = Draw(2000)] {
        std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
        cancel_->Cancel();
      });
      return Either(absl::StatusCode::kCancelled, absl::StatusCode::kOk);
    case Fault::kCall:
      return FailCall();
    case Fault::kCopy:
      return FailCopy();
    case Fault::kNoPinnedMemory:
      return RefusePinnedMemory();
  }
  return nullptr;
}

std::function<Codes()> Session::ShortenFile(Subject& subject) {
  const TensorEntry* const tensor = AnyTensor(subject.catalog(), false);
  if (tensor == nullptr) {
    return Always(absl::StatusCode::kOk);
  }
  // In front of something that is needed.
  const StorageEntry& storage = subject.catalog().storages[*tensor->storage];
  uint64_t last = storage.deflated_bytes
                      ? *storage.deflated_bytes
                      : static_cast<uint64_t>(*RequiredStorageBytes(
                            tensor->spec, tensor->storage_offset));
  if (storage.encoded_bytes) {
    const StorageChunk& chunk =
        storage.chunks[(last - 1) / storage.chunks.front().size_bytes];
    last = chunk.offset_bytes + chunk.stored_bytes - storage.offset_bytes;
  }
  const uint64_t size = storage.offset_bytes + Draw(last);
  RandomCheckpoint& checkpoint = subject.checkpoint;
  if (subject.files[0]->descriptor() < 0) {
    checkpoint.Replace(storage.file,
                       checkpoint.content(storage.file).substr(0, size));
    subject.Open();
  } else if (options_.read_method == ReadMethod::kMmap || Draw(2) == 0) {
    checkpoint.Truncate(storage.file, size);
  } else {
    // A mapped file raises SIGBUS then.
    Later([&checkpoint, file = storage.file, size] {
      checkpoint.Truncate(file, size);
    });
    action_at_ = 1;
  }
  return Always(absl::StatusCode::kDataLoss);
}

std::function<Codes()> Session::ChangeFile(Subject& subject) {
  const TensorEntry* const tensor = AnyTensor(subject.catalog(), false);
  if (tensor == nullptr) {
    return Always(absl::StatusCode::kOk);
  }
  const int file = subject.catalog().storages[*tensor->storage].file;
  Later([this, &subject, file, touch = Draw(2) == 0] {
    if (touch && subject.files[0]->descriptor() >= 0) {
      subject.checkpoint.Touch(file);
    } else {
      subject.faulty[file]->Change();
    }
  });
  action_at_ = 1;
  return Always(absl::StatusCode::kDataLoss);
}

std::function<Codes()> Session::Damage(Subject& subject) {
  const TensorEntry* const tensor = AnyTensor(subject.catalog(), true);
  if (tensor == nullptr) {
    return Always(absl::StatusCode::kOk);
  }
  const StorageEntry& storage = subject.catalog().storages[*tensor->storage];
  if (storage.deflated_bytes && !storage.crc32) {
    return Always(absl::StatusCode::kOk);
  }
  std::string content = subject.checkpoint.content(storage.file);
  content[storage.offset_bytes + Draw(storage.stored_bytes())] ^=
      static_cast<char>(1 << Draw(8));
  subject.checkpoint.Replace(storage.file, std::move(content));
  subject.Open();
  if (storage.deflated_bytes) {
    options_.verify_checksums = true;
    // It may be one of the bits that say nothing.
    return Either(absl::StatusCode::kDataLoss, absl::StatusCode::kOk);
  }
  if (storage.encoded_bytes) {
    options_.verify_checksums = true;
  }
  if ((storage.crc32 || !storage.chunks.empty()) && options_.verify_checksums) {
    return Always(absl::StatusCode::kDataLoss);
  }
  options_.verify_checksums = false;
  elements_ = NaiveLoad(subject.catalog(), subject.files);
  return Always(absl::StatusCode::kOk);
}

std::function<Codes()> Session::LimitMemory(const Subject& subject) {
  const auto planned = PlanLoad(subject.catalog(), subject.files, options_);
  HOIST_EXPECT_OK(planned);
  const uint64_t wanted = planned->host_bytes + planned->pinned_bytes;
  if (wanted > 0 && Draw(2) == 0) {
    options_.max_host_bytes = Draw(wanted);
    return Always(absl::StatusCode::kResourceExhausted);
  }
  options_.max_host_bytes = wanted;
  return Always(absl::StatusCode::kOk);
}

std::function<Codes()> Session::FailCall() {
  const int index = Draw(std::size(kFunctions));
  const int nth = 1 + Draw(Draw(2) == 0 ? 2 : 20);
  const char* const function = kFunctions[index];
  const int calls = cuda_.CallCount(function);
  failing_function_ = function;
  cuda_.FailCall(function, nth, FakeCudart::kErrorUnknown);
  const bool is_first_pin = function == kFunctions[kVitalFunctions] &&
                            nth == 1 && HasNoPinnedMemory();
  return [=, this] {
    if (cuda_.CallCount(function) < calls + nth) {
      return Codes{absl::StatusCode::kOk};
    }
    if (index < kVitalFunctions || is_first_pin) {
      return Codes{absl::StatusCode::kInternal};
    }
    return Codes{absl::StatusCode::kInternal, absl::StatusCode::kOk};
  };
}

std::function<Codes()> Session::FailCopy() {
  const int nth = 1 + Draw(Draw(2) == 0 ? 2 : 20);
  const int calls = cuda_.CallCount("cudaMemcpyAsync");
  cuda_.FailCopy(nth, FakeCudart::kErrorIllegalAddress);
  return [=, this] {
    if (cuda_.CallCount("cudaMemcpyAsync") < calls + nth) {
      return Codes{absl::StatusCode::kOk};
    }
    is_dead_[options_.device.index] = true;
    return Codes{absl::StatusCode::kInternal};
  };
}

std::function<Codes()> Session::RefusePinnedMemory() {
  // As often as is tried with less.
  for (int nth = 1; nth <= 12; ++nth) {
    cuda_.FailCall("cudaHostRegister", nth, FakeCudart::kErrorMemoryAllocation);
  }
  const int calls = cuda_.CallCount("cudaHostRegister");
  return [this, calls, has_none = HasNoPinnedMemory()] {
    const bool was_asked = cuda_.CallCount("cudaHostRegister") > calls;
    return Codes{was_asked && has_none ? absl::StatusCode::kResourceExhausted
                                       : absl::StatusCode::kOk};
  };
}

void Session::Load(const Subject& subject, const std::function<Codes()>& ends) {
  const int descriptors = OpenDescriptors();
  std::atomic<int> calls = 0;
  std::atomic<uint64_t> most = 0;
  options_.cancel = &*cancel_;
  options_.on_progress = [&](uint64_t done, uint64_t all) {
    EXPECT_LE(done, all);
    if (done == all) {
      most = all;
    }
    if (++calls == action_at_) {
      action_();
    }
  };
  {
    const auto result = LoadCatalog(subject.catalog(), subject.files, options_);
    if (other_.joinable()) {
      other_.join();
    }
    EXPECT_THAT(ends(), Contains(result.status().code())) << result.status();
    ++ends_[fault_][result.status().code()];
    EXPECT_EQ(cuda_.pending_copies(), 0);
    if (result.ok()) {
      EXPECT_EQ(most, result->report.bytes);
      ExpectTensors(result->tensors, subject.catalog(), elements_,
                    [this](const Buffer& buffer) { return BytesOf(buffer); });
    } else if (subject.failures() > 0) {
      EXPECT_THAT(result.status().message(), HasSubstr("as was asked for"));
    }
  }
  EXPECT_EQ(OpenDescriptors(), descriptors);
  EXPECT_EQ(cuda_.LastError(), 0);
  for (const std::string& leak : cuda_.TakeLeaks()) {
    EXPECT_TRUE(pinned_ != nullptr && absl::EndsWith(leak, "registrations"))
        << leak;
  }
  // Where selecting a device fails, what is released and awaited has to be so
  // with another one current.
  for (const std::string& violation : cuda_.TakeViolations()) {
    EXPECT_THAT(violation, HasSubstr("while another device is current"));
    EXPECT_THAT(failing_function_, AnyOf("cudaGetDevice", "cudaSetDevice"));
  }
  cuda_.ClearFaults();
  failing_function_.clear();
}

std::string Session::BytesOf(const Buffer& buffer) const {
  if (buffer.device().is_cpu()) {
    return HostBytes(buffer);
  }
  EXPECT_EQ(buffer.device(), options_.device);
  const auto bytes = cuda_.CopyFromDevice(buffer.data(), buffer.size_bytes());
  EXPECT_EQ(bytes.size(), buffer.size_bytes());
  return std::string(bytes.begin(), bytes.end());
}

void Session::Run() {
  for (const bool has_fault : {true, false}) {
    Subject subject(random_, AnyCheckpoint());
    cancel_.emplace();
    action_at_ = 0;
    options_ = AnyOptions(subject);
    elements_ = NaiveLoad(subject.catalog(), subject.files);
    fault_ = Fault::kNone;
    if (has_fault) {
      // The first is none.
      fault_ = static_cast<Fault>(
          1 + Draw((options_.device.is_cpu() ? kCpuFaults : kAllFaults) - 1));
    }
    SCOPED_TRACE(testing::Message()
                 << "Fault no. " << static_cast<int>(fault_) << " on "
                 << options_.device.ToString() << ", read method "
                 << (options_.read_method
                         ? ReadMethodName(*options_.read_method)
                         : absl::string_view("any")));
    const std::function<Codes()> ends = Inject(subject);
    Load(subject, ends);
  }
}

TEST(LoadFaultsTest, EveryLoadEndsWellOrInTheRightErrorAndLeavesNothing) {
  Ends ends;
  for (uint32_t seed = 1; seed <= kSessions && !HasFailure(); ++seed) {
    Session session(seed, ends);
    for (int load = 0; load < kLoads && !HasFailure(); ++load) {
      SCOPED_TRACE(testing::Message()
                   << "Session " << seed << ", load " << load);
      session.Run();
    }
  }
  if (HasFailure()) {
    return;
  }
  // Every fault has struck, and not only been meant.
  const std::pair<Fault, absl::StatusCode> kErrors[] = {
      {Fault::kReadFails, absl::StatusCode::kDataLoss},
      {Fault::kReadsFailFromHere, absl::StatusCode::kDataLoss},
      {Fault::kShortFile, absl::StatusCode::kDataLoss},
      {Fault::kChangedFile, absl::StatusCode::kDataLoss},
      {Fault::kDamage, absl::StatusCode::kDataLoss},
      {Fault::kMemoryLimit, absl::StatusCode::kResourceExhausted},
      {Fault::kCancelledBefore, absl::StatusCode::kCancelled},
      {Fault::kCancelledByItself, absl::StatusCode::kCancelled},
      {Fault::kCancelledByOther, absl::StatusCode::kCancelled},
      {Fault::kCall, absl::StatusCode::kInternal},
      {Fault::kCopy, absl::StatusCode::kInternal},
      {Fault::kNoPinnedMemory, absl::StatusCode::kResourceExhausted}};
  for (const auto& [fault, code] : kErrors) {
    EXPECT_GE(ends[fault][code], 5) << "Fault no. " << static_cast<int>(fault);
  }
}

// It is one task, which may be a long one.
TEST(LoadFaultsTest, ACompressedStorageEndsInTheMiddleWhenItIsCancelled) {
  const std::string bytes(size_t{4} << 20, 'a');
  const std::string deflated = RawDeflate(bytes);
  Catalog catalog;
  catalog.files = {{.path = "memory", .size_bytes = deflated.size()}};
  catalog.storages = {
      {.size_bytes = bytes.size(), .deflated_bytes = deflated.size()}};
  catalog.tensors = {
      {.name = "t", .spec = {DType::kUint8, {4 << 20}, {1}}, .storage = 0}};
  const std::vector<std::shared_ptr<const RandomAccessFile>> files = {
      std::make_shared<MemoryFile>(deflated)};
  CancelToken cancel;
  int calls = 0;
  EXPECT_THAT(LoadCatalog(catalog, files,
                          {.cancel = &cancel,
                           .on_progress =
                               [&](uint64_t, uint64_t) {
                                 ++calls;
                                 cancel.Cancel();
                               }}),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace hoist
