#include "hoist/benchmarks/host_rates.h"

#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "hoist/benchmarks/chunks.h"
#include "hoist/benchmarks/evict.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/uncached_read.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

// What the rates of one file share.
class Bench {
 public:
  explicit Bench(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  uint64_t size_bytes() const { return file_->size_bytes(); }

  // Null for one thread, which is the caller's.
  ThreadPool* pool(int threads) {
    if (threads == 1) {
      return nullptr;
    }
    std::unique_ptr<ThreadPool>& pool = pools_[threads];
    if (pool == nullptr) {
      pool = std::make_unique<ThreadPool>(threads - 1);
    }
    return pool.get();
  }

  absl::StatusOr<double> ReadIntoFresh(int threads, Pages pages,
                                       uint64_t block_bytes) {
    HOIST_RETURN_IF_ERROR(WarmPageCache(file_->path()));
    HOIST_RETURN_IF_ERROR(Ballast(threads));
    return SecondsOf([&]() -> absl::StatusOr<FreshMemory> {
      HOIST_ASSIGN_OR_RETURN(FreshMemory memory,
                             FreshMemory::Map(size_bytes(), pages));
      HOIST_RETURN_IF_ERROR(Read(threads, memory.bytes(), block_bytes));
      return memory;
    });
  }

  absl::StatusOr<double> ReadIntoWarm(int threads) {
    HOIST_RETURN_IF_ERROR(WarmPageCache(file_->path()));
    HOIST_ASSIGN_OR_RETURN(const absl::Span<uint8_t> memory, WarmMemory());
    HOIST_RETURN_IF_ERROR(Ballast(threads));
    return SecondsOf([&] { return Read(threads, memory, kChunkBytes); });
  }

  absl::StatusOr<double> ReadPastTheCache(int threads, uint64_t block_bytes) {
    HOIST_RETURN_IF_ERROR(EvictFromPageCache(file_->path()));
    HOIST_RETURN_IF_ERROR(Ballast(threads));
    const uint64_t rounded = (size_bytes() + kUncachedAlignmentBytes - 1) /
                             kUncachedAlignmentBytes * kUncachedAlignmentBytes;
    return SecondsOf([&]() -> absl::StatusOr<FreshMemory> {
      HOIST_ASSIGN_OR_RETURN(FreshMemory memory,
                             FreshMemory::Map(rounded, Pages::kHuge));
      HOIST_RETURN_IF_ERROR(ReadUncached(file_->path(), block_bytes,
                                         pool(threads), memory.bytes()));
      return memory;
    });
  }

  absl::StatusOr<double> Copy(int threads) {
    HOIST_ASSIGN_OR_RETURN(const absl::Span<uint8_t> memory, WarmMemory());
    HOIST_RETURN_IF_ERROR(Ballast(threads));
    const uint64_t half = size_bytes() / 2;
    return SecondsOf([&] {
      return ForEachChunk(pool(threads), half, kChunkBytes,
                          [&](uint64_t offset, uint64_t size) {
                            std::memcpy(&memory[half + offset], &memory[offset],
                                        size);
                            return absl::OkStatus();
                          });
    });
  }

  absl::StatusOr<double> TouchFresh(int threads, Pages pages) {
    HOIST_RETURN_IF_ERROR(Ballast(threads));
    return SecondsOf([&]() -> absl::StatusOr<FreshMemory> {
      HOIST_ASSIGN_OR_RETURN(FreshMemory memory,
                             FreshMemory::Map(size_bytes(), pages));
      HOIST_RETURN_IF_ERROR(Touch(memory.bytes(), pool(threads)));
      return memory;
    });
  }

  absl::StatusOr<double> Crc(int threads, bool in_cache) {
    // A part of what a core has for itself.
    constexpr uint64_t kCachedBytes = uint64_t{256} << 10;
    HOIST_ASSIGN_OR_RETURN(const absl::Span<uint8_t> memory, WarmMemory());
    HOIST_RETURN_IF_ERROR(Ballast(threads));
    return SecondsOf([&] {
      return ForEachChunk(
          pool(threads), memory.size(), in_cache ? kCachedBytes : kChunkBytes,
          [&](uint64_t offset, uint64_t size) {
            seen_ ^= Crc32(memory.subspan(in_cache ? 0 : offset, size));
            return absl::OkStatus();
          });
    });
  }

 private:
  absl::Status Ballast(int threads) {
    return TouchAndFreeBallast(size_bytes(), pool(threads));
  }

  absl::StatusOr<absl::Span<uint8_t>> WarmMemory() {
    if (!warm_) {
      HOIST_ASSIGN_OR_RETURN(FreshMemory memory,
                             FreshMemory::Map(size_bytes(), Pages::kHuge));
      HOIST_RETURN_IF_ERROR(Touch(memory.bytes(), nullptr));
      warm_.emplace(std::move(memory));
    }
    return warm_->bytes();
  }

  absl::Status Read(int threads, absl::Span<uint8_t> out,
                    uint64_t block_bytes) {
    return ForEachChunk(pool(threads), size_bytes(), block_bytes,
                        [&](uint64_t offset, uint64_t size) {
                          return file_->ReadAt(offset,
                                               out.subspan(offset, size));
                        });
  }

  const std::shared_ptr<const RandomAccessFile> file_;
  std::map<int, std::unique_ptr<ThreadPool>> pools_;
  std::optional<FreshMemory> warm_;
  std::atomic<uint32_t> seen_ = 0;  // so that checksums are not left out
};

}  // namespace

std::vector<Rate> HostRates(std::shared_ptr<const RandomAccessFile> file,
                            const std::vector<int>& thread_counts) {
  const auto bench = std::make_shared<Bench>(std::move(file));
  const uint64_t size = bench->size_bytes();
  std::vector<Rate> rates;
  for (const int threads : thread_counts) {
    const auto add = [&](const char* name, const char* description,
                         uint64_t bytes, auto measure) {
      rates.push_back({.name = name,
                       .description = description,
                       .threads = threads,
                       .bytes = bytes,
                       .measure = [bench, threads, measure] {
                         return measure(*bench, threads);
                       }});
    };
    // Which is faster, threads that share huge pages or larger copies, depends
    // on what the CPU's caches hold.
    for (const uint64_t block_bytes : {kChunkBytes, 2 * kChunkBytes}) {
      rates.push_back({.name = "read_huge",
                       .description = "page cache into fresh huge pages",
                       .threads = threads,
                       .block_bytes = block_bytes,
                       .bytes = size,
                       .measure = [bench, threads, block_bytes] {
                         return bench->ReadIntoFresh(threads, Pages::kHuge,
                                                     block_bytes);
                       }});
    }
    add("read_small", "page cache into fresh pages of 4 KiB", size,
        [](Bench& b, int n) {
          return b.ReadIntoFresh(n, Pages::kSmall, kChunkBytes);
        });
    add("read_warm", "page cache into touched memory", size,
        [](Bench& b, int n) { return b.ReadIntoWarm(n); });
    add("memcpy", "copy of touched memory", size / 2,
        [](Bench& b, int n) { return b.Copy(n); });
    add("touch_huge", "first touch of huge pages", size,
        [](Bench& b, int n) { return b.TouchFresh(n, Pages::kHuge); });
    add("touch_small", "first touch of pages of 4 KiB", size,
        [](Bench& b, int n) { return b.TouchFresh(n, Pages::kSmall); });
    add("crc32_cache", "CRC-32 of what is in the cache", size,
        [](Bench& b, int n) { return b.Crc(n, /*in_cache=*/true); });
    add("crc32_memory", "CRC-32 of memory", size,
        [](Bench& b, int n) { return b.Crc(n, /*in_cache=*/false); });
  }
  // What keeps a device busy is a matter of its own, not of the CPUs.
  for (const int threads : {2, 4, 8, 16}) {
    for (const uint64_t block_bytes : {kChunkBytes, 4 * kChunkBytes}) {
      rates.push_back({.name = "read_direct",
                       .description = "device into fresh huge pages, O_DIRECT",
                       .threads = threads,
                       .block_bytes = block_bytes,
                       .bytes = size,
                       .measure = [bench, threads, block_bytes] {
                         return bench->ReadPastTheCache(threads, block_bytes);
                       }});
    }
  }
  return rates;
}

}  // namespace hoist
