#include "hoist/checkpoint/write/storage_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/chunk_reader.h"
#include "hoist/checkpoint/catalog/storage_damage.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

// What was read of a storage, and the checksum of that, of the kind that its
// file records.
struct Part {
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  uint32_t crc = 0;
};

// Bytes of a storage that have a checksum in the file.
struct Record {
  uint64_t begin_bytes = 0;
  uint64_t size_bytes = 0;
  uint32_t crc = 0;
};

// All of it, or its chunks.
std::vector<Record> RecordsOf(const StorageEntry& storage) {
  std::vector<Record> records;
  uint64_t begin = 0;
  for (const StorageChunk& chunk : storage.chunks) {
    records.push_back({begin, chunk.size_bytes, chunk.crc32c});
    begin += chunk.size_bytes;
  }
  if (storage.crc32) {
    records.push_back({0, storage.size_bytes, *storage.crc32});
  }
  return records;
}

// One compressed storage, read on from where it was left.
class Stream {
 public:
  Stream(const RandomAccessFile& file, const StorageEntry& storage)
      : file_(file), storage_(storage) {}

  absl::Status Read(uint64_t offset_bytes, absl::Span<uint8_t> out)
      ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(&mu_);
    if (inflate_ == nullptr || offset_bytes < next_bytes_) {
      inflate_ = std::make_unique<InflateReader>(file_, storage_.offset_bytes,
                                                 *storage_.deflated_bytes);
      next_bytes_ = 0;
    }
    std::vector<uint8_t> skipped;
    while (next_bytes_ < offset_bytes) {
      constexpr uint64_t kSkipBytes = uint64_t{1} << 20;
      skipped.resize(std::min(kSkipBytes, offset_bytes - next_bytes_));
      HOIST_RETURN_IF_ERROR(ReadOn(absl::MakeSpan(skipped)));
    }
    HOIST_RETURN_IF_ERROR(ReadOn(out));
    return next_bytes_ == storage_.size_bytes ? inflate_->ExpectEnd()
                                              : absl::OkStatus();
  }

 private:
  absl::Status ReadOn(absl::Span<uint8_t> out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    HOIST_RETURN_IF_ERROR(inflate_->Read(out));
    next_bytes_ += out.size();
    return absl::OkStatus();
  }

  const RandomAccessFile& file_;
  const StorageEntry& storage_;
  Mutex mu_;
  std::unique_ptr<InflateReader> inflate_ ABSL_GUARDED_BY(mu_);
  uint64_t next_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

// The checksum of all bytes of `record`, if `parts`, in the order of their
// offsets, are that, each once.
std::optional<uint32_t> CrcOf(absl::Span<const Part> parts,
                              const Record& record,
                              decltype(&CombineCrc32) combine) {
  const uint64_t record_end = record.begin_bytes + record.size_bytes;
  auto part = std::lower_bound(
      parts.begin(), parts.end(), record.begin_bytes,
      [](const Part& a, uint64_t offset) { return a.offset_bytes < offset; });
  uint64_t end = record.begin_bytes;
  uint32_t crc = 0;
  for (; part != parts.end() && part->offset_bytes < record_end; ++part) {
    if (part->offset_bytes != end) {
      return std::nullopt;
    }
    end += part->size_bytes;
    crc = combine(crc, part->crc, part->size_bytes);
  }
  return end == record_end ? std::optional(crc) : std::nullopt;
}

}  // namespace

struct StorageReader::State {
  const Catalog& catalog;
  const CatalogFiles files;
  std::vector<std::unique_ptr<Stream>>
      streams;  // by storage; null if it is none
  Mutex mu;
  std::vector<std::vector<Part>> parts ABSL_GUARDED_BY(mu);  // by storage
  // Those that are not at work, with what they hold of chunks.
  std::vector<std::unique_ptr<ChunkReader>> chunk_readers ABSL_GUARDED_BY(mu);

  absl::Status ReadStored(int storage, uint64_t offset_bytes,
                          absl::Span<uint8_t> out);
  absl::Status ReadEncoded(const StorageEntry& entry, uint64_t offset_bytes,
                           absl::Span<uint8_t> out) ABSL_LOCKS_EXCLUDED(mu);
  // Remembers the checksums of what was read.
  void AddParts(int storage, uint64_t offset_bytes,
                absl::Span<const uint8_t> bytes) ABSL_LOCKS_EXCLUDED(mu);
};

absl::Status StorageReader::State::ReadStored(int storage,
                                              uint64_t offset_bytes,
                                              absl::Span<uint8_t> out) {
  const StorageEntry& entry = catalog.storages[storage];
  if (entry.encoded_bytes) {
    return ReadEncoded(entry, offset_bytes, out);
  }
  return streams[storage] != nullptr
             ? streams[storage]->Read(offset_bytes, out)
             : files[entry.file]->ReadAt(entry.offset_bytes + offset_bytes,
                                         out);
}

absl::Status StorageReader::State::ReadEncoded(const StorageEntry& entry,
                                               uint64_t offset_bytes,
                                               absl::Span<uint8_t> out) {
  std::unique_ptr<ChunkReader> reader;
  {
    const MutexLock lock(&mu);
    if (!chunk_readers.empty()) {
      reader = std::move(chunk_readers.back());
      chunk_readers.pop_back();
    }
  }
  if (reader == nullptr) {
    reader = std::make_unique<ChunkReader>(/*verify=*/true);
  }
  const absl::Status status =
      reader->Read(*files[entry.file], entry, offset_bytes, out);
  const MutexLock lock(&mu);
  chunk_readers.push_back(std::move(reader));
  return status;
}

void StorageReader::State::AddParts(int storage, uint64_t offset_bytes,
                                    absl::Span<const uint8_t> bytes) {
  const StorageEntry& entry = catalog.storages[storage];
  std::vector<Part> added;
  if (entry.crc32) {
    added.push_back({offset_bytes, bytes.size(), Crc32(bytes)});
  }
  // Those of encoded chunks were compared when they were decoded.
  while (!entry.chunks.empty() && !entry.encoded_bytes && !bytes.empty()) {
    const uint64_t chunk_bytes = entry.chunks.front().size_bytes;
    const size_t size = std::min<uint64_t>(
        chunk_bytes - offset_bytes % chunk_bytes, bytes.size());
    added.push_back({offset_bytes, size, Crc32c(bytes.first(size))});
    offset_bytes += size;
    bytes.remove_prefix(size);
  }
  const MutexLock lock(&mu);
  parts[storage].insert(parts[storage].end(), added.begin(), added.end());
}

StorageReader::StorageReader(const Catalog& catalog, CatalogFiles files)
    : state_(new State{.catalog = catalog, .files = files}) {
  const size_t count = catalog.storages.size();
  state_->parts.resize(count);
  state_->streams.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const StorageEntry& storage = catalog.storages[i];
    if (storage.deflated_bytes) {
      state_->streams[i] =
          std::make_unique<Stream>(*files[storage.file], storage);
    }
  }
}

StorageReader::~StorageReader() = default;

absl::Status StorageReader::Read(int storage, uint64_t offset_bytes,
                                 absl::Span<uint8_t> out) {
  const StorageEntry& entry = state_->catalog.storages[storage];
  if (offset_bytes > entry.size_bytes ||
      out.size() > entry.size_bytes - offset_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(entry.name, " has ", entry.size_bytes, " bytes; wanted ",
                     out.size(), " from byte ", offset_bytes));
  }
  const absl::Status status = state_->ReadStored(storage, offset_bytes, out);
  if (!status.ok()) {  // it takes time to find the tensor
    return Annotate(
        status, absl::StrCat(entry.name, TensorOver(state_->catalog, storage)));
  }
  state_->AddParts(storage, offset_bytes, out);
  return entry.swap_bytes > 1 ? ByteSwap(out, entry.swap_bytes)
                              : absl::OkStatus();
}

absl::Status StorageReader::CompareChecksums() const {
  const MutexLock lock(&state_->mu);
  for (size_t i = 0; i < state_->parts.size(); ++i) {
    std::vector<Part> parts = state_->parts[i];
    if (parts.empty()) {
      continue;
    }
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
      return std::pair(a.offset_bytes, a.size_bytes) <
             std::pair(b.offset_bytes, b.size_bytes);
    });
    const StorageEntry& entry = state_->catalog.storages[i];
    for (const Record& record : RecordsOf(entry)) {
      const auto crc =
          CrcOf(parts, record, entry.crc32 ? CombineCrc32 : CombineCrc32c);
      if (crc && *crc != record.crc) {
        return StorageDamage(state_->catalog, static_cast<int>(i), *crc,
                             record.crc);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
