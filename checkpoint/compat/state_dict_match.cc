#include "hoist/checkpoint/compat/state_dict_match.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/compat/name_parts.h"

namespace hoist {
namespace {

using ShapeDifference = StateDictMatch::ShapeDifference;

// Groups in the order of their first members.
class Groups {
 public:
  void Add(const std::string& text, size_t member) {
    const auto [known, is_new] = index_.try_emplace(text, groups_.size());
    if (is_new) {
      groups_.push_back({.text = text});
    }
    groups_[known->second].members.push_back(member);
  }
  std::vector<MatchGroup> Take() { return std::move(groups_); }

 private:
  std::vector<MatchGroup> groups_;
  absl::flat_hash_map<std::string, size_t> index_;
};

std::string Dimensions(const std::vector<size_t>& dimensions) {
  return absl::StrCat(dimensions.size() == 1 ? "dimension " : "dimensions ",
                      absl::StrJoin(dimensions, " and "));
}

bool IsTransposed(const ShapeDifference& shape) {
  return shape.in_file.size() == 2 && shape.in_target.size() == 2 &&
         shape.in_file[0] == shape.in_target[1] &&
         shape.in_file[1] == shape.in_target[0];
}

// What all tensors have in common whose sizes are in one ratio: a width.
struct Ratio {
  int64_t file = 1;
  int64_t target = 1;
  friend auto operator<=>(const Ratio&, const Ratio&) = default;
};

// The ratio of all sizes that differ; nullopt where there are several, or none.
std::optional<Ratio> RatioOf(const ShapeDifference& shape) {
  std::optional<Ratio> ratio;
  for (size_t i = 0; i < shape.in_file.size(); ++i) {
    const int64_t a = shape.in_file[i];
    const int64_t b = shape.in_target[i];
    if (a == b) {
      continue;
    }
    const int64_t divisor = std::gcd(a, b);
    const Ratio here = {a / divisor, b / divisor};
    if (ratio && *ratio != here) {
      return std::nullopt;
    }
    ratio = here;
  }
  return ratio;
}

std::string RatioText(const Ratio& ratio) {
  constexpr int64_t kLargest = 64;
  if (ratio.target == 1 && ratio.file > 1) {
    return absl::StrCat("by factor ", ratio.file);
  }
  if (ratio.file == 1 && ratio.target > 1) {
    return absl::StrCat("by factor ", ratio.target);
  }
  if (ratio.file > 0 && ratio.target > 0 && ratio.file <= kLargest &&
      ratio.target <= kLargest) {
    return absl::StrCat("in the ratio ", ratio.file, " to ", ratio.target);
  }
  return "in size";
}

std::string RatioGroupText(absl::Span<const ShapeDifference> shapes,
                           const std::vector<size_t>& members,
                           const Ratio& ratio) {
  std::map<std::vector<size_t>, size_t> dimensions;
  std::map<std::pair<int64_t, int64_t>, size_t> sizes;
  for (const size_t member : members) {
    const ShapeDifference& shape = shapes[member];
    std::vector<size_t> differing;
    for (size_t i = 0; i < shape.in_file.size(); ++i) {
      if (shape.in_file[i] != shape.in_target[i]) {
        differing.push_back(i);
        ++sizes[{shape.in_file[i], shape.in_target[i]}];
      }
    }
    ++dimensions[differing];
  }
  const auto more = [](const auto& a, const auto& b) {
    return a.second < b.second;
  };
  const auto common = std::max_element(sizes.begin(), sizes.end(), more)->first;
  const std::string where =
      dimensions.size() == 1
          ? absl::StrCat(" in ", Dimensions(dimensions.begin()->first))
          : std::string();
  return absl::StrCat(RatioText(ratio), where, ": ", common.first,
                      " in the file, ", common.second, " in the target");
}

// "conv1" and "conv2" are two things, and no slip.
bool DifferInDigits(absl::string_view a, absl::string_view b) {
  const auto next_letter = [](absl::string_view text, size_t at) {
    while (at < text.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(text[at]))) {
      ++at;
    }
    return at;
  };
  size_t i = next_letter(a, 0);
  size_t j = next_letter(b, 0);
  while (i < a.size() && j < b.size() && a[i] == b[j]) {
    i = next_letter(a, i + 1);
    j = next_letter(b, j + 1);
  }
  return i == a.size() && j == b.size();
}

std::string OddText(const ShapeDifference& shape) {
  if (shape.in_file.size() != shape.in_target.size()) {
    return absl::StrCat(shape.in_file.size(), " dimensions in the file, ",
                        shape.in_target.size(), " in the target");
  }
  return "in several dimensions";
}

}  // namespace

StateDictMatch MatchStateDict(absl::Span<const TensorOutline> file,
                              absl::Span<const TensorOutline> target) {
  StateDictMatch match;
  // The last of each name.
  absl::flat_hash_map<absl::string_view, size_t> by_name;
  by_name.reserve(file.size());
  for (size_t i = 0; i < file.size(); ++i) {
    by_name[file[i].name] = i;
  }
  std::vector<bool> is_done(file.size(), false);
  absl::flat_hash_set<absl::string_view> missing;
  for (const TensorOutline& wanted : target) {
    const auto found = by_name.find(wanted.name);
    if (found == by_name.end()) {
      if (missing.insert(wanted.name).second) {
        match.missing.push_back(wanted.name);
      }
      continue;
    }
    if (is_done[found->second]) {
      continue;
    }
    is_done[found->second] = true;
    const TensorOutline& tensor = file[found->second];
    const bool is_scalar = wanted.shape.empty() && tensor.shape.size() == 1 &&
                           tensor.shape[0] == 1;
    if (is_scalar) {
      match.scalars.push_back(wanted.name);
    } else if (tensor.shape != wanted.shape ||
               tensor.is_tensor != wanted.is_tensor) {
      match.shapes.push_back({wanted.name, tensor.shape, wanted.shape});
      continue;
    }
    if (tensor.dtype != wanted.dtype && tensor.is_tensor) {
      match.dtypes.push_back({wanted.name, tensor.dtype, wanted.dtype});
    }
    ++match.matched;
  }
  const bool has_repeats = by_name.size() != file.size();
  for (size_t i = 0; i < file.size(); ++i) {
    const size_t last = has_repeats ? by_name.at(file[i].name) : i;
    if (!is_done[last]) {
      is_done[last] = true;
      match.unexpected.push_back(file[i].name);
    }
  }
  return match;
}

std::vector<MatchGroup> GroupShapes(absl::Span<const ShapeDifference> shapes) {
  std::map<Ratio, std::vector<size_t>> by_ratio;
  Groups odd;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (shapes[i].in_file.size() != shapes[i].in_target.size()) {
      odd.Add(OddText(shapes[i]), i);
    } else if (IsTransposed(shapes[i])) {
      odd.Add("transposed", i);
    } else if (const auto ratio = RatioOf(shapes[i])) {
      by_ratio[*ratio].push_back(i);
    } else {
      odd.Add(OddText(shapes[i]), i);
    }
  }
  std::vector<MatchGroup> groups = odd.Take();
  for (auto& [ratio, members] : by_ratio) {
    const std::string text = RatioGroupText(shapes, members, ratio);
    groups.push_back({.text = text, .members = std::move(members)});
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const MatchGroup& a, const MatchGroup& b) {
                     return a.members.size() > b.members.size();
                   });
  return groups;
}

std::vector<MatchGroup> GroupDTypes(
    absl::Span<const StateDictMatch::DTypeDifference> dtypes) {
  Groups groups;
  for (size_t i = 0; i < dtypes.size(); ++i) {
    groups.Add(absl::StrCat(DTypeName(dtypes[i].in_file), " in the file, ",
                            DTypeName(dtypes[i].in_target), " in the target"),
               i);
  }
  return groups.Take();
}

std::vector<MatchGroup> GroupNames(absl::Span<const std::string> names) {
  Groups groups;
  for (size_t i = 0; i < names.size(); ++i) {
    groups.Add(TemplateOf(names[i]).text, i);
  }
  std::vector<MatchGroup> result = groups.Take();
  for (MatchGroup& group : result) {
    if (group.members.size() == 1) {
      group.text = names[group.members[0]];
    }
  }
  return result;
}

std::vector<std::pair<size_t, size_t>> CloseNames(
    absl::Span<const std::string> unexpected,
    absl::Span<const std::string> missing) {
  // A name with one part taken out: those that are alike but for one part meet
  // in one of these.
  struct Hole {
    absl::string_view before;
    absl::string_view part;
    absl::string_view behind;
  };
  const auto for_each_hole = [](absl::string_view name, auto&& visit) {
    size_t start = 0;
    while (start <= name.size()) {
      const size_t end = std::min(name.find('.', start), name.size());
      const Hole hole = {.before = name.substr(0, start),
                         .part = name.substr(start, end - start),
                         .behind = name.substr(end)};
      if (!IsLayerNumber(hole.part)) {
        visit(hole);
      }
      start = end + 1;
    }
  };
  // The names that are alike but for a part, one behind the other.
  struct Holder {
    size_t name;
    absl::string_view part;
    int next;
  };
  struct Holders {
    int last = -1;
    int count = 0;
  };
  // Beyond as many no name is told from another by a slip.
  constexpr int kMaxHolders = 64;
  std::vector<Holder> holders;
  using Rest = std::pair<absl::string_view, absl::string_view>;
  absl::flat_hash_map<Rest, Holders> by_rest;
  if (!unexpected.empty()) {
    for (size_t i = 0; i < missing.size(); ++i) {
      for_each_hole(missing[i], [&](const Hole& hole) {
        Holders& at = by_rest[Rest(hole.before, hole.behind)];
        if (at.count < kMaxHolders) {
          holders.push_back({i, hole.part, at.last});
          at = {static_cast<int>(holders.size()) - 1, at.count + 1};
        }
      });
    }
  }
  std::vector<std::pair<size_t, size_t>> pairs;
  std::vector<int> partners(missing.size(), 0);
  for (size_t i = 0; i < unexpected.size() && !holders.empty(); ++i) {
    std::optional<size_t> partner;
    bool has_several = false;
    for_each_hole(unexpected[i], [&](const Hole& hole) {
      const auto at = by_rest.find(Rest(hole.before, hole.behind));
      if (at == by_rest.end()) {
        return;
      }
      for (int next = at->second.last; next >= 0; next = holders[next].next) {
        const auto& [name, part, before] = holders[next];
        // A short part is another word when two of its letters differ.
        constexpr size_t kLongPart = 6;
        const size_t limit = hole.part.size() >= kLongPart ? 2 : 1;
        if (std::min(hole.part.size(), part.size()) > 2 &&
            !DifferInDigits(hole.part, part) &&
            EditDistance(hole.part, part, limit) <= limit) {
          has_several = has_several || (partner && *partner != name);
          partner = name;
        }
      }
    });
    if (partner && !has_several) {
      pairs.emplace_back(i, *partner);
      ++partners[*partner];
    }
  }
  std::erase_if(pairs, [&partners](const std::pair<size_t, size_t>& pair) {
    return partners[pair.second] > 1;
  });
  return pairs;
}

}  // namespace hoist
