// Several loads at once, with the same threads and the same pinned memory:
// they neither wait for each other for ever nor mix their bytes.

#include <array>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

constexpr int kLoaders = 4;
constexpr int kLoadsEach = 20;
constexpr int kDevices = 2;
constexpr size_t kSlotBytes = 16 << 10;

struct Subject {
  explicit Subject(uint32_t seed)
      : random(seed),
        checkpoint(random, {.max_storages = 40,
                            .max_storage_bytes = 150 << 10,
                            .is_on_disk = seed % 4 != 0}),
        elements(NaiveLoad(checkpoint.catalog(), checkpoint.files())) {}

  std::mt19937 random;
  RandomCheckpoint checkpoint;
  std::vector<std::string> elements;
};

// So many threads, and slots for all loads together.
struct Sizes {
  int threads = 1;
  size_t slots = 1;
};

class ConcurrentLoadTest : public ::testing::TestWithParam<Sizes> {
 protected:
  ConcurrentLoadTest()
      : cuda_({.device_count = kDevices, .link_bytes_per_second = 1e9}),
        threads_(GetParam().threads) {
    auto pool = PinnedPool::Create(
        {.slot_bytes = kSlotBytes, .max_bytes = GetParam().slots * kSlotBytes},
        &threads_);
    HOIST_EXPECT_OK(pool);
    pinned_ = *std::move(pool);
    for (uint32_t i = 0; i < kLoaders; ++i) {
      subjects_.push_back(std::make_unique<Subject>(i + 1));
    }
  }
  void TearDown() override { EXPECT_EQ(cuda_.pending_copies(), 0); }

  // Loads checkpoint no. `loader` several times, in all ways and to all
  // devices, some of them cancelled.
  void LoadSeveral(int loader) {
    const Subject& subject = *subjects_[loader];
    constexpr std::array kMethods = {ReadMethod::kPread, ReadMethod::kMmap,
                                     ReadMethod::kDirect};
    for (int i = 0; i < kLoadsEach; ++i) {
      const int number = loader + i;
      LoadOptions options = {.device = number % 4 == 3
                                           ? Device::Cpu()
                                           : Device::Cuda(number % kDevices),
                             .pool = &threads_,
                             .pinned_pool = pinned_.get()};
      if (subject.checkpoint.files()[0]->descriptor() >= 0) {
        options.read_method = kMethods[i % kMethods.size()];
      }
      CancelToken cancel;
      options.cancel = &cancel;
      const bool is_cancelled = i % 5 == 4;
      options.on_progress = [&](uint64_t, uint64_t) {
        if (is_cancelled) {
          cancel.Cancel();
        }
      };
      const auto result = LoadCatalog(subject.checkpoint.catalog(),
                                      subject.checkpoint.files(), options);
      if (is_cancelled && !result.ok()) {
        EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled));
        continue;
      }
      HOIST_ASSERT_OK(result);
      ExpectTensors(result->tensors, subject.checkpoint.catalog(),
                    subject.elements,
                    [this](const Buffer& buffer) { return BytesOf(buffer); });
    }
  }

  std::string BytesOf(const Buffer& buffer) const {
    if (buffer.device().is_cpu()) {
      return HostBytes(buffer);
    }
    const auto bytes = cuda_.CopyFromDevice(buffer.data(), buffer.size_bytes());
    return std::string(bytes.begin(), bytes.end());
  }

  FakeCudart cuda_;
  ThreadPool threads_;
  std::unique_ptr<PinnedPool> pinned_;
  std::vector<std::unique_ptr<Subject>> subjects_;
};

INSTANTIATE_TEST_SUITE_P(ThreadsAndSlots, ConcurrentLoadTest,
                         ::testing::Values(Sizes{1, 1}, Sizes{3, 1},
                                           Sizes{3, 2}, Sizes{2, 7},
                                           Sizes{4, 64}),
                         [](const auto& info) {
                           return absl::StrCat(info.param.threads, "And",
                                               info.param.slots);
                         });

TEST_P(ConcurrentLoadTest, OnThreadsOfTheirOwn) {
  std::vector<std::thread> loaders;
  for (int i = 0; i < kLoaders; ++i) {
    loaders.emplace_back([this, i] { LoadSeveral(i); });
  }
  for (std::thread& loader : loaders) {
    loader.join();
  }
}

// More of them than the pool may have threads.
TEST_P(ConcurrentLoadTest, OnThreadsOfThePoolItself) {
  std::latch done(kLoaders);
  for (int i = 0; i < kLoaders; ++i) {
    threads_.Schedule([this, &done, i] {
      LoadSeveral(i);
      done.count_down();
    });
  }
  done.wait();
}

TEST_P(ConcurrentLoadTest, OnThreadsOfThePoolAndOthers) {
  std::latch done(1);
  threads_.Schedule([this, &done] {
    LoadSeveral(0);
    done.count_down();
  });
  std::thread other([this] { LoadSeveral(1); });
  LoadSeveral(2);
  other.join();
  done.wait();
}

}  // namespace
}  // namespace hoist
