#include "hoist/checkpoint/load/storage_loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/checkpoint/load/byte_order.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;

int64_t Nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

class Loader {
 public:
  Loader(const Catalog& catalog, CatalogFiles files, std::vector<Chunk> chunks,
         bool verify, StorageSink& sink)
      : catalog_(catalog),
        files_(files),
        chunks_(std::move(chunks)),
        verify_(verify),
        sink_(sink),
        crcs_(chunks_.size()) {}

  int64_t chunk_count() const { return static_cast<int64_t>(chunks_.size()); }
  absl::Status LoadChunk(int64_t i);
  absl::Status CompareChecksums() const;
  LoadTimes times(int thread_count) const {
    return {.read_ns = read_ns_,
            .verify_ns = verify_ns_,
            .convert_ns = convert_ns_,
            .place_ns = place_ns_,
            .thread_count = thread_count};
  }

 private:
  absl::Status Fill(int64_t i, absl::Span<uint8_t> bytes);

  const Catalog& catalog_;
  const CatalogFiles files_;
  const std::vector<Chunk> chunks_;
  const bool verify_;
  StorageSink& sink_;
  std::vector<uint32_t> crcs_;  // by chunk
  std::atomic<int64_t> read_ns_ = 0;
  std::atomic<int64_t> verify_ns_ = 0;
  std::atomic<int64_t> convert_ns_ = 0;
  std::atomic<int64_t> place_ns_ = 0;
};

absl::Status Loader::LoadChunk(int64_t i) {
  int64_t fill_ns = 0;
  const auto start = Clock::now();
  const absl::Status status =
      sink_.Place(chunks_[i], [&](absl::Span<uint8_t> bytes) {
        const auto fill_start = Clock::now();
        const absl::Status filled = Fill(i, bytes);
        fill_ns = Nanoseconds(Clock::now() - fill_start);
        return filled;
      });
  place_ns_ += Nanoseconds(Clock::now() - start) - fill_ns;
  return status;
}

absl::Status Loader::Fill(int64_t i, absl::Span<uint8_t> bytes) {
  const StorageEntry& storage = catalog_.storages[chunks_[i].storage];
  const auto start = Clock::now();
  if (absl::Status status = files_[storage.file]->ReadAt(
          storage.offset_bytes + chunks_[i].offset_bytes, bytes);
      !status.ok()) {
    return Annotate(status, absl::StrCat("Storage ", storage.name));
  }
  const auto read = Clock::now();
  if (verify_ && storage.crc32) {
    crcs_[i] = Crc32(bytes);
  }
  const auto verified = Clock::now();
  if (storage.swap_bytes > 1) {
    ReverseByteOrder(bytes, storage.swap_bytes);
  }
  read_ns_ += Nanoseconds(read - start);
  verify_ns_ += Nanoseconds(verified - read);
  convert_ns_ += Nanoseconds(Clock::now() - verified);
  return absl::OkStatus();
}

absl::Status Loader::CompareChecksums() const {
  size_t end = 0;
  for (size_t begin = 0; begin < chunks_.size(); begin = end) {
    const StorageEntry& storage = catalog_.storages[chunks_[begin].storage];
    uint32_t crc = 0;
    for (end = begin;
         end < chunks_.size() && chunks_[end].storage == chunks_[begin].storage;
         ++end) {
      crc = CombineCrc32(crc, crcs_[end], chunks_[end].size_bytes);
    }
    if (storage.crc32 && crc != *storage.crc32) {
      return WithHint(
          absl::DataLossError(absl::StrFormat(
              "%s: %s is damaged: its checksum is %08x, and %08x is recorded",
              catalog_.files[storage.file].path, storage.name, crc,
              *storage.crc32)),
          "The file has changed since it was written; get it again, or take "
          "another checkpoint");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadTimes> LoadStorages(const Catalog& catalog,
                                       CatalogFiles files,
                                       absl::Span<const int> storages,
                                       bool verify, ThreadPool* pool,
                                       StorageSink& sink) {
  Loader loader(catalog, files,
                PlanChunks(catalog, storages, sink.max_chunk_bytes()), verify,
                sink);
  int thread_count = 1;
  if (pool != nullptr) {
    thread_count = static_cast<int>(
        std::clamp<int64_t>(loader.chunk_count(), 1, pool->thread_count() + 1));
    HOIST_RETURN_IF_ERROR(
        ParallelFor(*pool, loader.chunk_count(),
                    [&loader](int64_t i) { return loader.LoadChunk(i); }));
  } else {
    for (int64_t i = 0; i < loader.chunk_count(); ++i) {
      HOIST_RETURN_IF_ERROR(loader.LoadChunk(i));
    }
  }
  if (verify) {
    HOIST_RETURN_IF_ERROR(loader.CompareChecksums());
  }
  HOIST_RETURN_IF_ERROR(sink.Finish());
  return loader.times(thread_count);
}

}  // namespace hoist
