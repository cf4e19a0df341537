#include "hoist/checkpoint/diff/compare_elements.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/diff/paired_layout.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/checkpoint/migrate/strided_elements.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

// What all threads together hold of what lies one after the other, and a
// thread reads at least and at most.
constexpr uint64_t kAllReadBytes = uint64_t{128} << 20;
constexpr uint64_t kMinReadBytes = uint64_t{64} << 10;
constexpr uint64_t kMaxReadBytes = uint64_t{4} << 20;
// The same of what lies otherwise, whose blocks take four times as much while
// they are made.
constexpr int64_t kBlockBytes = int64_t{1} << 20;
constexpr size_t kCacheBytes = size_t{64} << 20;
constexpr size_t kOpenStorages = 16;
// A tensor with stride 0 may claim any number of bytes over a few.
constexpr int64_t kMaxRepeatedBytes = int64_t{1} << 30;

// Elements that are packed start at a byte again after so many.
constexpr uint64_t kWholeElements = 8;

// Elements that one or several pairs have.
struct Item {
  ElementPair pair;
  PairedLayout layout;
  bool as_numbers = false;
  bool is_checked = false;  // a checksum may tell of damage, once all is read
  uint64_t bits_a = 0;      // of an element
  uint64_t bits_b = 0;
  uint64_t begin_a = 0;  // the byte of the storage
  uint64_t begin_b = 0;
};

// Elements of a linear item that are compared by one thread.
struct Part {
  size_t item = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Storages of one source that are being read, and some that were.
class OpenStorages {
 public:
  explicit OpenStorages(const TensorSource& source) : source_(source) {}

  std::shared_ptr<const StorageBytes> Get(int storage)
      ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(&mu_);
    std::shared_ptr<const StorageBytes> bytes = open_[storage].lock();
    if (bytes == nullptr) {
      const StorageEntry& entry = source_.catalog.storages[storage];
      bytes = std::make_shared<StorageBytes>(source_.files[entry.file], entry);
      open_[storage] = bytes;
      recent_.push_back(bytes);
      if (recent_.size() > kOpenStorages) {
        recent_.pop_front();
      }
    }
    return bytes;
  }

 private:
  const TensorSource& source_;
  Mutex mu_;
  absl::flat_hash_map<int, std::weak_ptr<const StorageBytes>> open_
      ABSL_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<const StorageBytes>> recent_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<uint64_t> BeginOf(const TensorEntry& tensor) {
  const auto bits = static_cast<uint64_t>(tensor.storage_offset) *
                    static_cast<uint64_t>(DTypeBits(tensor.spec.dtype));
  if (bits % 8 != 0) {
    return absl::UnimplementedError("Its elements start within a byte");
  }
  return bits / 8;
}

bool HasChecksum(const TensorSource& source, const TensorEntry& tensor) {
  const StorageEntry& storage = source.catalog.storages[*tensor.storage];
  return storage.crc32.has_value() || !storage.chunks.empty();
}

// Whether the units whose bytes are reversed are parts of elements.
bool HasWholeUnits(const TensorSource& source, const TensorEntry& tensor) {
  const int unit = source.catalog.storages[*tensor.storage].swap_bytes;
  return DTypeBits(tensor.spec.dtype) % (8 * unit) == 0 || unit == 1;
}

bool IsStream(const TensorSource& source, const TensorEntry& tensor) {
  return source.catalog.storages[*tensor.storage].deflated_bytes.has_value();
}

class ElementComparison {
 public:
  ElementComparison(const TensorSource& a, const TensorSource& b,
                    const CompareElementsOptions& options)
      : a_(a),
        b_(b),
        options_(options),
        reader_a_(a.catalog, a.files),
        reader_b_(b.catalog, b.files),
        storages_a_(a),
        storages_b_(b) {
    const uint64_t threads =
        options.pool == nullptr
            ? 1
            : static_cast<uint64_t>(options.pool->thread_count()) + 1;
    read_bytes_ =
        std::clamp(kAllReadBytes / (2 * threads), kMinReadBytes, kMaxReadBytes);
  }

  absl::StatusOr<ComparedElements> Run(absl::Span<const ElementPair> pairs);

 private:
  absl::StatusOr<Item> MakeItem(const ElementPair& pair) const;
  absl::Status AddItems(absl::Span<const ElementPair> pairs);
  void AddParts(size_t index);
  absl::Status ForEach(size_t count,
                       absl::FunctionRef<absl::Status(int64_t)> body);
  absl::Status CompareLinear(const Part& part);
  absl::Status CompareStrided(size_t index);
  // Elements of both, the first of which are element `first`.
  absl::Status CompareRuns(size_t index, uint64_t first,
                           absl::Span<const uint8_t> a,
                           absl::Span<const uint8_t> b);
  absl::Status CheckCancelled() const;
  bool IsDone(size_t index) const;
  void SetDifferent(size_t index);
  void AddDone(uint64_t bytes);

  const TensorSource& a_;
  const TensorSource& b_;
  const CompareElementsOptions& options_;
  StorageReader reader_a_;
  StorageReader reader_b_;
  OpenStorages storages_a_;
  OpenStorages storages_b_;
  uint64_t read_bytes_ = 0;

  std::vector<Item> items_;
  std::vector<size_t> item_of_pair_;
  std::vector<Part> parts_;
  std::vector<size_t> strided_;                        // items
  std::unique_ptr<std::atomic<bool>[]> is_different_;  // by item
  std::atomic<bool> is_stopped_ = false;
  std::atomic<uint64_t> done_bytes_ = 0;
  uint64_t all_bytes_ = 0;
  Mutex mu_;
  std::vector<NumberTotals> totals_ ABSL_GUARDED_BY(mu_);  // by item
};

absl::StatusOr<Item> ElementComparison::MakeItem(
    const ElementPair& pair) const {
  Item item{.pair = pair};
  HOIST_ASSIGN_OR_RETURN(item.layout, PairLayouts(pair.a->spec, pair.b->spec));
  const DType dtype_a = pair.a->spec.dtype;
  const DType dtype_b = pair.b->spec.dtype;
  item.bits_a = static_cast<uint64_t>(DTypeBits(dtype_a));
  item.bits_b = static_cast<uint64_t>(DTypeBits(dtype_b));
  const bool is_changed_alike = pair.a->is_conjugate == pair.b->is_conjugate &&
                                pair.a->is_negative == pair.b->is_negative;
  item.as_numbers = (options_.as_numbers || !is_changed_alike) &&
                    HasNumbers(dtype_a) && HasNumbers(dtype_b);
  item.is_checked = HasChecksum(a_, *pair.a) || HasChecksum(b_, *pair.b);
  HOIST_ASSIGN_OR_RETURN(item.begin_a, BeginOf(*pair.a));
  HOIST_ASSIGN_OR_RETURN(item.begin_b, BeginOf(*pair.b));
  item.layout.is_linear &=
      HasWholeUnits(a_, *pair.a) && HasWholeUnits(b_, *pair.b);
  if (item.layout.is_linear || item.layout.element_count == 0) {
    return item;
  }
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(item.layout.a));
  HOIST_ASSIGN_OR_RETURN(const int64_t there_a,
                         RequiredStorageBytes(item.layout.a, 0));
  HOIST_ASSIGN_OR_RETURN(const int64_t there_b,
                         RequiredStorageBytes(item.layout.b, 0));
  constexpr int64_t kMuch = 16;
  if (bytes > kMaxRepeatedBytes && bytes / kMuch > there_a &&
      bytes / kMuch > there_b) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "Its elements would take ", bytes, " bytes, repeated from ", there_a,
        "; of such ", kMaxRepeatedBytes, " at most are compared"));
  }
  return item;
}

absl::Status ElementComparison::AddItems(absl::Span<const ElementPair> pairs) {
  const auto key = [](const TensorEntry& tensor) {
    return std::make_tuple(*tensor.storage, tensor.storage_offset,
                           tensor.spec.dtype, tensor.spec.shape,
                           tensor.spec.strides, tensor.is_conjugate,
                           tensor.is_negative);
  };
  using Key = decltype(key(TensorEntry()));
  std::map<std::pair<Key, Key>, size_t> known;
  for (const ElementPair& pair : pairs) {
    const auto [at, is_new] =
        known.emplace(std::pair(key(*pair.a), key(*pair.b)), items_.size());
    item_of_pair_.push_back(at->second);
    if (!is_new) {
      continue;
    }
    auto item = MakeItem(pair);
    if (!item.ok()) {
      return Annotate(item.status(), absl::StrCat("Tensor ", pair.a->name));
    }
    items_.push_back(*std::move(item));
  }
  is_different_ = std::make_unique<std::atomic<bool>[]>(items_.size());
  const MutexLock lock(&mu_);
  totals_.resize(items_.size());
  return absl::OkStatus();
}

void ElementComparison::AddParts(size_t index) {
  const Item& item = items_[index];
  const auto count = static_cast<uint64_t>(item.layout.element_count);
  const bool is_changed_alike =
      item.pair.a->is_conjugate == item.pair.b->is_conjugate &&
      item.pair.a->is_negative == item.pair.b->is_negative;
  if (count == 0) {
    return;
  }
  if (!item.as_numbers && (item.pair.a->spec.dtype != item.pair.b->spec.dtype ||
                           !is_changed_alike)) {
    SetDifferent(index);
    return;
  }
  all_bytes_ += count * (item.bits_a + item.bits_b) / 8;
  if (!item.layout.is_linear) {
    strided_.push_back(index);
    return;
  }
  // Streams are read by one thread, from their start on.
  const bool is_stream =
      IsStream(a_, *item.pair.a) || IsStream(b_, *item.pair.b);
  const uint64_t step = is_stream ? count
                                  : read_bytes_ * 8 /
                                        std::max(item.bits_a, item.bits_b) /
                                        kWholeElements * kWholeElements;
  for (uint64_t at = 0; at < count; at += step) {
    parts_.push_back({index, at, at + std::min(count - at, step)});
  }
}

absl::Status ElementComparison::CheckCancelled() const {
  return options_.cancel != nullptr && options_.cancel->is_cancelled()
             ? absl::CancelledError("Comparing was cancelled")
             : absl::OkStatus();
}

// Whether there is nothing more to find out about an item.
bool ElementComparison::IsDone(size_t index) const {
  return is_stopped_ || (is_different_[index] && !items_[index].as_numbers &&
                         !items_[index].is_checked);
}

void ElementComparison::SetDifferent(size_t index) {
  is_different_[index] = true;
  if (options_.stop_at_difference) {
    is_stopped_ = true;
  }
}

void ElementComparison::AddDone(uint64_t bytes) {
  const uint64_t done = done_bytes_ += bytes;
  if (options_.on_progress) {
    options_.on_progress(done, all_bytes_);
  }
}

absl::Status ElementComparison::CompareRuns(size_t index, uint64_t first,
                                            absl::Span<const uint8_t> a,
                                            absl::Span<const uint8_t> b) {
  const Item& item = items_[index];
  if (!item.as_numbers) {
    if (std::memcmp(a.data(), b.data(), a.size()) != 0) {
      SetDifferent(index);
    }
    AddDone(a.size() + b.size());
    return absl::OkStatus();
  }
  const auto run = [](const TensorEntry& tensor,
                      absl::Span<const uint8_t> bytes) {
    return NumberRun{.dtype = tensor.spec.dtype,
                     .bytes = bytes,
                     .is_conjugate = tensor.is_conjugate,
                     .is_negative = tensor.is_negative};
  };
  NumberTotals found;
  HOIST_RETURN_IF_ERROR(CompareNumbers(run(*item.pair.a, a),
                                       run(*item.pair.b, b), options_.tolerance,
                                       first, found));
  if (found.diff.beyond > 0) {
    SetDifferent(index);
  }
  AddDone(a.size() + b.size());
  const MutexLock lock(&mu_);
  totals_[index].Merge(found);
  return absl::OkStatus();
}

absl::Status ElementComparison::CompareLinear(const Part& part) {
  const Item& item = items_[part.item];
  const uint64_t step = read_bytes_ * 8 / std::max(item.bits_a, item.bits_b) /
                        kWholeElements * kWholeElements;
  std::vector<uint8_t> a;
  std::vector<uint8_t> b;
  for (uint64_t at = part.begin; at < part.end; at += step) {
    HOIST_RETURN_IF_ERROR(CheckCancelled());
    if (IsDone(part.item)) {
      return absl::OkStatus();
    }
    const uint64_t count = std::min(part.end - at, step);
    a.resize(static_cast<size_t>(count * item.bits_a / 8));
    b.resize(static_cast<size_t>(count * item.bits_b / 8));
    HOIST_RETURN_IF_ERROR(reader_a_.Read(*item.pair.a->storage,
                                         item.begin_a + at * item.bits_a / 8,
                                         absl::MakeSpan(a)));
    HOIST_RETURN_IF_ERROR(reader_b_.Read(*item.pair.b->storage,
                                         item.begin_b + at * item.bits_b / 8,
                                         absl::MakeSpan(b)));
    HOIST_RETURN_IF_ERROR(CompareRuns(part.item, at, a, b));
  }
  return absl::OkStatus();
}

absl::Status ElementComparison::CompareStrided(size_t index) {
  const Item& item = items_[index];
  const auto cache = std::make_shared<BlockCache>(2 * kBlockBytes);
  HOIST_ASSIGN_OR_RETURN(
      const auto elements_a,
      StridedElements::Create(storages_a_.Get(*item.pair.a->storage),
                              item.layout.a, item.pair.a->storage_offset, cache,
                              kBlockBytes));
  HOIST_ASSIGN_OR_RETURN(
      const auto elements_b,
      StridedElements::Create(storages_b_.Get(*item.pair.b->storage),
                              item.layout.b, item.pair.b->storage_offset, cache,
                              kBlockBytes));
  const auto count = static_cast<uint64_t>(item.layout.element_count);
  const uint64_t step = kBlockBytes * 8 / std::max(item.bits_a, item.bits_b);
  std::vector<uint8_t> a;
  std::vector<uint8_t> b;
  for (uint64_t at = 0; at < count; at += step) {
    HOIST_RETURN_IF_ERROR(CheckCancelled());
    if (IsDone(index)) {
      return absl::OkStatus();
    }
    const uint64_t some = std::min(count - at, step);
    a.resize(static_cast<size_t>(some * item.bits_a / 8));
    b.resize(static_cast<size_t>(some * item.bits_b / 8));
    HOIST_RETURN_IF_ERROR(
        elements_a->Read(static_cast<int64_t>(at), absl::MakeSpan(a)));
    HOIST_RETURN_IF_ERROR(
        elements_b->Read(static_cast<int64_t>(at), absl::MakeSpan(b)));
    HOIST_RETURN_IF_ERROR(CompareRuns(index, at, a, b));
  }
  return absl::OkStatus();
}

absl::Status ElementComparison::ForEach(
    size_t count, absl::FunctionRef<absl::Status(int64_t)> body) {
  if (options_.pool != nullptr) {
    return ParallelFor(*options_.pool, static_cast<int64_t>(count), body);
  }
  for (size_t i = 0; i < count; ++i) {
    HOIST_RETURN_IF_ERROR(body(static_cast<int64_t>(i)));
  }
  return absl::OkStatus();
}

absl::StatusOr<ComparedElements> ElementComparison::Run(
    absl::Span<const ElementPair> pairs) {
  HOIST_RETURN_IF_ERROR(AddItems(pairs));
  for (size_t i = 0; i < items_.size(); ++i) {
    AddParts(i);
  }
  HOIST_RETURN_IF_ERROR(ForEach(parts_.size(), [this](int64_t i) {
    return CompareLinear(parts_[static_cast<size_t>(i)]);
  }));
  HOIST_RETURN_IF_ERROR(ForEach(strided_.size(), [this](int64_t i) {
    const size_t item = strided_[static_cast<size_t>(i)];
    return Annotate(CompareStrided(item),
                    absl::StrCat("Tensor ", items_[item].pair.a->name));
  }));
  HOIST_RETURN_IF_ERROR(reader_a_.CompareChecksums());
  HOIST_RETURN_IF_ERROR(reader_b_.CompareChecksums());

  ComparedElements compared{.read_bytes = done_bytes_,
                            .is_partial = is_stopped_};
  compared.numbers.resize(pairs.size());
  const MutexLock lock(&mu_);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const size_t index = item_of_pair_[i];
    const Item& item = items_[index];
    compared.is_same.push_back(!is_different_[index]);
    if (item.as_numbers) {
      NumberDiff diff = totals_[index].diff;
      const auto repeats = static_cast<uint64_t>(item.layout.repeats);
      for (uint64_t* const count : {&diff.count, &diff.differing, &diff.beyond,
                                    &diff.nan_a, &diff.nan_b}) {
        *count *= repeats;  // what is there fits into 63 bits
      }
      if (diff.max_abs > 0) {
        diff.max_abs_at = item.layout.IndexOf(
            static_cast<int64_t>(totals_[index].max_abs_index));
      }
      compared.numbers[i] = std::move(diff);
    }
  }
  return compared;
}

}  // namespace

absl::StatusOr<ComparedElements> CompareElements(
    const TensorSource& a, const TensorSource& b,
    absl::Span<const ElementPair> pairs,
    const CompareElementsOptions& options) {
  return ElementComparison(a, b, options).Run(pairs);
}

}  // namespace hoist
