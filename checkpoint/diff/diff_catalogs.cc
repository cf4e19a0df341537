#include "hoist/checkpoint/diff/diff_catalogs.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/tied_tensors.h"
#include "hoist/checkpoint/catalog/user_metadata.h"
#include "hoist/checkpoint/diff/find_renames.h"
#include "hoist/checkpoint/diff/number_diff.h"
#include "hoist/checkpoint/diff/recorded_checksums.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

std::vector<TensorPair> MatchByName(const Catalog& a, const Catalog& b,
                                    DiffReport& report) {
  constexpr int kNone = -1;
  // The first of B under each name that is not taken, and for each tensor the
  // next of its name.
  absl::flat_hash_map<absl::string_view, int> by_name;
  by_name.reserve(b.tensors.size());
  std::vector<int> next(b.tensors.size(), kNone);
  for (int i = static_cast<int>(b.tensors.size()); i-- > 0;) {
    const auto [named, is_new] = by_name.try_emplace(b.tensors[i].name, i);
    if (!is_new) {
      next[i] = std::exchange(named->second, i);
    }
  }
  std::vector<TensorPair> pairs;
  pairs.reserve(std::min(a.tensors.size(), b.tensors.size()));
  std::vector<bool> is_taken(b.tensors.size(), false);
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    const auto named = by_name.find(a.tensors[i].name);
    if (named == by_name.end() || named->second == kNone) {
      report.removed.push_back(static_cast<int>(i));
      continue;
    }
    const int twin = std::exchange(named->second, next[named->second]);
    is_taken[twin] = true;
    pairs.push_back({static_cast<int>(i), twin});
  }
  for (size_t i = 0; i < is_taken.size(); ++i) {
    if (!is_taken[i]) {
      report.added.push_back(static_cast<int>(i));
    }
  }
  return pairs;
}

// Of pairs, by their positions: the first that has all elements of this one in
// one catalog, of which each pair has the tensor `side`.
std::vector<int> TieGroups(const Catalog& catalog,
                           const std::vector<TensorPair>& pairs,
                           int TensorPair::*side) {
  TiedTensors tied(catalog);
  std::vector<int> positions(catalog.tensors.size());
  std::vector<int> groups(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    const int index = pairs[i].*side;
    const TensorEntry& tensor = catalog.tensors[index];
    positions[index] = static_cast<int>(i);
    const bool is_empty =
        tensor.storage && catalog.storages[*tensor.storage].size_bytes == 0;
    groups[i] = positions[is_empty ? index : tied.Add(index)];
  }
  return groups;
}

class Remarks {
 public:
  Remarks(const Catalog& a, const Catalog& b,
          const std::vector<TensorPair>& pairs, DiffReport& report)
      : a_(a), b_(b), pairs_(pairs), report_(report) {}

  void Run() {
    Order();
    Flags();
    Ties();
  }

 private:
  void Order() {
    for (size_t i = 1; i < pairs_.size(); ++i) {
      if (pairs_[i].b < pairs_[i - 1].b) {
        report_.remarks.push_back("The tensors are in another order");
        return;
      }
    }
  }
  void Flags() {
    std::vector<int> grads;
    std::vector<int> parameters;
    std::vector<int> buffers;
    std::vector<int> locations;
    for (const TensorPair& pair : pairs_) {
      const TensorEntry& a = a_.tensors[pair.a];
      const TensorEntry& b = b_.tensors[pair.b];
      const auto add_if = [&pair](bool differs, std::vector<int>& tensors) {
        if (differs) {
          tensors.push_back(pair.a);
        }
      };
      add_if(a.requires_grad != b.requires_grad, grads);
      add_if(a.is_parameter != b.is_parameter, parameters);
      add_if(a.is_persistent != b.is_persistent, buffers);
      add_if(a.location != b.location, locations);
    }
    Add("requires_grad is another", grads);
    Add("One is a parameter, and one is not", parameters);
    Add("One is a buffer that no state dict has, and one is not", buffers);
    Add("Saved from other devices", locations);
  }
  void Add(absl::string_view what, const std::vector<int>& tensors) {
    if (!tensors.empty()) {
      report_.remarks.push_back(
          absl::StrCat(what, ": ", a_.tensors[tensors[0]].name,
                       tensors.size() > 1
                           ? absl::StrCat(" and ", tensors.size() - 1, " more")
                           : ""));
    }
  }
  void Ties() {
    const std::vector<int> groups_a = TieGroups(a_, pairs_, &TensorPair::a);
    const std::vector<int> groups_b = TieGroups(b_, pairs_, &TensorPair::b);
    // Those that share memory with an earlier one, and do not so in the other.
    std::vector<int> only_a;
    std::vector<int> only_b;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      if (groups_a[i] != static_cast<int>(i) &&
          groups_b[i] != groups_b[groups_a[i]]) {
        only_a.push_back(pairs_[i].a);
      }
      if (groups_b[i] != static_cast<int>(i) &&
          groups_a[i] != groups_a[groups_b[i]]) {
        only_b.push_back(pairs_[i].a);
      }
    }
    Add("Tied to another tensor only in A", only_a);
    Add("Tied to another tensor only in B", only_b);
  }

  const Catalog& a_;
  const Catalog& b_;
  const std::vector<TensorPair>& pairs_;
  DiffReport& report_;
};

void ComparePair(const Catalog& a, const Catalog& b, const TensorPair& pair,
                 const DiffCatalogsOptions& options, CatalogsDiff& diff) {
  const TensorEntry& tensor_a = a.tensors[pair.a];
  const TensorEntry& tensor_b = b.tensors[pair.b];
  TensorDiff changed{
      .tensors = pair,
      .is_shape_different = tensor_a.spec.shape != tensor_b.spec.shape,
      .is_dtype_different = tensor_a.spec.dtype != tensor_b.spec.dtype,
      .is_data_missing =
          tensor_a.storage.has_value() != tensor_b.storage.has_value()};
  if (changed.is_shape_different || changed.is_data_missing) {
    changed.elements = ElementsDiff::kIncomparable;
  } else if (changed.is_dtype_different) {
    if (!HasNumbers(tensor_a.spec.dtype) || !HasNumbers(tensor_b.spec.dtype)) {
      changed.elements = ElementsDiff::kIncomparable;
    }
  } else if (!tensor_a.storage) {
    ++diff.report.same_count;
    return;
  } else {
    const std::optional<bool> is_same =
        SameByChecksums(a, tensor_a, b, tensor_b);
    if (is_same.value_or(true)) {
      ++diff.report.same_count;
    }
    if (!is_same || (*is_same && options.distrust_checksums)) {
      diff.unknown.push_back(pair);
      return;
    }
    ++diff.report.checksum_count;
    diff.report.checksum_bytes +=
        static_cast<uint64_t>(LogicalBytes(tensor_a.spec).value_or(0));
    if (*is_same) {
      return;
    }
    changed.elements = ElementsDiff::kDifferent;
  }
  diff.report.changed.push_back(std::move(changed));
}

// Where checksums tell which tensors have another name.
void FindRenamesByChecksums(const Catalog& a, const Catalog& b,
                            DiffReport& report) {
  const auto keys = [](const Catalog& catalog,
                       const std::vector<int>& tensors) {
    std::vector<std::string> found;
    for (const int index : tensors) {
      const TensorEntry& tensor = catalog.tensors[index];
      const auto checksum = tensor.storage
                                ? ChecksumOf(catalog.storages[*tensor.storage])
                                : std::nullopt;
      found.push_back(
          checksum && HasWholeStorage(catalog, tensor)
              ? absl::StrCat(FormKey(tensor), static_cast<int>(checksum->kind),
                             " ", checksum->crc, " ", checksum->swap_bytes)
              : "");
    }
    return found;
  };
  FindRenames(a, b, keys(a, report.removed), keys(b, report.added), report);
}

bool HasSameFamily(const Catalog& a, const Catalog& b) {
  const auto is_safetensors = [](const Catalog& catalog) {
    return catalog.format == Format::kSafetensors ||
           catalog.format == Format::kSafetensorsIndex;
  };
  return a.format == b.format || (is_safetensors(a) && is_safetensors(b));
}

void DiffMetadata(const Catalog& a, const Catalog& b, DiffReport& report) {
  std::map<std::string, MetadataDiff> entries;
  for (auto& [key, text] : UserMetadata(a)) {
    entries[key].a = text;
  }
  for (auto& [key, text] : UserMetadata(b)) {
    entries[key].b = text;
  }
  int64_t one_sided = 0;
  for (auto& [key, entry] : entries) {
    if (entry.a == entry.b) {
      continue;
    }
    entry.key = key;
    // Not every format has a place for them.
    if (!HasSameFamily(a, b) && !(entry.a && entry.b)) {
      ++one_sided;
      continue;
    }
    report.metadata.push_back(std::move(entry));
  }
  if (one_sided > 0) {
    report.remarks.push_back(absl::StrCat(
        "Metadata that only one has, as their formats are not the same: ",
        one_sided, one_sided == 1 ? " entry" : " entries"));
  }
}

// Values that one file has, and the other as text in its metadata, as writers
// keep them that have no other place.
void DropKeptAsText(const Catalog& a, const Catalog& b, DiffReport& report) {
  const auto is_kept = [](const Catalog& values, ValueId id,
                          const Catalog& texts, const std::string& key) {
    const std::string text = ValueText(Value(values.values.get(), id));
    for (const auto& [name, kept] : UserMetadata(texts)) {
      if (name == key && kept == text) {
        return true;
      }
    }
    return false;
  };
  if (UserMetadata(a).empty() && UserMetadata(b).empty()) {
    return;
  }
  report.value_count -= static_cast<int64_t>(
      std::erase_if(report.values, [&](const ValueDiff& value) {
        return (value.a && !value.b && is_kept(a, *value.a, b, value.path)) ||
               (value.b && !value.a && is_kept(b, *value.b, a, value.path));
      }));
}

absl::Status AddValues(const Catalog& a, const Catalog& b, CatalogsDiff& diff) {
  DiffReport& report = diff.report;
  HOIST_ASSIGN_OR_RETURN(ValuesDiff values, DiffValues(a, b));
  report.values = std::move(values.values);
  report.value_count = values.count;
  diff.unknown_storages = std::move(values.storages);
  DropKeptAsText(a, b, report);
  if (values.other_classes > 0) {
    report.remarks.push_back(absl::StrCat(
        "Dicts, lists or tensors of another class: ", values.other_classes));
  }
  if (values.one_sided_states > 0) {
    report.remarks.push_back(absl::StrCat(
        "Dicts, lists or tensors of which only one has attributes, as the "
        "_metadata of a state dict: ",
        values.one_sided_states));
  }
  DiffMetadata(a, b, report);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CatalogsDiff> DiffCatalogs(const Catalog& a, const Catalog& b,
                                          const DiffCatalogsOptions& options) {
  CatalogsDiff diff;
  const std::vector<TensorPair> pairs = MatchByName(a, b, diff.report);
  for (const TensorPair& pair : pairs) {
    ComparePair(a, b, pair, options, diff);
  }
  diff.report.not_read_count = static_cast<int64_t>(diff.unknown.size());
  FindRenamesByChecksums(a, b, diff.report);
  Remarks(a, b, pairs, diff.report).Run();
  if (!options.only_tensors) {
    HOIST_RETURN_IF_ERROR(AddValues(a, b, diff));
  }
  return diff;
}

}  // namespace hoist
