#include "hoist/core/io/uring_queue.h"

#include <liburing.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"

#if defined(__SANITIZE_THREAD__)
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace hoist {
namespace {

// While it lives, ThreadSanitizer does not look at what this thread does to a
// ring. liburing maps and unmaps its rings by system calls that it does not
// see: so it would take a ring for what other threads had at that address.
class RingAccess {
 public:
#if defined(__SANITIZE_THREAD__)
  RingAccess() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~RingAccess() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  RingAccess() {}
#endif
  RingAccess(const RingAccess&) = delete;
  RingAccess& operator=(const RingAccess&) = delete;
};

class UringQueue : public ReadQueue {
 public:
  UringQueue(DirectFile& file, int depth, size_t max_read_bytes)
      : file_(file), bounce_(DirectRead::BounceMemory(depth, max_read_bytes)) {
    const size_t bounce_bytes = DirectRead::BounceBytes(max_read_bytes);
    for (int i = 0; i < depth && bounce_ != nullptr; ++i) {
      slots_.push_back({.read = DirectRead(bounce_->bytes().subspan(
                            i * bounce_bytes, bounce_bytes))});
    }
  }
  ~UringQueue() override {
    while (in_flight_ > 0) {
      NextCompletion();
    }
    CloseRing();
  }

  // Whether the system lets it work.
  bool Open();

  int depth() const override { return static_cast<int>(slots_.size()); }
  void Start(uint64_t offset, std::vector<absl::Span<uint8_t>> parts,
             uint64_t tag) override;
  Done Wait() override;

 private:
  struct Slot {
    DirectRead read;
    uint64_t tag = 0;
    enum { kFree, kInFlight, kToRead } state = kFree;
  };
  struct Completion {
    size_t slot = 0;
    ssize_t result = 0;
  };

  // Puts a read on the ring; false if that cannot be.
  bool Submit(size_t slot);
  Completion NextCompletion();
  // Pins the pages of the bounce memory, once and not at every read, when a
  // read needs it first: they are touched by that. False where it is not
  // allowed (RLIMIT_MEMLOCK); reads work all the same.
  bool RegisterBounce();
  void CloseRing();

  DirectFile& file_;
  const std::shared_ptr<HostArena> bounce_;
  std::vector<Slot> slots_;
  io_uring ring_ = {};
  bool is_open_ = false;
  std::optional<bool> has_registered_;  // nothing before it was tried
  int in_flight_ = 0;
};

bool UringQueue::Open() {
  if (slots_.empty()) {
    return false;
  }
  if (const int error =
          io_uring_queue_init(static_cast<unsigned>(slots_.size()), &ring_, 0);
      error != 0) {
    file_.AddNote(absl::StrCat("io_uring cannot be used: ", strerror(-error)));
    return false;
  }
  is_open_ = true;
  return true;
}

bool UringQueue::RegisterBounce() {
  if (!has_registered_) {
    const iovec whole = {.iov_base = bounce_->bytes().data(),
                         .iov_len = bounce_->bytes().size()};
    has_registered_ = io_uring_register_buffers(&ring_, &whole, 1) == 0;
  }
  return *has_registered_;
}

void UringQueue::CloseRing() {
  if (is_open_) {
    io_uring_queue_exit(&ring_);
    is_open_ = false;
  }
}

void UringQueue::Start(uint64_t offset, std::vector<absl::Span<uint8_t>> parts,
                       uint64_t tag) {
  size_t slot = 0;
  while (slots_[slot].state != Slot::kFree) {
    ++slot;
    HOIST_CHECK(slot < slots_.size());
  }
  slots_[slot].read.Prepare(offset, std::move(parts));
  slots_[slot].tag = tag;
  const bool can_submit =
      is_open_ && file_.is_direct() && !slots_[slot].read.blocks().empty();
  slots_[slot].state =
      can_submit && Submit(slot) ? Slot::kInFlight : Slot::kToRead;
}

bool UringQueue::Submit(size_t slot) {
  const RingAccess access;
  const DirectRead& read = slots_[slot].read;
  const absl::Span<const iovec> blocks = read.blocks();
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  HOIST_CHECK(entry != nullptr);  // it has an entry for each slot
  if (read.is_bounced() && RegisterBounce()) {
    io_uring_prep_read_fixed(entry, file_.descriptor(), blocks[0].iov_base,
                             static_cast<unsigned>(blocks[0].iov_len),
                             read.begin(), /*buf_index=*/0);
  } else {
    io_uring_prep_readv(entry, file_.descriptor(), blocks.data(),
                        static_cast<unsigned>(blocks.size()), read.begin());
  }
  io_uring_sqe_set_data64(entry, slot);
  int submitted;
  do {
    submitted = io_uring_submit(&ring_);
  } while (submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY);
  if (submitted == 1) {
    ++in_flight_;
    return true;
  }
  // The entry is still on the ring, and might be read some day: no more of it.
  file_.AddNote(absl::StrCat("io_uring failed: ", strerror(-submitted)));
  while (in_flight_ > 0) {
    const Completion completion = NextCompletion();
    // Read again when it is waited for.
    slots_[completion.slot].state = Slot::kToRead;
  }
  CloseRing();
  return false;
}

UringQueue::Completion UringQueue::NextCompletion() {
  const RingAccess access;
  io_uring_cqe* entry = nullptr;
  int error;
  do {
    error = io_uring_wait_cqe(&ring_, &entry);
  } while (error == -EINTR || error == -EAGAIN);
  // Nothing else can be: the ring is open, and has reads under way.
  HOIST_CHECK(error == 0);
  const Completion completion = {
      .slot = static_cast<size_t>(io_uring_cqe_get_data64(entry)),
      .result = entry->res};
  io_uring_cqe_seen(&ring_, entry);
  --in_flight_;
  return completion;
}

ReadQueue::Done UringQueue::Wait() {
  // What the ring did not take first: the rest goes on meanwhile.
  for (Slot& slot : slots_) {
    if (slot.state == Slot::kToRead) {
      slot.state = Slot::kFree;
      return {.tag = slot.tag, .status = file_.Finish(slot.read, 0)};
    }
  }
  const Completion completion = NextCompletion();
  Slot& slot = slots_[completion.slot];
  slot.state = Slot::kFree;
  return {.tag = slot.tag,
          .status = file_.Finish(slot.read, completion.result)};
}

}  // namespace

std::unique_ptr<ReadQueue> MakeUringQueue(DirectFile& file, int depth,
                                          size_t max_read_bytes) {
  auto queue = std::make_unique<UringQueue>(file, depth, max_read_bytes);
  if (!queue->Open()) {
    return nullptr;
  }
  return queue;
}

}  // namespace hoist
