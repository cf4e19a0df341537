#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

// Large enough to make the cost of a call vanish, small enough to spread one
// storage over the threads, and for its checksum to find the bytes in cache.
constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

class HostSink : public StorageSink {
 public:
  HostSink(std::vector<std::shared_ptr<Buffer>> buffers, uint64_t bytes)
      : buffers_(std::move(buffers)), bytes_(bytes) {}

  uint64_t max_chunk_bytes() const override { return kChunkBytes; }

  absl::Status Place(
      const Chunk& chunk,
      absl::FunctionRef<absl::Status(absl::Span<uint8_t>)> fill) override {
    return fill(buffers_[chunk.storage]->host_bytes().subspan(
        chunk.offset_bytes, chunk.size_bytes));
  }

  absl::Status Finish() override { return absl::OkStatus(); }

  std::shared_ptr<Buffer> buffer(int storage) const override {
    return buffers_[storage];
  }

  uint64_t host_bytes() const override { return bytes_; }
  uint64_t pinned_bytes() const override { return 0; }
  uint64_t device_bytes() const override { return 0; }

 private:
  const std::vector<std::shared_ptr<Buffer>> buffers_;  // null for unused ones
  const uint64_t bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StorageSink>> MakeHostSink(
    const Catalog& catalog, absl::Span<const int> storages) {
  std::vector<std::shared_ptr<Buffer>> buffers(catalog.storages.size());
  uint64_t bytes = 0;
  for (const int storage : storages) {
    const StorageEntry& entry = catalog.storages[storage];
    auto buffer = Buffer::Allocate(entry.size_bytes);
    if (!buffer.ok()) {
      return Annotate(buffer.status(), absl::StrCat("Storage ", entry.name));
    }
    buffers[storage] = *std::move(buffer);
    bytes += entry.size_bytes;
  }
  return std::make_unique<HostSink>(std::move(buffers), bytes);
}

}  // namespace hoist
