#include "hoist/checkpoint/load/sink_destination.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/host_arena.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

// Memory of one size, which is handed out and comes back.
class Slots {
 public:
  Slots(std::shared_ptr<HostArena> arena, uint64_t slot_bytes)
      : arena_(std::move(arena)) {
    for (uint64_t at = 0; at < arena_->bytes().size(); at += slot_bytes) {
      free_.push_back(arena_->bytes().data() + at);
    }
  }

  uint8_t* Take() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    HOIST_CHECK(!free_.empty());
    uint8_t* const slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void GiveBack(uint8_t* slot) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    free_.push_back(slot);
  }

 private:
  const std::shared_ptr<HostArena> arena_;
  Mutex mu_;
  std::vector<uint8_t*> free_ ABSL_GUARDED_BY(mu_);
};

class SinkLease : public ChunkDestination::Lease {
 public:
  SinkLease(const LoadPlan& plan, const LoadPlan::Chunk& chunk,
            uint64_t chunk_bytes, Slots& slots)
      : plan_(plan), chunk_(chunk), chunk_bytes_(chunk_bytes), slots_(slots) {}
  ~SinkLease() override {
    if (slot_ != nullptr) {
      slots_.GiveBack(slot_);
    }
  }

  // Where the sink has places, and a slot if it lacks one.
  void Place(StorageSink& sink) {
    bool needs_slot = false;
    for (const LoadPlan::Piece& piece : pieces()) {
      const StorageNeed& need = plan_.storages[piece.storage].need;
      places_.push_back(sink.PlaceFor(need.storage,
                                      need.begin_bytes + piece.offset_bytes,
                                      piece.size_bytes));
      needs_slot = needs_slot || places_.back() == nullptr;
    }
    if (needs_slot) {
      slot_ = slots_.Take();
    }
  }
  absl::Status HandTo(StorageSink& sink) const {
    for (const LoadPlan::Piece& piece : pieces()) {
      const StorageNeed& need = plan_.storages[piece.storage].need;
      HOIST_RETURN_IF_ERROR(sink.Take(need.storage,
                                      need.begin_bytes + piece.offset_bytes,
                                      {address(piece), piece.size_bytes}));
    }
    return absl::OkStatus();
  }

  // A slot is an image of the cell that the chunk has in the arena, so that
  // bytes are as aligned there as they would be.
  uint8_t* address(const LoadPlan::Piece& piece) const override {
    uint8_t* const place = places_[&piece - pieces().data()];
    return place != nullptr
               ? place
               : slot_ + (plan_.storages[piece.storage].arena_offset +
                          piece.offset_bytes) %
                             chunk_bytes_;
  }

 private:
  absl::Span<const LoadPlan::Piece> pieces() const {
    return absl::MakeConstSpan(plan_.pieces)
        .subspan(chunk_.first_piece, chunk_.piece_count);
  }

  const LoadPlan& plan_;
  const LoadPlan::Chunk& chunk_;
  const uint64_t chunk_bytes_;
  Slots& slots_;
  uint8_t* slot_ = nullptr;
  absl::InlinedVector<uint8_t*, 2> places_;  // by piece
};

class SinkDestination : public ChunkDestination {
 public:
  SinkDestination(const LoadPlan& plan, uint64_t chunk_bytes,
                  std::shared_ptr<HostArena> arena, StorageSink& sink)
      : plan_(plan),
        chunk_bytes_(chunk_bytes),
        sink_(sink),
        slots_(std::move(arena), chunk_bytes) {}

  absl::StatusOr<std::unique_ptr<Lease>> Acquire(const LoadPlan::Chunk& chunk,
                                                 bool) override {
    auto lease =
        std::make_unique<SinkLease>(plan_, chunk, chunk_bytes_, slots_);
    lease->Place(sink_);
    return lease;
  }
  absl::Status Submit(std::unique_ptr<Lease> lease) override {
    return static_cast<const SinkLease&>(*lease).HandTo(sink_);
  }
  absl::Status Finish() override { return absl::OkStatus(); }

  std::shared_ptr<Buffer> buffer(int) const override { return nullptr; }

  uint64_t pinned_bytes() const override { return 0; }
  uint64_t device_bytes() const override { return 0; }

 private:
  const LoadPlan& plan_;
  const uint64_t chunk_bytes_;
  StorageSink& sink_;
  Slots slots_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeSinkDestination(
    const LoadPlan& plan, uint64_t chunk_bytes, int slot_count,
    StorageSink& sink) {
  HOIST_CHECK(slot_count > 0);
  HOIST_CHECK(std::none_of(plan.storages.begin(), plan.storages.end(),
                           [](const LoadPlan::Storage& storage) {
                             return storage.is_mapped || storage.cast;
                           }));
  HOIST_ASSIGN_OR_RETURN(
      std::shared_ptr<HostArena> arena,
      HostArena::Allocate(static_cast<uint64_t>(slot_count) * chunk_bytes));
  return std::make_unique<SinkDestination>(plan, chunk_bytes, std::move(arena),
                                           sink);
}

}  // namespace hoist
