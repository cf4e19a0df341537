#include "hoist/checkpoint/load/host_destination.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/host_arena.h"

namespace hoist {
namespace {

using Buffers = std::vector<std::shared_ptr<Buffer>>;  // by storage of the plan

class HostLease : public ChunkDestination::Lease {
 public:
  HostLease(const LoadPlan& plan, const Buffers& buffers)
      : plan_(plan), buffers_(buffers) {}

  uint8_t* address(const LoadPlan::Piece& piece) const override {
    return static_cast<uint8_t*>(buffers_[piece.storage]->data()) +
           plan_.PlaceOf(piece).offset_bytes;
  }

 private:
  const LoadPlan& plan_;
  const Buffers& buffers_;
};

class HostDestination : public ChunkDestination {
 public:
  HostDestination(const LoadPlan& plan, Buffers buffers)
      : plan_(plan), buffers_(std::move(buffers)) {}

  absl::StatusOr<std::unique_ptr<Lease>> Acquire(const LoadPlan::Chunk&,
                                                 bool) override {
    return std::make_unique<HostLease>(plan_, buffers_);
  }
  absl::Status Submit(std::unique_ptr<Lease>) override {
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }

  std::shared_ptr<Buffer> buffer(int i) const override { return buffers_[i]; }

  uint64_t pinned_bytes() const override { return 0; }
  uint64_t device_bytes() const override { return 0; }

 private:
  const LoadPlan& plan_;
  const Buffers buffers_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkDestination>> MakeHostDestination(
    const Catalog& catalog, const LoadPlan& plan, bool one_buffer_each,
    absl::Span<const std::unique_ptr<ReadPath>> paths) {
  HOIST_ASSIGN_OR_RETURN(
      const std::shared_ptr<HostArena> arena,
      HostArena::Allocate(one_buffer_each ? 0 : plan.arena_bytes));
  Buffers buffers;
  buffers.reserve(plan.storages.size());
  for (const LoadPlan::Storage& storage : plan.storages) {
    const StorageEntry& entry = catalog.storages[storage.need.storage];
    const uint64_t size = storage.loaded_bytes;
    if (storage.is_mapped) {
      const ReadPath& path = *paths[entry.file];
      uint8_t* const data = path.mapped_bytes().data() + entry.offset_bytes +
                            storage.need.begin_bytes;
      buffers.push_back(Buffer::Wrap(data, size, Device::Cpu(),
                                     [mapping = path.mapping()] {}));
    } else if (one_buffer_each) {
      auto buffer = Buffer::Allocate(size);
      if (!buffer.ok()) {
        return Annotate(buffer.status(), absl::StrCat("Storage ", entry.name));
      }
      buffers.push_back(*std::move(buffer));
    } else {
      uint8_t* const data =
          size == 0 ? nullptr : arena->bytes().data() + storage.arena_offset;
      buffers.push_back(Buffer::Wrap(data, size, Device::Cpu(), [arena] {}));
    }
  }
  return std::make_unique<HostDestination>(plan, std::move(buffers));
}

}  // namespace hoist
