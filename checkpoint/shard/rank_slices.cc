#include "hoist/checkpoint/shard/rank_slices.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/derived_file.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// What may begin anywhere: the widest element.
constexpr uint64_t kElementBytes = 16;
constexpr size_t kCacheBytes = size_t{64} << 20;

// Bytes [begin, end) of a storage.
struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;
};

Extent ExtentOf(const TensorEntry& tensor) {
  // ValidateCatalog() has seen that it is a number.
  const auto end = RequiredStorageBytes(tensor.spec, tensor.storage_offset);
  if (!end.ok() || *end == 0) {
    return {};
  }
  return {static_cast<uint64_t>(tensor.storage_offset) *
              static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8,
          static_cast<uint64_t>(*end)};
}

class Slicer {
 public:
  Slicer(const Catalog& catalog, CatalogFiles files, const ShardLayout& layout,
         int rank, const SliceOptions& options)
      : catalog_(catalog),
        files_(files),
        layout_(layout),
        rank_(rank),
        options_(options),
        views_(catalog.storages.size()),
        storages_(catalog.storages.size()),
        is_cut_(catalog.storages.size(), false) {}

  absl::StatusOr<RankSlices> Run();

 private:
  // A tensor of the result that is a view of a storage of the catalog.
  struct View {
    size_t tensor = 0;  // of the result
    Extent extent;
  };
  // The same part of the same view.
  using BoxKey =
      std::tuple<int, int64_t, std::vector<int64_t>, std::vector<int64_t>, int,
                 size_t, std::vector<std::pair<int64_t, int64_t>>>;
  // Of the result that has no storage yet.
  struct Box {
    int storage = 0;  // of the catalog
    BoxLayout layout;
    std::vector<size_t> tensors;
  };

  absl::Status AddTensor(size_t index);
  absl::Status AddPart(const TensorEntry& tensor, size_t dim,
                       const IndexRanges& ranges);
  void AddView(TensorEntry tensor);
  absl::Status AddDerived(const TensorEntry& tensor, size_t dim,
                          const IndexRanges& ranges);
  bool CanBeBox(const TensorEntry& tensor) const {
    const StorageEntry& storage = catalog_.storages[*tensor.storage];
    return !storage.deflated_bytes &&
           DTypeBits(tensor.spec.dtype) / 8 % storage.swap_bytes == 0;
  }
  static BoxKey KeyOf(const TensorEntry& tensor, size_t dim,
                      const IndexRanges& ranges) {
    std::vector<std::pair<int64_t, int64_t>> places;
    for (const IndexRange& range : ranges) {
      places.emplace_back(range.first, range.count);
    }
    return {*tensor.storage,
            tensor.storage_offset,
            tensor.spec.shape,
            tensor.spec.strides,
            static_cast<int>(tensor.spec.dtype),
            dim,
            places};
  }
  void PlaceViews(int storage);
  // The bytes of a storage as one of its own.
  StorageEntry Cut(const StorageEntry& storage, Extent extent) const;
  Extent Widen(const StorageEntry& storage, Extent extent) const;
  void PlaceBoxes();
  int AddStorage(StorageEntry storage) {
    result_.catalog.storages.push_back(std::move(storage));
    return static_cast<int>(result_.catalog.storages.size()) - 1;
  }

  const Catalog& catalog_;
  const CatalogFiles files_;
  const ShardLayout& layout_;
  const int rank_;
  const SliceOptions& options_;
  RankSlices result_;
  std::vector<std::vector<View>> views_;  // by storage of the catalog
  std::vector<std::shared_ptr<const StorageBytes>> storages_;
  std::vector<bool> is_cut_;  // by storage of the catalog
  std::shared_ptr<BlockCache> cache_;
  bool is_all_checked_ = true;
  std::map<BoxKey, size_t> box_of_;
  std::vector<Box> boxes_;
  std::map<BoxKey, std::pair<int, TensorSpec>> derived_of_;
};

absl::StatusOr<RankSlices> Slicer::Run() {
  Catalog& to = result_.catalog;
  to.format = catalog_.format;
  to.format_version = catalog_.format_version;
  to.producer = catalog_.producer;
  to.files = catalog_.files;
  to.metadata = catalog_.metadata;
  to.warnings = catalog_.warnings;
  result_.files.assign(files_.begin(), files_.end());
  auto values = std::make_shared<ValueGraph>();
  to.root_id = values->AddItems(ValueKind::kDict, {});
  to.values = std::move(values);
  result_.report.rank = rank_;
  result_.report.world_size = layout_.world_size();
  for (size_t i = 0; i < catalog_.tensors.size(); ++i) {
    if (!layout_.Holds(i, rank_)) {
      ++result_.report.absent_count;
      continue;
    }
    if (const absl::Status status = AddTensor(i); !status.ok()) {
      return Annotate(status,
                      absl::StrCat("Tensor ", catalog_.tensors[i].name));
    }
  }
  for (size_t i = 0; i < views_.size(); ++i) {
    PlaceViews(static_cast<int>(i));
  }
  for (const StorageEntry& storage : to.storages) {
    is_all_checked_ =
        is_all_checked_ &&
        (storage.size_bytes == 0 || storage.crc32 || !storage.chunks.empty() ||
         // Of a DerivedFile, which compares.
         storage.file >= static_cast<int>(files_.size()));
  }
  PlaceBoxes();
  result_.is_all_checked = is_all_checked_ && options_.verify;
  HOIST_RETURN_IF_ERROR(ValidateCatalog(to));
  return std::move(result_);
}

absl::Status Slicer::AddTensor(size_t index) {
  const TensorEntry& tensor = catalog_.tensors[index];
  const ShardLayout::Division& division = layout_.division(index);
  IndexRanges ranges;
  if (division.kind != ShardLayout::Division::Kind::kWhole) {
    ranges = layout_.PartOf(index, rank_);
  }
  const size_t dim = division.dim;
  if (ranges.empty() ||
      (ranges.size() == 1 && ranges[0].count == tensor.spec.shape[dim])) {
    ++result_.report.whole_count;
    AddView(tensor);
    return absl::OkStatus();
  }
  ++result_.report.part_count;
  if (tensor.storage) {
    is_cut_[*tensor.storage] = true;
  }
  return AddPart(tensor, dim, ranges);
}

void Slicer::AddView(TensorEntry tensor) {
  const std::optional<int> storage = tensor.storage;
  const Extent extent = storage ? ExtentOf(tensor) : Extent();
  if (storage) {
    views_[*storage].push_back({result_.catalog.tensors.size(), extent});
  }
  result_.catalog.tensors.push_back(std::move(tensor));
}

absl::Status Slicer::AddPart(const TensorEntry& tensor, size_t dim,
                             const IndexRanges& ranges) {
  TensorEntry part = tensor;
  int64_t count = 0;
  for (const IndexRange& range : ranges) {
    count += range.count;
  }
  part.spec.shape[dim] = count;
  HOIST_ASSIGN_OR_RETURN(const int64_t elements, ElementCount(part.spec.shape));
  if (elements == 0 || !tensor.storage) {
    part.storage_offset = 0;
    HOIST_ASSIGN_OR_RETURN(part.spec.strides,
                           ContiguousStrides(part.spec.shape));
    AddView(std::move(part));
    return absl::OkStatus();
  }
  const std::optional<BoxLayout> box =
      MakeBoxLayout(tensor.spec, tensor.storage_offset, dim, ranges);
  if (ranges.size() == 1 &&
      (!box || box->is_contiguous() || !CanBeBox(tensor))) {
    // Inside the tensor, so it fits.
    part.storage_offset += ranges[0].first * tensor.spec.strides[dim];
    AddView(std::move(part));
    return absl::OkStatus();
  }
  if (!box || !CanBeBox(tensor)) {
    return AddDerived(tensor, dim, ranges);
  }
  const auto [found, is_new] =
      box_of_.try_emplace(KeyOf(tensor, dim, ranges), boxes_.size());
  if (is_new) {
    boxes_.push_back({.storage = *tensor.storage, .layout = *box});
  }
  boxes_[found->second].tensors.push_back(result_.catalog.tensors.size());
  part.spec = box->spec;
  part.storage_offset = 0;
  result_.catalog.tensors.push_back(std::move(part));
  return absl::OkStatus();
}

absl::Status Slicer::AddDerived(const TensorEntry& tensor, size_t dim,
                                const IndexRanges& ranges) {
  TensorEntry part = tensor;
  const auto [found, is_new] =
      derived_of_.try_emplace(KeyOf(tensor, dim, ranges));
  if (is_new) {
    const int index = *tensor.storage;
    const StorageEntry& storage = catalog_.storages[index];
    if (storages_[index] == nullptr) {
      storages_[index] =
          std::make_shared<StorageBytes>(files_[storage.file], storage);
    }
    if (cache_ == nullptr) {
      cache_ = std::make_shared<BlockCache>(kCacheBytes);
    }
    DerivedTensor derived = {.dimension = static_cast<int>(dim),
                             .dtype = tensor.spec.dtype};
    for (const IndexRange& range : ranges) {
      StorageView view = {
          storages_[index], tensor.spec,
          tensor.storage_offset + range.first * tensor.spec.strides[dim]};
      view.spec.shape[dim] = range.count;
      derived.parts.push_back(std::move(view));
    }
    HOIST_ASSIGN_OR_RETURN(TensorSpec spec, DerivedSpec(derived));
    HOIST_ASSIGN_OR_RETURN(
        auto file, DerivedFile::Create(absl::StrCat(tensor.name, " (part)"),
                                       derived, cache_));
    const auto file_index = static_cast<int>(result_.files.size());
    result_.catalog.files.push_back({.path = file->path(),
                                     .size_bytes = file->size_bytes(),
                                     .content = file});
    result_.files.push_back(file);
    found->second = {AddStorage({.file = file_index,
                                 .size_bytes = file->size_bytes(),
                                 .name = storage.name}),
                     std::move(spec)};
    is_all_checked_ = is_all_checked_ &&
                      (storage.crc32.has_value() || !storage.chunks.empty());
    result_.report.needed_bytes += file->size_bytes();
  }
  part.storage = found->second.first;
  part.spec = found->second.second;
  part.storage_offset = 0;
  result_.catalog.tensors.push_back(std::move(part));
  return absl::OkStatus();
}

Extent Slicer::Widen(const StorageEntry& storage, Extent extent) const {
  uint64_t unit = std::max<uint64_t>(kElementBytes,
                                     static_cast<uint64_t>(storage.swap_bytes));
  if (!storage.chunks.empty()) {
    unit = storage.chunks.size() == 1 ? storage.size_bytes
                                      : storage.chunks.front().size_bytes;
  }
  extent.begin = extent.begin / unit * unit;
  const auto swapped = static_cast<uint64_t>(storage.swap_bytes);
  extent.end = (extent.end + swapped - 1) / swapped * swapped;
  if (!storage.chunks.empty()) {
    extent.end = (extent.end + unit - 1) / unit * unit;
  }
  extent.end = std::min(extent.end, storage.size_bytes);
  return extent;
}

StorageEntry Slicer::Cut(const StorageEntry& storage, Extent extent) const {
  if (extent.begin == 0 && extent.end == storage.size_bytes) {
    return storage;
  }
  StorageEntry part = {.file = storage.file,
                       .offset_bytes = storage.offset_bytes + extent.begin,
                       .size_bytes = extent.end - extent.begin,
                       .swap_bytes = storage.swap_bytes,
                       .name = storage.name};
  if (storage.chunks.empty()) {
    return part;
  }
  const uint64_t chunk_bytes = storage.chunks.front().size_bytes;
  const auto first = static_cast<ptrdiff_t>(extent.begin / chunk_bytes);
  const auto end =
      static_cast<ptrdiff_t>((extent.end + chunk_bytes - 1) / chunk_bytes);
  part.chunks.assign(storage.chunks.begin() + first,
                     storage.chunks.begin() + end);
  part.offset_bytes = part.chunks.front().offset_bytes;
  uint64_t stored_bytes = 0;
  bool is_encoded = false;
  for (const StorageChunk& chunk : part.chunks) {
    stored_bytes += chunk.stored_bytes;
    is_encoded = is_encoded || chunk.encoding != ChunkEncoding::kRaw;
  }
  if (is_encoded) {
    part.encoded_bytes = stored_bytes;
  }
  return part;
}

void Slicer::PlaceViews(int index) {
  std::vector<View>& views = views_[index];
  if (views.empty()) {
    return;
  }
  const StorageEntry& storage = catalog_.storages[index];
  const auto place = [&](const View& view, int to, uint64_t begin_bytes) {
    TensorEntry& tensor = result_.catalog.tensors[view.tensor];
    tensor.storage = to;
    if (view.extent.end > 0) {
      tensor.storage_offset -= static_cast<int64_t>(
          begin_bytes * 8 /
          static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)));
    }
  };
  // Views that share bytes come into one storage.
  std::sort(views.begin(), views.end(), [](const View& a, const View& b) {
    return a.extent.begin < b.extent.begin;
  });
  if (!is_cut_[index] || storage.deflated_bytes) {
    const int to = AddStorage(storage);
    uint64_t covered = 0;
    for (const View& view : views) {
      place(view, to, 0);
      covered = std::max(covered, view.extent.begin);
      if (view.extent.end > covered) {
        result_.report.needed_bytes += view.extent.end - covered;
        covered = view.extent.end;
      }
    }
    return;
  }
  for (size_t i = 0; i < views.size();) {
    Extent extent = Widen(storage, views[i].extent);
    uint64_t covered = views[i].extent.end;
    uint64_t needed = covered - views[i].extent.begin;
    size_t end = i + 1;
    while (end < views.size() &&
           (views[end].extent.begin < extent.end || extent.end == 0)) {
      const Extent& next = views[end].extent;
      const Extent wide = Widen(storage, next);
      extent = extent.end == 0
                   ? wide
                   : Extent{extent.begin, std::max(extent.end, wide.end)};
      if (next.end > covered) {
        needed += next.end - std::max(covered, next.begin);
        covered = next.end;
      }
      ++end;
    }
    StorageEntry part = extent.end == 0 ? StorageEntry{.file = storage.file,
                                                       .name = storage.name}
                                        : Cut(storage, extent);
    result_.report.needed_bytes += needed;
    if (storage.crc32 && !part.crc32) {
      result_.report.unverified_bytes += needed;
    }
    const int to = AddStorage(std::move(part));
    for (; i < end; ++i) {
      place(views[i], to, extent.begin);
    }
  }
}

void Slicer::PlaceBoxes() {
  // In the order of the files, so that reads go forward.
  std::vector<size_t> order(boxes_.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  const auto place_of = [this](size_t i) {
    const StorageEntry& storage = catalog_.storages[boxes_[i].storage];
    return std::tuple(
        storage.file,
        storage.offset_bytes + boxes_[i].layout.runs.front().offset_bytes, i);
  };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return place_of(a) < place_of(b); });
  std::shared_ptr<BoxFile> file;
  int source = -1;
  std::vector<std::shared_ptr<BoxFile>> made;
  for (const size_t i : order) {
    Box& box = boxes_[i];
    const StorageEntry& storage = catalog_.storages[box.storage];
    if (storage.file != source) {
      source = storage.file;
      file = std::make_shared<BoxFile>(files_[source], options_.max_gap_bytes,
                                       options_.verify);
      made.push_back(file);
      result_.files.push_back(file);
    }
    const uint64_t size_bytes = box.layout.size_bytes;
    result_.report.needed_bytes += size_bytes;
    if (storage.crc32) {
      result_.report.unverified_bytes += size_bytes;
    }
    is_all_checked_ = is_all_checked_ && !storage.chunks.empty();
    const uint64_t begin = file->AddBox(storage, std::move(box.layout));
    const int to =
        AddStorage({.file = static_cast<int>(result_.files.size()) - 1,
                    .offset_bytes = begin,
                    .size_bytes = size_bytes,
                    .swap_bytes = storage.swap_bytes,
                    .name = storage.name});
    for (const size_t tensor : box.tensors) {
      result_.catalog.tensors[tensor].storage = to;
    }
  }
  for (const std::shared_ptr<BoxFile>& box_file : made) {
    result_.catalog.files.push_back({.path = box_file->path(),
                                     .size_bytes = box_file->size_bytes(),
                                     .content = box_file});
    result_.box_files.push_back(box_file);
  }
}

}  // namespace

absl::StatusOr<RankSlices> SliceForRank(const Catalog& catalog,
                                        CatalogFiles files,
                                        const ShardLayout& layout, int rank,
                                        const SliceOptions& options) {
  if (rank < 0 || rank >= layout.world_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Rank ", rank, " is none of ", layout.world_size(),
                     ", which are 0 to ", layout.world_size() - 1));
  }
  return Slicer(catalog, files, layout, rank, options).Run();
}

absl::StatusOr<RankSlices> SliceForRank(const Catalog& catalog,
                                        CatalogFiles files,
                                        const RankOptions& options,
                                        bool verify) {
  HOIST_ASSIGN_OR_RETURN(
      const ShardLayout layout,
      ShardLayout::Create(catalog, options.spec, options.world_size));
  return SliceForRank(
      catalog, files, layout, options.rank,
      {.max_gap_bytes = options.max_gap_bytes, .verify = verify});
}

}  // namespace hoist
