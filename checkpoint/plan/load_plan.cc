#include "hoist/checkpoint/plan/load_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "hoist/core/base/check.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Storages so large are worth to be read into their place by O_DIRECT.
constexpr uint64_t kLargeBytes = uint64_t{1} << 20;
// What views may be in memory that is mapped: wide enough for any element.
constexpr uint64_t kMappedAlignmentBytes = 16;

// Of so many chunks a storage gets a place to which it is a whole number of
// them, so that cells cut none: what that takes is little of it.
constexpr uint64_t kManyChunks = 8;

// A byte becomes at most 4, which have 32 bits; twice that, so that offsets in
// bits are numbers with a sign, too.
constexpr uint64_t kMostCastBits = 64;

absl::Status TooManyBytes() {
  return absl::ResourceExhaustedError(
      "The tensors have more bytes than there are addresses");
}

// What the chunks of `need`, which are whole, take in the file.
uint64_t StoredBytes(const StorageEntry& entry, const StorageNeed& need) {
  uint64_t bytes = 0;
  if (need.size_bytes > 0) {
    const uint64_t chunk_bytes = entry.chunks.front().size_bytes;
    const uint64_t end = need.begin_bytes + need.size_bytes;
    for (uint64_t i = need.begin_bytes / chunk_bytes; i * chunk_bytes < end;
         ++i) {
      bytes += entry.chunks[i].stored_bytes;
    }
  }
  return bytes;
}

class Planner {
 public:
  Planner(const Catalog& catalog, const PlanOptions& options)
      : catalog_(catalog), options_(options) {}

  absl::Status Add(const StorageNeed& need);
  LoadPlan Finish() {
    for (const LoadPlan::Chunk& chunk : plan_.chunks) {
      if (!chunk.is_deflated && !chunk.is_encoded) {
        plan_.read_bytes += chunk.file_bytes;
        plan_.max_read_bytes = std::max(plan_.max_read_bytes, chunk.file_bytes);
      }
      if (chunk.is_cast) {
        plan_.max_cast_bytes = std::max(plan_.max_cast_bytes, chunk.file_bytes);
      }
    }
    return std::move(plan_);
  }

 private:
  std::optional<StorageCast> CastOf(const StorageNeed& need) const;
  bool IsMapped(const StorageNeed& need) const;
  // The place for `storage`, of which nothing lies before it in the arena.
  std::optional<uint64_t> PlaceInArena(const LoadPlan::Storage& storage) const;
  void AddPieces();
  // Whether the last chunk can take the `size` bytes of `storage` at
  // `file_offset` too.
  bool Continues(const LoadPlan::Storage& storage, uint64_t file_offset,
                 uint64_t size, uint64_t cell) const;

  const Catalog& catalog_;
  const PlanOptions& options_;
  LoadPlan plan_;
  uint64_t last_cell_ = 0;  // of the last chunk
};

std::optional<StorageCast> Planner::CastOf(const StorageNeed& need) const {
  return options_.casts.empty() ? std::nullopt : options_.casts[need.storage];
}

bool Planner::IsMapped(const StorageNeed& need) const {
  const StorageEntry& storage = catalog_.storages[need.storage];
  return static_cast<size_t>(storage.file) < options_.mapped_files.size() &&
         options_.mapped_files[storage.file] && !storage.is_compressed() &&
         !CastOf(need) &&
         // To reverse them there would change what other storages have too.
         storage.swap_bytes == 1 &&
         storage.offset_bytes % kMappedAlignmentBytes == 0;
}

std::optional<uint64_t> Planner::PlaceInArena(
    const LoadPlan::Storage& storage) const {
  const StorageNeed& need = storage.need;
  const StorageEntry& entry = catalog_.storages[need.storage];
  // Aligned as the storage itself would be.
  uint64_t modulus = options_.alignment_bytes;
  uint64_t remainder = BytesAfterCast(storage.cast, need.begin_bytes) % modulus;
  const uint64_t file_offset = entry.offset_bytes + need.begin_bytes;
  if (entry.encoded_bytes && !storage.cast &&
      need.size_bytes / kManyChunks >= entry.chunks.front().size_bytes) {
    modulus = std::max<uint64_t>(modulus, entry.chunks.front().size_bytes);
    remainder = need.begin_bytes % modulus;
  }
  if (need.size_bytes >= kLargeBytes && !entry.is_compressed() &&
      !storage.cast && entry.offset_bytes % options_.alignment_bytes == 0 &&
      options_.file_alignment_bytes % options_.alignment_bytes == 0) {
    modulus = options_.file_alignment_bytes;
    remainder = file_offset % modulus;
  }
  const uint64_t at = plan_.arena_bytes % modulus;
  return CheckedAdd(plan_.arena_bytes, (remainder + modulus - at) % modulus);
}

absl::Status Planner::Add(const StorageNeed& need) {
  const StorageEntry& entry = catalog_.storages[need.storage];
  LoadPlan::Storage storage = {
      .need = need, .cast = CastOf(need), .is_mapped = IsMapped(need)};
  const auto need_end = CheckedAdd(need.begin_bytes, need.size_bytes);
  if (!need_end || (storage.cast && !CheckedMul(*need_end, kMostCastBits))) {
    return TooManyBytes();
  }
  storage.loaded_bytes = BytesAfterCast(storage.cast, need.size_bytes);
  if (!storage.is_mapped) {
    const auto place = PlaceInArena(storage);
    const auto end = place ? CheckedAdd(*place, storage.loaded_bytes) : place;
    if (!end) {
      return TooManyBytes();
    }
    storage.arena_offset = *place;
    plan_.arena_bytes = *end;
  }
  plan_.needed_bytes += need.size_bytes;
  plan_.loaded_bytes += storage.loaded_bytes;
  if (entry.deflated_bytes) {
    plan_.read_bytes += *entry.deflated_bytes;
  }
  if (entry.encoded_bytes) {
    plan_.read_bytes += StoredBytes(entry, need);
    plan_.max_encoded_bytes = std::max<uint64_t>(
        plan_.max_encoded_bytes, entry.chunks.front().size_bytes);
  }
  plan_.storages.push_back(storage);
  AddPieces();
  return absl::OkStatus();
}

void Planner::AddPieces() {
  const auto index = static_cast<int>(plan_.storages.size()) - 1;
  const LoadPlan::Storage& storage = plan_.storages.back();
  const StorageNeed& need = storage.need;
  const StorageEntry& entry = catalog_.storages[need.storage];
  const uint64_t file_begin = entry.offset_bytes + need.begin_bytes;
  uint64_t size = 0;
  for (uint64_t offset = 0; offset < need.size_bytes; offset += size) {
    const uint64_t file_offset = file_begin + offset;
    const uint64_t place =
        storage.is_mapped
            ? file_offset
            : storage.arena_offset + BytesAfterCast(storage.cast, offset);
    const uint64_t cell = place / options_.chunk_bytes;
    const uint64_t cell_bytes =
        options_.chunk_bytes - place % options_.chunk_bytes;
    size = std::min({need.size_bytes - offset, options_.chunk_bytes,
                     BytesBeforeCast(storage.cast, cell_bytes)});
    if (!entry.chunks.empty()) {
      const uint64_t chunk_bytes = entry.chunks.front().size_bytes;
      size = std::min(size,
                      chunk_bytes - (need.begin_bytes + offset) % chunk_bytes);
    }
    if (entry.is_compressed() || !Continues(storage, file_offset, size, cell)) {
      plan_.chunks.push_back(
          {.file = entry.file,
           .file_offset = file_offset,
           .arena_offset = storage.is_mapped ? 0 : place,
           .first_piece = static_cast<int>(plan_.pieces.size()),
           .is_deflated = entry.deflated_bytes.has_value(),
           .is_encoded = entry.encoded_bytes.has_value(),
           .is_cast = storage.cast.has_value()});
      last_cell_ = cell;
    }
    LoadPlan::Chunk& chunk = plan_.chunks.back();
    chunk.file_bytes = file_offset + size - chunk.file_offset;
    if (!storage.is_mapped) {
      chunk.arena_bytes =
          place + BytesAfterCast(storage.cast, size) - chunk.arena_offset;
    }
    ++chunk.piece_count;
    plan_.pieces.push_back(
        {.storage = index, .offset_bytes = offset, .size_bytes = size});
  }
}

bool Planner::Continues(const LoadPlan::Storage& storage, uint64_t file_offset,
                        uint64_t size, uint64_t cell) const {
  if (plan_.chunks.empty()) {
    return false;
  }
  const LoadPlan::Chunk& last = plan_.chunks.back();
  const uint64_t end = last.file_offset + last.file_bytes;
  const bool is_mapped = plan_.storages[plan_.pieces.back().storage].is_mapped;
  return last.file == catalog_.storages[storage.need.storage].file &&
         !last.is_deflated && !last.is_encoded &&
         last.is_cast == storage.cast.has_value() &&
         is_mapped == storage.is_mapped && last_cell_ == cell &&
         file_offset >= end && file_offset - end <= kMaxGapBytes &&
         file_offset + size - last.file_offset <= options_.chunk_bytes;
}

}  // namespace

LoadPlan::Range LoadPlan::PlaceOf(const Piece& piece) const {
  const std::optional<StorageCast>& cast = storages[piece.storage].cast;
  return {.offset_bytes = BytesAfterCast(cast, piece.offset_bytes),
          .size_bytes = BytesAfterCast(cast, piece.size_bytes)};
}

absl::StatusOr<LoadPlan> MakeLoadPlan(const Catalog& catalog,
                                      absl::Span<const StorageNeed> needs,
                                      const PlanOptions& options) {
  HOIST_CHECK(options.chunk_bytes > 0 && options.chunk_bytes % 64 == 0);
  HOIST_CHECK(options.alignment_bytes > 0 && options.alignment_bytes % 64 == 0);
  HOIST_CHECK(options.file_alignment_bytes > 0);
  HOIST_CHECK(options.casts.empty() ||
              options.casts.size() == catalog.storages.size());
  Planner planner(catalog, options);
  for (const StorageNeed& need : needs) {
    HOIST_RETURN_IF_ERROR(planner.Add(need));
  }
  return planner.Finish();
}

}  // namespace hoist
