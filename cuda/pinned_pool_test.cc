#include "hoist/cuda/pinned_pool.h"

#include <cuda_runtime_api.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kSlot = 4096;
constexpr size_t kMiB = size_t{1} << 20;

void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

std::unique_ptr<PinnedPool> MakePool(size_t slot_bytes, size_t slots) {
  auto pool = PinnedPool::Create(
      {.slot_bytes = slot_bytes, .max_bytes = slots * slot_bytes}, nullptr);
  EXPECT_THAT(pool, IsOk());
  return *std::move(pool);
}

PinnedPool::Slot Take(PinnedPool::Borrower& borrower) {
  auto slot = borrower.Acquire();
  EXPECT_THAT(slot, IsOk());
  return *std::move(slot);
}

TEST(PinnedPoolTest, RefusesOptionsOutOfRange) {
  constexpr size_t kMax = PinnedPool::kMaxBytes;
  for (const PinnedPool::Options& options : {
           PinnedPool::Options{.slot_bytes = 0},
           PinnedPool::Options{.slot_bytes = 100},
           PinnedPool::Options{.slot_bytes = 2 * kSlot, .max_bytes = kSlot},
           PinnedPool::Options{.slot_bytes = kSlot, .max_bytes = kMax + 1},
           PinnedPool::Options{.slot_bytes = kMax + kSlot,
           .max_bytes = kMax + kSlot},
           PinnedPool::Options{.slot_bytes = kSlot,
           .max_bytes = std::numeric_limits<size_t>::max()},
       }) {
    EXPECT_THAT(PinnedPool::Create(options, nullptr),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("A pool of slots of")));
  }
  HOIST_EXPECT_OK(
      PinnedPool::Create({.slot_bytes = kMax, .max_bytes = kMax}, nullptr));
}

TEST(PinnedPoolTest, PinsNothingUntilASlotIsNeeded) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 4);
  PinnedPool::Borrower borrower(*pool, 0, 4);
  EXPECT_EQ(pool->pinned_bytes(), 0u);
  EXPECT_THAT(fake.CalledFunctions(), IsEmpty());
}

TEST(PinnedPoolTest, SlotsArePageLockedAlignedAndApart) {
  FakeCudart fake;
  const auto pool = MakePool(3 * kSlot, 3);
  PinnedPool::Borrower borrower(*pool, 0, 3);
  std::vector<PinnedPool::Slot> slots;
  std::set<uintptr_t> begins;
  for (int i = 0; i < 3; ++i) {
    slots.push_back(Take(borrower));
    const auto begin = reinterpret_cast<uintptr_t>(slots[i].bytes().data());
    EXPECT_EQ(slots[i].bytes().size(), 3 * kSlot);
    EXPECT_EQ(begin % PinnedPool::kSlotAlignmentBytes, 0u);
    for (const uintptr_t other : begins) {
      EXPECT_GE(std::max(begin, other) - std::min(begin, other), 3 * kSlot);
    }
    begins.insert(begin);
    EXPECT_EQ(cudaHostRegister(slots[i].bytes().data(), 3 * kSlot, 0),
              cudaErrorHostMemoryAlreadyRegistered);
    cudaGetLastError();
  }
}

// Sixteen MiB at first, then as much again as there is.
TEST(PinnedPoolTest, GrowsInFewRegionsAndNoFurtherThanItIsUsed) {
  FakeCudart fake;
  ThreadPool threads(2);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kMiB, .max_bytes = 80 * kMiB},
                         &threads));
  {
    PinnedPool::Borrower small(*pool, 0, 1);
    Take(small);
    EXPECT_EQ(pool->pinned_bytes(), kMiB);
  }
  std::vector<size_t> pinned;
  {
    PinnedPool::Borrower large(*pool, 0, 100);
    std::vector<PinnedPool::Slot> slots;
    for (int i = 0; i < 80; ++i) {
      slots.push_back(Take(large));
      if (pinned.empty() || pool->pinned_bytes() != pinned.back()) {
        pinned.push_back(pool->pinned_bytes());
      }
    }
  }
  EXPECT_THAT(pinned,
              ElementsAre(kMiB, 17 * kMiB, 34 * kMiB, 68 * kMiB, 80 * kMiB));
  EXPECT_EQ(pool->note(), "");
  EXPECT_LE(fake.peak_pinned_bytes(), 82 * kMiB);  // whole huge pages
}

TEST(PinnedPoolTest, KeepsItsMemoryForTheNextBorrower) {
  FakeCudart fake({.device_count = 2});
  const auto pool = MakePool(kSlot, 2);
  for (int device = 0; device < 2; ++device) {
    PinnedPool::Borrower borrower(*pool, device, 2);
    PinnedPool::Slot a = Take(borrower);
    PinnedPool::Slot b = Take(borrower);
  }
  EXPECT_EQ(fake.CallCount("cudaHostRegister"), 1);
  EXPECT_EQ(fake.CallCount("cudaHostUnregister"), 0);
}

TEST(PinnedPoolTest, PinsForTheDeviceThatNeedsIt) {
  FakeCudart fake({.device_count = 2});
  const auto pool = MakePool(kSlot, 1);
  PinnedPool::Borrower borrower(*pool, 1, 1);
  Take(borrower);
  EXPECT_TRUE(fake.HasContext(1));
  EXPECT_FALSE(fake.HasContext(0));
}

TEST(PinnedPoolTest, AnUnusedSlotComesBackAtOnce) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 1);
  PinnedPool::Borrower borrower(*pool, 0, 1);
  PinnedPool::Slot slot = Take(borrower);
  const uint8_t* const data = slot.bytes().data();
  std::atomic<bool> got = false;
  std::thread thread([&] {
    EXPECT_EQ(Take(borrower).bytes().data(), data);
    got = true;
  });
  Pause();
  EXPECT_FALSE(got);
  { const PinnedPool::Slot gone = std::move(slot); }
  thread.join();
  EXPECT_TRUE(slot.bytes().empty());
}

TEST(PinnedPoolTest, ASlotIsTakenAgainOnlyAfterItsWaitAndTheOldestFirst) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 2);
  std::vector<int> waited;
  PinnedPool::Borrower borrower(*pool, 0, 2);
  for (int i = 0; i < 5; ++i) {
    PinnedPool::Slot slot = Take(borrower);
    borrower.ReturnAfter(std::move(slot),
                         [&waited, i] { waited.push_back(i); });
  }
  EXPECT_THAT(waited, ElementsAre(0, 1, 2));
  borrower.Drain();
  EXPECT_THAT(waited, ElementsAre(0, 1, 2, 3, 4));
}

TEST(PinnedPoolTest, NobodyWaitsWhileASlotIsFree) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 2);
  bool waited = false;
  PinnedPool::Borrower borrower(*pool, 0, 2);
  borrower.ReturnAfter(Take(borrower), [&] { waited = true; });
  Take(borrower);
  EXPECT_FALSE(waited);
}

TEST(PinnedPoolTest, TryAcquireWaitsForNothing) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 2);
  PinnedPool::Borrower borrower(*pool, 0, 2);
  // It pins, though.
  auto first = borrower.TryAcquire();
  ASSERT_THAT(first, IsOk());
  ASSERT_TRUE(first->has_value());
  PinnedPool::Slot second = Take(borrower);
  const auto try_acquire = [&] {
    const auto slot = borrower.TryAcquire();
    EXPECT_THAT(slot, IsOk());
    return slot->has_value();
  };
  EXPECT_FALSE(try_acquire());
  int waits = 0;
  bool is_over = false;
  borrower.ReturnAfter(
      std::move(second), [&] { ++waits; }, [&] { return is_over; });
  EXPECT_FALSE(try_acquire());
  EXPECT_EQ(waits, 0);
  is_over = true;
  EXPECT_TRUE(try_acquire());
  EXPECT_EQ(waits, 1);
  // One that does not say so is waited for by others only.
  borrower.ReturnAfter(*std::exchange(*first, std::nullopt), [&] { ++waits; });
  PinnedPool::Slot third = Take(borrower);
  EXPECT_FALSE(try_acquire());
  EXPECT_EQ(waits, 1);
  PinnedPool::Slot fourth = Take(borrower);
  EXPECT_EQ(waits, 2);
  EXPECT_THAT(borrower.Close(absl::CancelledError("enough")), Not(IsOk()));
  EXPECT_THAT(borrower.TryAcquire(), StatusIs(absl::StatusCode::kCancelled));
}

TEST(PinnedPoolTest, TheDestructorDrains) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 1);
  bool waited = false;
  {
    PinnedPool::Borrower borrower(*pool, 0, 1);
    borrower.ReturnAfter(Take(borrower), [&] { waited = true; });
  }
  EXPECT_TRUE(waited);
}

// A borrower whose owner does nothing more for now must not stop the others.
TEST(PinnedPoolTest, WaitsForOthersWhenAllSlotsAreInTheirHands) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 2);
  std::vector<int> waited;
  PinnedPool::Borrower idle(*pool, 0, 2);
  PinnedPool::Borrower busy(*pool, 0, 2);
  idle.ReturnAfter(Take(idle), [&] { waited.push_back(1); });
  idle.ReturnAfter(Take(idle), [&] { waited.push_back(2); });
  busy.ReturnAfter(Take(busy), [&] { waited.push_back(3); });
  EXPECT_THAT(waited, ElementsAre(1));
  // Its own copy comes first, though another's is older.
  Take(busy);
  EXPECT_THAT(waited, ElementsAre(1, 3));
}

// The thread that already waits will find a slot sooner.
TEST(PinnedPoolTest, DoesNotWaitForOthersWhileItsOwnCopyIsAwaited) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 2);
  std::atomic<bool> began = false;
  std::atomic<bool> may_end = false;
  std::atomic<bool> waited_for_other = false;
  PinnedPool::Borrower other(*pool, 0, 2);
  PinnedPool::Borrower borrower(*pool, 0, 2);
  other.ReturnAfter(Take(other), [&] { waited_for_other = true; });
  borrower.ReturnAfter(Take(borrower), [&] {
    began = true;
    while (!may_end) {
      std::this_thread::yield();
    }
  });
  std::thread first([&] { Take(borrower); });
  while (!began) {
    std::this_thread::yield();
  }
  std::thread second([&] { Take(borrower); });
  Pause();
  EXPECT_FALSE(waited_for_other);
  may_end = true;
  first.join();
  second.join();
}

TEST(PinnedPoolTest, TakesNoMoreThanMaxSlots) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 3);
  bool waited = false;
  PinnedPool::Borrower borrower(*pool, 0, 2);
  PinnedPool::Borrower other(*pool, 0, 3);
  Take(other);
  EXPECT_EQ(pool->pinned_bytes(), 3 * kSlot);
  const PinnedPool::Slot leased = Take(borrower);
  borrower.ReturnAfter(Take(borrower), [&] { waited = true; });
  Take(borrower);
  EXPECT_TRUE(waited);
}

TEST(PinnedPoolTest, DrainWaitsForAWaitThatAnotherThreadIsIn) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 1);
  std::atomic<bool> began = false;
  std::atomic<bool> may_end = false;
  PinnedPool::Borrower borrower(*pool, 0, 1);
  borrower.ReturnAfter(Take(borrower), [&] {
    began = true;
    while (!may_end) {
      std::this_thread::yield();
    }
  });
  std::thread taking([&] { Take(borrower); });
  while (!began) {
    std::this_thread::yield();
  }
  std::atomic<bool> drained = false;
  std::thread draining([&] {
    borrower.Drain();
    drained = true;
  });
  Pause();
  EXPECT_FALSE(drained);
  may_end = true;
  taking.join();
  draining.join();
}

TEST(PinnedPoolTest, CloseWakesItsOwnAndLeavesOthers) {
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 1);
  PinnedPool::Borrower closed(*pool, 0, 1);
  PinnedPool::Borrower other(*pool, 0, 1);
  std::optional<PinnedPool::Slot> slot = Take(other);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      EXPECT_THAT(closed.Acquire(),
                  StatusIs(absl::StatusCode::kCancelled, "first"));
    });
  }
  std::thread waiting([&] { Take(other); });
  Pause();
  EXPECT_EQ(closed.Close(absl::CancelledError("first")),
            absl::CancelledError("first"));
  EXPECT_EQ(closed.Close(absl::InternalError("second")),
            absl::CancelledError("first"));
  EXPECT_EQ(closed.status(), absl::CancelledError("first"));
  for (std::thread& thread : threads) {
    thread.join();
  }
  HOIST_EXPECT_OK(other.status());
  slot.reset();
  waiting.join();
}

// To pin takes long, and holds up nobody who does not need it.
TEST(PinnedPoolTest, SlotsComeAndGoWhileMemoryIsPinned) {
  FakeCudart fake;
  const auto pool = MakePool(16 * kMiB, 2);
  bool waited = false;
  PinnedPool::Borrower borrower(*pool, 0, 2);
  std::optional<PinnedPool::Slot> slot = Take(borrower);
  EXPECT_EQ(pool->pinned_bytes(), 16 * kMiB);
  fake.Pause("cudaHostRegister");
  std::thread growing([&] { Take(borrower); });
  fake.WaitForPaused("cudaHostRegister", 1);
  EXPECT_EQ(pool->pinned_bytes(), 16 * kMiB);
  borrower.ReturnAfter(*std::move(slot), [&] { waited = true; });
  slot.reset();
  Take(borrower);
  EXPECT_TRUE(waited);
  fake.Resume("cudaHostRegister");
  growing.join();
  EXPECT_EQ(pool->pinned_bytes(), 32 * kMiB);
}

// On the threads of the pool that is to touch the memory, all of them.
TEST(PinnedPoolTest, PinsWhileAllThreadsAreBusy) {
  FakeCudart fake;
  ThreadPool threads(2);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto pool,
      PinnedPool::Create({.slot_bytes = kMiB, .max_bytes = 20 * kMiB},
                         &threads));
  PinnedPool::Borrower borrower(*pool, 0, 20);
  HOIST_EXPECT_OK(ParallelFor(
      threads, 20, [&](int64_t) { return borrower.Acquire().status(); }));
}

TEST(PinnedPoolTest, GoesOnWithWhatCouldBePinned) {
  FakeCudart fake;
  const auto pool = MakePool(kMiB, 64);
  bool waited = false;
  PinnedPool::Borrower borrower(*pool, 0, 64);
  std::vector<PinnedPool::Slot> slots;
  slots.push_back(Take(borrower));
  EXPECT_EQ(pool->pinned_bytes(), 16 * kMiB);
  fake.FailCall("cudaHostRegister", 1, cudaErrorMemoryAllocation);  // 16 MiB
  fake.FailCall("cudaHostRegister", 2, cudaErrorMemoryAllocation);  // 8 MiB
  while (slots.size() < 20) {
    slots.push_back(Take(borrower));
  }
  EXPECT_EQ(pool->pinned_bytes(), 20 * kMiB);
  EXPECT_THAT(pool->note(),
              AllOf(HasSubstr("No more than 20971520 bytes"),
                    HasSubstr("Pinning 16777216 bytes of host memory failed")));
  // There is no more, and so the next one waits.
  borrower.ReturnAfter(std::move(slots.back()), [&] { waited = true; });
  Take(borrower);
  EXPECT_TRUE(waited);
  EXPECT_EQ(fake.CallCount("cudaHostRegister"), 4);
}

TEST(PinnedPoolTest, GoesOnAfterAnyOtherErrorToo) {
  FakeCudart fake;
  const auto pool = MakePool(16 * kMiB, 2);
  bool waited = false;
  PinnedPool::Borrower borrower(*pool, 0, 2);
  PinnedPool::Slot slot = Take(borrower);
  fake.FailCall("cudaHostRegister", 1, cudaErrorUnknown);
  borrower.ReturnAfter(std::move(slot), [&] { waited = true; });
  Take(borrower);
  EXPECT_TRUE(waited);
  EXPECT_EQ(pool->pinned_bytes(), 16 * kMiB);
  EXPECT_THAT(pool->note(), HasSubstr("Pinning 16777216 bytes"));
}

TEST(PinnedPoolTest, WithoutAnySlotAcquireFailsAndTheNextTriesAgain) {
  FakeCudart fake;
  const auto pool = MakePool(kMiB, 4);
  PinnedPool::Borrower borrower(*pool, 0, 4);
  for (int nth = 1; nth <= 3; ++nth) {  // of 4, 2 and 1 slots
    fake.FailCall("cudaHostRegister", nth, cudaErrorMemoryAllocation);
  }
  EXPECT_THAT(borrower.Acquire(), StatusIs(absl::StatusCode::kResourceExhausted,
                                           HasSubstr("Pinning 4194304 bytes")));
  fake.FailCall("cudaHostRegister", 1, cudaErrorUnknown);
  EXPECT_THAT(borrower.Acquire(), StatusIs(absl::StatusCode::kInternal, _));
  EXPECT_EQ(pool->note(), "");
  HOIST_EXPECT_OK(borrower.Acquire());
  EXPECT_EQ(pool->pinned_bytes(), 4 * kMiB);
}

TEST(PinnedPoolTest, ManyThreadsAndBorrowers) {
  constexpr int kRounds = 400;
  FakeCudart fake;
  const auto pool = MakePool(kSlot, 3);
  std::atomic<int> waits = 0;
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<PinnedPool::Borrower>> borrowers;
  for (int b = 0; b < 3; ++b) {
    borrowers.push_back(
        std::make_unique<PinnedPool::Borrower>(*pool, 0, b + 1));
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, borrower = borrowers.back().get()] {
        for (int i = 0; i < kRounds; ++i) {
          PinnedPool::Slot slot = Take(*borrower);
          slot.bytes()[0] = 1;  // a race, were two to have it
          if (i % 3 != 0) {
            borrower->ReturnAfter(std::move(slot), [&waits] { ++waits; });
          }
          if (i % 50 == 0) {
            borrower->Drain();
          }
        }
      });
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  borrowers.clear();
  EXPECT_EQ(waits, 6 * (kRounds - (kRounds + 2) / 3));
}

}  // namespace
}  // namespace hoist
