#include "hoist/cuda/pinned_pool.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Small enough for the first slot to be there soon; the next ones double what
// there is.
constexpr size_t kFirstRegionBytes = size_t{16} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<PinnedPool>> PinnedPool::Create(
    const Options& options, ThreadPool* threads) {
  if (options.slot_bytes == 0 ||
      options.slot_bytes % kSlotAlignmentBytes != 0 ||
      options.slot_bytes > options.max_bytes || options.max_bytes > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A pool of slots of ", options.slot_bytes, " bytes in ",
        options.max_bytes, " is not possible: slots are multiples of ",
        kSlotAlignmentBytes, ", and all together at most ", kMaxBytes));
  }
  return std::unique_ptr<PinnedPool>(new PinnedPool(options, threads));
}

PinnedPool::~PinnedPool() {
  MutexLock lock(&mu_);
  HOIST_CHECK(borrowers_.empty());
}

size_t PinnedPool::pinned_bytes() const {
  MutexLock lock(&mu_);
  return slot_count_ * options_.slot_bytes;
}

std::string PinnedPool::note() const {
  MutexLock lock(&mu_);
  return note_;
}

bool PinnedPool::CanGrow() const {
  return !growing_ && note_.empty() &&
         slot_count_ < options_.max_bytes / options_.slot_bytes;
}

absl::Status PinnedPool::Grow(int device) {
  const size_t usable =
      std::min(usable_slots_, options_.max_bytes / options_.slot_bytes);
  HOIST_CHECK(usable > slot_count_);
  size_t slots =
      std::min(usable - slot_count_,
               std::max({slot_count_, kFirstRegionBytes / options_.slot_bytes,
                         size_t{1}}));
  growing_ = true;
  mu_.Unlock();
  absl::Status error;
  absl::StatusOr<PinnedBuffer> region;
  for (; slots > 0; slots /= 2) {
    region =
        PinnedBuffer::Allocate(device, slots * options_.slot_bytes, threads_);
    if (region.ok()) {
      break;
    }
    error.Update(region.status());
    if (!absl::IsResourceExhausted(region.status())) {
      break;
    }
  }
  mu_.Lock();
  growing_ = false;
  changed_.SignalAll();
  if (region.ok()) {
    for (size_t i = slots; i > 0; --i) {
      free_.push_back(region->bytes().data() + (i - 1) * options_.slot_bytes);
    }
    slot_count_ += slots;
    regions_.push_back(*std::move(region));
  }
  if (slot_count_ == 0) {
    return error;
  }
  if (!error.ok()) {
    note_ = absl::StrCat("No more than ", slot_count_ * options_.slot_bytes,
                         " bytes of host memory are pinned: ", error.message());
  }
  return absl::OkStatus();
}

void PinnedPool::TakeBack(uint8_t* slot) {
  free_.push_back(slot);
  changed_.SignalAll();
}

PinnedPool::Slot::~Slot() {
  if (borrower_ != nullptr) {
    PinnedPool& pool = borrower_->pool_;
    MutexLock lock(&pool.mu_);
    --borrower_->held_;
    pool.TakeBack(bytes_.data());
  }
}

PinnedPool::Borrower::Borrower(PinnedPool& pool, int device, int max_slots)
    : pool_(pool), device_(device), max_slots_(max_slots) {
  HOIST_CHECK(max_slots >= 1);
  MutexLock lock(&pool_.mu_);
  pool_.borrowers_.push_back(this);
  pool_.usable_slots_ += max_slots_;
}

PinnedPool::Borrower::~Borrower() {
  Drain();
  MutexLock lock(&pool_.mu_);
  HOIST_CHECK(held_ == 0);
  std::erase(pool_.borrowers_, this);
  pool_.usable_slots_ -= max_slots_;
}

absl::StatusOr<PinnedPool::Slot> PinnedPool::Borrower::Acquire() {
  MutexLock lock(&pool_.mu_);
  while (error_.ok()) {
    const bool may_take = held_ < max_slots_;
    if (may_take && !pool_.free_.empty()) {
      // The one used last is the likeliest to be in a cache.
      uint8_t* const data = pool_.free_.back();
      pool_.free_.pop_back();
      ++held_;
      return Slot(this, {data, pool_.options_.slot_bytes});
    }
    if (may_take && pool_.CanGrow()) {
      HOIST_RETURN_IF_ERROR(pool_.Grow(device_));
    } else if (Borrower* const whose = WhoseCopy(may_take); whose != nullptr) {
      TakeBackOldest(*whose);
    } else {
      pool_.changed_.Wait(&pool_.mu_);
    }
  }
  return error_;
}

void PinnedPool::Borrower::ReturnAfter(Slot slot, std::function<void()> wait) {
  HOIST_CHECK(Owns(slot));
  slot.borrower_ = nullptr;
  MutexLock lock(&pool_.mu_);
  returning_.push_back({slot.bytes_.data(), std::move(wait)});
  ++put_;
  pool_.changed_.SignalAll();
}

void PinnedPool::Borrower::Drain() {
  MutexLock lock(&pool_.mu_);
  for (const uint64_t put = put_; back_ < put;) {
    if (waiting_) {
      pool_.changed_.Wait(&pool_.mu_);
    } else {
      TakeBackOldest(*this);
    }
  }
}

absl::Status PinnedPool::Borrower::Close(const absl::Status& error) {
  MutexLock lock(&pool_.mu_);
  error_.Update(error);
  pool_.changed_.SignalAll();
  return error_;
}

absl::Status PinnedPool::Borrower::status() const {
  MutexLock lock(&pool_.mu_);
  return error_;
}

// Its own copies come first: those of another device say nothing of how fast
// this one is. To wait for others' is for when all slots are in their hands.
PinnedPool::Borrower* PinnedPool::Borrower::WhoseCopy(bool of_others) {
  const auto can_be_awaited = [](const Borrower& borrower) {
    return !borrower.waiting_ && !borrower.returning_.empty();
  };
  if (can_be_awaited(*this)) {
    return this;
  }
  if (!of_others || waiting_) {
    return nullptr;
  }
  for (Borrower* const borrower : pool_.borrowers_) {
    if (can_be_awaited(*borrower)) {
      return borrower;
    }
  }
  return nullptr;
}

void PinnedPool::Borrower::TakeBackOldest(Borrower& whose) {
  const Returning oldest = std::move(whose.returning_.front());
  whose.returning_.pop_front();
  whose.waiting_ = true;
  pool_.mu_.Unlock();
  oldest.wait();
  pool_.mu_.Lock();
  whose.waiting_ = false;
  ++whose.back_;
  --whose.held_;
  pool_.TakeBack(oldest.data);
}

}  // namespace hoist
