#include "hoist/checkpoint/diff/diff_checkpoints.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/diff/compare_elements.h"
#include "hoist/checkpoint/diff/diff_catalogs.h"
#include "hoist/checkpoint/diff/element_digests.h"
#include "hoist/checkpoint/diff/find_renames.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;

// A storage that is a value, as a tensor of its bytes.
TensorEntry BytesOf(const Catalog& catalog, int storage,
                    const std::string& name) {
  return {.name = name,
          .spec = {DType::kUint8,
                   {static_cast<int64_t>(catalog.storages[storage].size_bytes)},
                   {1}},
          .storage = storage};
}

// Whether it is different whatever numbers are within the tolerance.
bool HasCertainDifference(const DiffReport& report) {
  if (report.level != DiffLevel::kValues) {
    return !IsSame(report);
  }
  if (!report.removed.empty() || !report.added.empty() ||
      !report.renamed.empty() || report.value_count > 0 ||
      !report.metadata.empty()) {
    return true;
  }
  return std::any_of(report.changed.begin(), report.changed.end(),
                     [](const TensorDiff& changed) {
                       return changed.elements != ElementsDiff::kDifferent;
                     });
}

class CheckpointsDiff {
 public:
  CheckpointsDiff(const TensorSource& a, const TensorSource& b,
                  const DiffOptions& options)
      : a_(a), b_(b), options_(options) {}

  absl::StatusOr<DiffReport> Run();

 private:
  absl::Status ReadElements();
  void AddTensors(const ComparedElements& compared);
  void AddStorages(const ComparedElements& compared, size_t first);
  void MeasureChanged(const ComparedElements& compared, size_t first);
  absl::Status FindRenamesByDigest();
  absl::Status CheckUnchanged() const;

  const TensorSource& a_;
  const TensorSource& b_;
  const DiffOptions& options_;
  CatalogsDiff diff_;
  // Entries of DiffReport::changed whose numbers are compared.
  std::vector<size_t> measured_;
};

// Tensors of one name of which nothing was known.
void CheckpointsDiff::AddTensors(const ComparedElements& compared) {
  DiffReport& report = diff_.report;
  int64_t within = 0;
  for (size_t i = 0; i < diff_.unknown.size(); ++i) {
    const std::optional<NumberDiff>& numbers = compared.numbers[i];
    if (!compared.is_same[i]) {
      --report.same_count;
      report.changed.push_back({.tensors = diff_.unknown[i],
                                .elements = ElementsDiff::kDifferent,
                                .numbers = numbers});
    } else if (numbers && numbers->differing > 0) {
      ++within;
    }
  }
  if (within > 0) {
    report.remarks.push_back(absl::StrCat(
        "Tensors that differ, but not beyond the tolerance: ", within));
  }
}

void CheckpointsDiff::AddStorages(const ComparedElements& compared,
                                  size_t first) {
  DiffReport& report = diff_.report;
  for (size_t i = 0; i < diff_.unknown_storages.size(); ++i) {
    if (!compared.is_same[first + i]) {
      ++report.value_count;
      if (static_cast<int64_t>(report.values.size()) < kMaxValueDiffs) {
        report.values.push_back(std::move(diff_.unknown_storages[i].place));
      }
    }
  }
}

// Tensors that are known to be different, before those of AddTensors().
void CheckpointsDiff::MeasureChanged(const ComparedElements& compared,
                                     size_t first) {
  DiffReport& report = diff_.report;
  std::vector<bool> is_same(report.changed.size(), false);
  for (size_t i = 0; i < measured_.size(); ++i) {
    TensorDiff& changed = report.changed[measured_[i]];
    changed.numbers = compared.numbers[first + i];
    changed.elements = compared.is_same[first + i] ? ElementsDiff::kSame
                                                   : ElementsDiff::kDifferent;
    is_same[measured_[i]] =
        compared.is_same[first + i] && !changed.is_dtype_different;
  }
  std::vector<TensorDiff> kept;
  for (size_t i = 0; i < is_same.size(); ++i) {
    if (is_same[i]) {
      ++report.same_count;
    } else {
      kept.push_back(std::move(report.changed[i]));
    }
  }
  report.changed = std::move(kept);
}

absl::Status CheckpointsDiff::ReadElements() {
  DiffReport& report = diff_.report;
  std::vector<ElementPair> pairs;
  const auto add = [&](const TensorPair& tensors) {
    pairs.push_back(
        {&a_.catalog.tensors[tensors.a], &b_.catalog.tensors[tensors.b]});
  };
  for (const TensorPair& tensors : diff_.unknown) {
    add(tensors);
  }
  std::vector<TensorEntry> bytes;
  bytes.reserve(2 * diff_.unknown_storages.size());
  for (const StoragePair& storages : diff_.unknown_storages) {
    bytes.push_back(BytesOf(a_.catalog, storages.a, storages.place.path));
    bytes.push_back(BytesOf(b_.catalog, storages.b, storages.place.path));
    pairs.push_back({&bytes[bytes.size() - 2], &bytes[bytes.size() - 1]});
  }
  for (size_t i = 0; i < report.changed.size(); ++i) {
    if (options_.level == DiffLevel::kValues &&
        report.changed[i].elements != ElementsDiff::kIncomparable) {
      measured_.push_back(i);
      add(report.changed[i].tensors);
    }
  }
  HOIST_ASSIGN_OR_RETURN(
      const ComparedElements compared,
      CompareElements(a_, b_, pairs,
                      {.as_numbers = options_.level == DiffLevel::kValues,
                       .tolerance = options_.tolerance,
                       .stop_at_difference = options_.stop_at_difference,
                       .pool = options_.pool,
                       .cancel = options_.cancel,
                       .on_progress = options_.on_progress}));
  report.read_bytes += compared.read_bytes;
  report.is_partial = compared.is_partial;
  report.not_read_count = 0;
  MeasureChanged(compared,
                 diff_.unknown.size() + diff_.unknown_storages.size());
  AddTensors(compared);
  AddStorages(compared, diff_.unknown.size());
  std::vector<const TensorDiff*> order;
  order.reserve(report.changed.size());
  for (const TensorDiff& changed : report.changed) {
    order.push_back(&changed);
  }
  std::sort(order.begin(), order.end(),
            [](const TensorDiff* x, const TensorDiff* y) {
              return x->tensors.a < y->tensors.a;
            });
  std::vector<TensorDiff> sorted;
  sorted.reserve(order.size());
  for (const TensorDiff* const changed : order) {
    sorted.push_back(*changed);
  }
  report.changed = std::move(sorted);
  return absl::OkStatus();
}

absl::Status CheckpointsDiff::FindRenamesByDigest() {
  DiffReport& report = diff_.report;
  // What could be the same: by form, how many on each side.
  absl::flat_hash_map<std::string, std::pair<int, int>> forms;
  for (const int index : report.removed) {
    ++forms[FormKey(a_.catalog.tensors[index])].first;
  }
  for (const int index : report.added) {
    ++forms[FormKey(b_.catalog.tensors[index])].second;
  }
  const auto keys_of = [&](const TensorSource& source,
                           const std::vector<int>& tensors)
      -> absl::StatusOr<std::vector<std::string>> {
    std::vector<int> wanted;
    std::vector<size_t> places;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const TensorEntry& tensor = source.catalog.tensors[tensors[i]];
      const auto& [removed, added] = forms[FormKey(tensor)];
      if (tensor.storage && removed > 0 && added > 0 &&
          DTypeBits(tensor.spec.dtype) % 8 == 0) {
        wanted.push_back(tensors[i]);
        places.push_back(i);
        report.read_bytes +=
            static_cast<uint64_t>(LogicalBytes(tensor.spec).value_or(0));
      }
    }
    HOIST_ASSIGN_OR_RETURN(
        const std::vector<std::string> digests,
        ElementDigests(source, wanted, options_.pool, options_.cancel));
    std::vector<std::string> keys(tensors.size());
    for (size_t i = 0; i < places.size(); ++i) {
      keys[places[i]] =
          absl::StrCat(FormKey(source.catalog.tensors[wanted[i]]), digests[i]);
    }
    return keys;
  };
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> removed,
                         keys_of(a_, report.removed));
  HOIST_ASSIGN_OR_RETURN(const std::vector<std::string> added,
                         keys_of(b_, report.added));
  FindRenames(a_.catalog, b_.catalog, removed, added, report);
  return absl::OkStatus();
}

absl::Status CheckpointsDiff::CheckUnchanged() const {
  for (const CatalogFiles& files : {a_.files, b_.files}) {
    for (const auto& file : files) {
      HOIST_RETURN_IF_ERROR(file->CheckUnchanged());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DiffReport> CheckpointsDiff::Run() {
  const auto start = Clock::now();
  HOIST_ASSIGN_OR_RETURN(
      diff_, DiffCatalogs(a_.catalog, b_.catalog,
                          {.only_tensors = options_.only_tensors,
                           .distrust_checksums = options_.distrust_checksums}));
  DiffReport& report = diff_.report;
  report.level = options_.level;
  if (options_.level != DiffLevel::kStructure) {
    if (options_.stop_at_difference && HasCertainDifference(report)) {
      report.is_partial = true;
    } else {
      HOIST_RETURN_IF_ERROR(ReadElements());
      if (!options_.stop_at_difference) {
        HOIST_RETURN_IF_ERROR(FindRenamesByDigest());
      }
      HOIST_RETURN_IF_ERROR(CheckUnchanged());
    }
  }
  report.time_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start)
          .count();
  return std::move(report);
}

}  // namespace

absl::StatusOr<DiffReport> DiffCheckpoints(const TensorSource& a,
                                           const TensorSource& b,
                                           const DiffOptions& options) {
  return CheckpointsDiff(a, b, options).Run();
}

}  // namespace hoist
