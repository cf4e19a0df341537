#include "hoist/checkpoint/write/storage_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/storage_damage.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/byte_swap.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

// What was read of a storage, and the checksum of that.
struct Part {
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  uint32_t crc32 = 0;
};

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

// The checksum of all of a storage, if `parts` are that.
std::optional<uint32_t> WholeCrc32(std::vector<Part> parts,
                                   uint64_t size_bytes) {
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::pair(a.offset_bytes, a.size_bytes) <
           std::pair(b.offset_bytes, b.size_bytes);
  });
  uint64_t end = 0;
  uint32_t crc = 0;
  for (const Part& part : parts) {
    if (part.offset_bytes != end) {
      return std::nullopt;
    }
    end += part.size_bytes;
    crc = CombineCrc32(crc, part.crc32, part.size_bytes);
  }
  return end == size_bytes ? std::optional(crc) : std::nullopt;
}

}  // namespace

struct StorageReader::State {
  const Catalog& catalog;
  const CatalogFiles files;
  std::vector<std::unique_ptr<Stream>>
      streams;  // by storage; null if it is none
  Mutex mu;
  std::vector<std::vector<Part>> parts ABSL_GUARDED_BY(mu);  // by storage
};

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
  Stream* const stream = state_->streams[storage].get();
  HOIST_RETURN_IF_ERROR(
      Annotate(stream != nullptr ? stream->Read(offset_bytes, out)
                                 : state_->files[entry.file]->ReadAt(
                                       entry.offset_bytes + offset_bytes, out),
               entry.name));
  if (entry.crc32) {
    const Part part = {offset_bytes, out.size(), Crc32(out)};
    const MutexLock lock(&state_->mu);
    state_->parts[storage].push_back(part);
  }
  return entry.swap_bytes > 1 ? ByteSwap(out, entry.swap_bytes)
                              : absl::OkStatus();
}

absl::Status StorageReader::CompareChecksums() const {
  const MutexLock lock(&state_->mu);
  for (size_t i = 0; i < state_->parts.size(); ++i) {
    const StorageEntry& entry = state_->catalog.storages[i];
    if (!entry.crc32) {
      continue;
    }
    const auto crc = WholeCrc32(state_->parts[i], entry.size_bytes);
    if (crc && *crc != *entry.crc32) {
      return StorageDamage(state_->catalog, static_cast<int>(i), *crc,
                           *entry.crc32);
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
