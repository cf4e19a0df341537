#include "hoist/checkpoint/selection/select_tensors.h"

#include <fnmatch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/selection/tensor_slice.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Backslashes are parts of names, not of patterns.
constexpr int kFlags = FNM_NOESCAPE;

bool IsGlob(absl::string_view pattern) {
  return pattern.find_first_of("*?[") != absl::string_view::npos;
}

bool IsLayerOf(absl::string_view layer, absl::string_view name) {
  return name.size() > layer.size() && name[layer.size()] == '.' &&
         name.substr(0, layer.size()) == layer;
}

// How many changes of one letter make `b` of `a`; counts to `limit` at most.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) {
    return limit;
  }
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return std::min(row[b.size()], limit);
}

// The names and layers that come closest to what was meant.
std::vector<std::string> Suggestions(const Catalog& catalog,
                                     absl::string_view pattern) {
  constexpr size_t kMaxCandidates = 10'000;
  constexpr size_t kMaxLength = 200;
  constexpr size_t kShown = 3;
  const size_t limit = std::max<size_t>(4, pattern.size() / 3);
  std::vector<std::pair<size_t, std::string>> found;
  absl::flat_hash_set<absl::string_view> seen;
  const auto consider = [&](absl::string_view candidate) {
    if (candidate.size() > kMaxLength || seen.size() >= kMaxCandidates ||
        !seen.insert(candidate).second) {
      return;
    }
    // Also where only what leads there was left out.
    const bool is_end =
        candidate.size() > pattern.size() && !pattern.empty() &&
        candidate.substr(candidate.size() - pattern.size()) == pattern;
    const size_t distance =
        is_end ? 1 : EditDistance(pattern, candidate, limit);
    if (distance < limit) {
      found.emplace_back(distance, candidate);
    }
  };
  for (const TensorEntry& tensor : catalog.tensors) {
    const absl::string_view name = tensor.name;
    consider(name);
    for (size_t dot = name.find('.'); dot != absl::string_view::npos;
         dot = name.find('.', dot + 1)) {
      consider(name.substr(0, dot));
    }
  }
  std::stable_sort(
      found.begin(), found.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(found.size(), kShown); ++i) {
    names.push_back(found[i].second);
  }
  return names;
}

absl::Status NoSuchTensor(const Catalog& catalog, const std::string& pattern) {
  const absl::Status error = absl::NotFoundError(
      absl::StrCat("No tensor or layer has the name ", pattern, ", of ",
                   catalog.tensors.size(), " tensors"));
  const std::vector<std::string> names = Suggestions(catalog, pattern);
  return WithHint(error,
                  names.empty()
                      ? "Without names, all tensors are meant"
                      : absl::StrCat("There is ", absl::StrJoin(names, ", ")));
}

// What a pattern of the user's means.
struct Selector {
  std::string pattern;  // of MatchesName()
  std::optional<TensorSlice> slice;
};

template <typename Matches>
bool AnyTensor(const Catalog& catalog, Matches matches) {
  return std::any_of(
      catalog.tensors.begin(), catalog.tensors.end(),
      [&](const TensorEntry& tensor) { return matches(tensor.name); });
}

// Brackets may be part of a name, an index, or a glob: what is there, by its
// very name, comes before what a glob finds.
absl::StatusOr<Selector> MakeSelector(const Catalog& catalog,
                                      const std::string& pattern) {
  const auto is_name = [&](absl::string_view text) {
    return AnyTensor(catalog, [&](absl::string_view name) {
      return name == text || IsLayerOf(text, name);
    });
  };
  const auto is_match = [&](absl::string_view text) {
    return AnyTensor(catalog, [&](absl::string_view name) {
      return MatchesName(text, name);
    });
  };
  const auto split = SplitIndex(pattern);
  if (!split) {
    return is_match(pattern)
               ? absl::StatusOr<Selector>(Selector{pattern, std::nullopt})
               : NoSuchTensor(catalog, pattern);
  }
  const auto& [base, index] = *split;
  absl::StatusOr<TensorSlice> slice = ParseTensorSlice(index);
  const bool is_index_of_name = slice.ok() && is_name(base);
  if (is_name(pattern) || (!is_index_of_name && is_match(pattern))) {
    return Selector{pattern, std::nullopt};
  }
  if (!is_match(base)) {
    return NoSuchTensor(catalog, pattern);
  }
  if (!slice.ok()) {
    return slice.status();
  }
  return Selector{std::string(base), *std::move(slice)};
}

absl::Status CheckExcluded(const Catalog& catalog, const std::string& pattern) {
  HOIST_ASSIGN_OR_RETURN(const Selector selector,
                         MakeSelector(catalog, pattern));
  if (selector.slice) {
    return WithHint(absl::InvalidArgumentError(absl::StrCat(
                        "A part of a tensor cannot be left out: ", pattern)),
                    absl::StrCat("Leave out the whole, ", selector.pattern,
                                 ", or select the parts that are wanted"));
  }
  return absl::OkStatus();
}

// The tensors that no pattern of `excluded` means.
absl::StatusOr<std::vector<const TensorEntry*>> NotExcluded(
    const Catalog& catalog, absl::Span<const std::string> excluded) {
  for (const std::string& pattern : excluded) {
    const absl::Status status = CheckExcluded(catalog, pattern);
    if (!status.ok() && !(absl::IsNotFound(status) && IsGlob(pattern))) {
      return status;
    }
  }
  std::vector<const TensorEntry*> kept;
  for (const TensorEntry& tensor : catalog.tensors) {
    if (std::none_of(excluded.begin(), excluded.end(),
                     [&](const std::string& pattern) {
                       return MatchesName(pattern, tensor.name);
                     })) {
      kept.push_back(&tensor);
    }
  }
  return kept;
}

// What `selectors` mean of `tensor`.
absl::Status AddSelected(const TensorEntry& tensor,
                         absl::Span<const Selector> selectors,
                         std::vector<TensorEntry>& selected) {
  bool is_selected = false;
  for (const Selector& selector : selectors) {
    if (!MatchesName(selector.pattern, tensor.name)) {
      continue;
    }
    if (selector.slice) {
      HOIST_ASSIGN_OR_RETURN(TensorEntry part,
                             SliceTensor(tensor, *selector.slice));
      selected.push_back(std::move(part));
    } else if (!is_selected) {
      is_selected = true;
      selected.push_back(tensor);
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool MatchesName(absl::string_view pattern, absl::string_view name) {
  if (pattern == name || IsLayerOf(pattern, name)) {
    return true;
  }
  if (!IsGlob(pattern)) {
    return false;
  }
  const std::string glob(pattern);
  return fnmatch(glob.c_str(), std::string(name).c_str(), kFlags) == 0 ||
         fnmatch((glob + ".*").c_str(), std::string(name).c_str(), kFlags) == 0;
}

absl::StatusOr<Catalog> SelectTensors(const Catalog& catalog,
                                      absl::Span<const std::string> patterns,
                                      absl::Span<const std::string> excluded) {
  std::vector<Selector> selectors;
  for (const std::string& pattern : patterns) {
    HOIST_ASSIGN_OR_RETURN(Selector selector, MakeSelector(catalog, pattern));
    selectors.push_back(std::move(selector));
  }
  if (patterns.empty()) {
    selectors.push_back({.pattern = "*", .slice = std::nullopt});
  }
  HOIST_ASSIGN_OR_RETURN(const std::vector<const TensorEntry*> kept,
                         NotExcluded(catalog, excluded));
  std::vector<TensorEntry> selected;
  for (const TensorEntry* tensor : kept) {
    HOIST_RETURN_IF_ERROR(AddSelected(*tensor, selectors, selected));
  }
  if (selected.empty() && !catalog.tensors.empty()) {
    return WithHint(
        absl::NotFoundError(absl::StrCat("Of ", catalog.tensors.size(),
                                         " tensors none is left")),
        "What is excluded is left out even where it is selected by name");
  }
  Catalog result = catalog;
  result.tensors = std::move(selected);
  // The old values refer to tensors by index.
  auto values = std::make_shared<ValueGraph>();
  result.root_id = values->AddItems(ValueKind::kDict, {});
  result.values = std::move(values);
  return result;
}

}  // namespace hoist
