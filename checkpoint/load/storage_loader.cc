#include "hoist/checkpoint/load/storage_loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/checkpoint/load/byte_order.h"
#include "hoist/core/compress/inflate.h"
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
        crcs_(chunks_.size()) {
    for (size_t i = 0; i < chunks_.size(); ++i) {
      const bool continues_stream =
          chunks_[i].offset_bytes > 0 &&
          catalog_.storages[chunks_[i].storage].deflated_bytes.has_value();
      if (!continues_stream) {
        tasks_.push_back({.begin = i});
      }
      tasks_.back().end = i + 1;
    }
  }

  int64_t task_count() const { return static_cast<int64_t>(tasks_.size()); }
  absl::Status RunTask(int64_t task);
  absl::Status CompareChecksums() const;
  LoadTimes times(int thread_count) const {
    return {.read_ns = read_ns_,
            .verify_ns = verify_ns_,
            .convert_ns = convert_ns_,
            .place_ns = place_ns_,
            .thread_count = thread_count};
  }

 private:
  // Chunks that one thread reads, in order: one, or all of a stream that can
  // only be read from its start.
  struct Task {
    size_t begin = 0;
    size_t end = 0;
  };
  // Reads the bytes of a chunk.
  using Reader =
      absl::FunctionRef<absl::Status(const Chunk&, absl::Span<uint8_t>)>;

  std::string TensorOver(int storage) const;
  absl::Status LoadChunk(size_t i, Reader read);
  absl::Status Fill(size_t i, absl::Span<uint8_t> bytes, Reader read);

  const Catalog& catalog_;
  const CatalogFiles files_;
  const std::vector<Chunk> chunks_;
  const bool verify_;
  StorageSink& sink_;
  std::vector<Task> tasks_;
  std::vector<uint32_t> crcs_;  // by chunk
  std::atomic<int64_t> read_ns_ = 0;
  std::atomic<int64_t> verify_ns_ = 0;
  std::atomic<int64_t> convert_ns_ = 0;
  std::atomic<int64_t> place_ns_ = 0;
};

absl::Status Loader::RunTask(int64_t index) {
  const Task& task = tasks_[static_cast<size_t>(index)];
  const StorageEntry& storage = catalog_.storages[chunks_[task.begin].storage];
  const RandomAccessFile& file = *files_[storage.file];
  if (!storage.deflated_bytes) {
    return LoadChunk(
        task.begin, [&](const Chunk& chunk, absl::Span<uint8_t> bytes) {
          return file.ReadAt(storage.offset_bytes + chunk.offset_bytes, bytes);
        });
  }
  InflateReader stream(file, storage.offset_bytes, *storage.deflated_bytes);
  const auto inflate = [&stream](const Chunk&, absl::Span<uint8_t> bytes) {
    return stream.Read(bytes);
  };
  for (size_t i = task.begin; i < task.end; ++i) {
    HOIST_RETURN_IF_ERROR(LoadChunk(i, inflate));
  }
  return Annotate(stream.ExpectEnd(), absl::StrCat("Storage ", storage.name));
}

absl::Status Loader::LoadChunk(size_t i, Reader read) {
  int64_t fill_ns = 0;
  const auto start = Clock::now();
  const absl::Status status =
      sink_.Place(chunks_[i], [&](absl::Span<uint8_t> bytes) {
        const auto fill_start = Clock::now();
        const absl::Status filled = Fill(i, bytes, read);
        fill_ns = Nanoseconds(Clock::now() - fill_start);
        return filled;
      });
  place_ns_ += Nanoseconds(Clock::now() - start) - fill_ns;
  return status;
}

absl::Status Loader::Fill(size_t i, absl::Span<uint8_t> bytes, Reader read) {
  const StorageEntry& storage = catalog_.storages[chunks_[i].storage];
  const auto start = Clock::now();
  if (absl::Status status = read(chunks_[i], bytes); !status.ok()) {
    return Annotate(status, absl::StrCat("Storage ", storage.name));
  }
  const auto has_read = Clock::now();
  if (verify_ && storage.crc32) {
    crcs_[i] = Crc32(bytes);
  }
  const auto verified = Clock::now();
  if (storage.swap_bytes > 1) {
    ReverseByteOrder(bytes, storage.swap_bytes);
  }
  read_ns_ += Nanoseconds(has_read - start);
  verify_ns_ += Nanoseconds(verified - has_read);
  convert_ns_ += Nanoseconds(Clock::now() - verified);
  return absl::OkStatus();
}

// " (tensor NAME)", for messages: the first over that storage.
std::string Loader::TensorOver(int storage) const {
  for (const TensorEntry& tensor : catalog_.tensors) {
    if (tensor.storage == storage) {
      return absl::StrCat(" (tensor ", tensor.name, ")");
    }
  }
  return "";
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
              "%s: %s%s is damaged: its checksum is %08x, and %08x is recorded",
              catalog_.files[storage.file].path, storage.name,
              TensorOver(chunks_[begin].storage), crc, *storage.crc32)),
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
        std::clamp<int64_t>(loader.task_count(), 1, pool->thread_count() + 1));
    HOIST_RETURN_IF_ERROR(
        ParallelFor(*pool, loader.task_count(),
                    [&loader](int64_t i) { return loader.RunTask(i); }));
  } else {
    for (int64_t i = 0; i < loader.task_count(); ++i) {
      HOIST_RETURN_IF_ERROR(loader.RunTask(i));
    }
  }
  if (verify) {
    HOIST_RETURN_IF_ERROR(loader.CompareChecksums());
  }
  HOIST_RETURN_IF_ERROR(sink.Finish());
  return loader.times(thread_count);
}

}  // namespace hoist
