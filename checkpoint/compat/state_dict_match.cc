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
  const auto letters = [](absl::string_view text) {
    std::string result;
    for (const char byte : text) {
      if (!absl::ascii_isdigit(static_cast<unsigned char>(byte))) {
        result.push_back(byte);
      }
    }
    return result;
  };
  return letters(a) == letters(b);
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
  absl::flat_hash_map<absl::string_view, const TensorOutline*> by_name;
  by_name.reserve(file.size());
  for (const TensorOutline& tensor : file) {
    by_name[tensor.name] = &tensor;
  }
  absl::flat_hash_set<absl::string_view> expected;
  expected.reserve(target.size());
  for (const TensorOutline& wanted : target) {
    if (!expected.insert(wanted.name).second) {
      continue;
    }
    const auto found = by_name.find(wanted.name);
    if (found == by_name.end()) {
      match.missing.push_back(wanted.name);
      continue;
    }
    const TensorOutline& tensor = *found->second;
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
  absl::flat_hash_set<absl::string_view> seen;
  for (const TensorOutline& tensor : file) {
    if (!expected.contains(tensor.name) && seen.insert(tensor.name).second) {
      match.unexpected.push_back(tensor.name);
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
  // Names with one part taken out, and that part: those that are alike but for
  // one part meet here.
  struct Hole {
    size_t name;
    absl::string_view part;
  };
  const auto for_each_hole = [](const std::string& name, auto&& visit) {
    size_t start = 0;
    while (start <= name.size()) {
      const size_t end = std::min(name.find('.', start), name.size());
      const absl::string_view part(name.data() + start, end - start);
      if (!IsLayerNumber(part)) {
        visit(absl::StrCat(name.substr(0, start), "\n", name.substr(end)),
              part);
      }
      start = end + 1;
    }
  };
  // Beyond as many no name is told from another by a slip.
  constexpr size_t kMaxHoles = 64;
  absl::flat_hash_map<std::string, std::vector<Hole>> holes;
  for (size_t i = 0; i < missing.size(); ++i) {
    for_each_hole(missing[i], [&](std::string rest, absl::string_view part) {
      std::vector<Hole>& at = holes[std::move(rest)];
      if (at.size() < kMaxHoles) {
        at.push_back({i, part});
      }
    });
  }
  std::vector<std::pair<size_t, size_t>> pairs;
  std::vector<int> partners(missing.size(), 0);
  for (size_t i = 0; i < unexpected.size(); ++i) {
    std::optional<size_t> partner;
    bool has_several = false;
    for_each_hole(
        unexpected[i], [&](const std::string& rest, absl::string_view part) {
          const auto at = holes.find(rest);
          if (at == holes.end()) {
            return;
          }
          for (const Hole& hole : at->second) {
            // A short part is another word when two of its letters differ.
            constexpr size_t kLongPart = 6;
            const size_t limit = part.size() >= kLongPart ? 2 : 1;
            if (std::min(part.size(), hole.part.size()) > 2 &&
                !DifferInDigits(part, hole.part) &&
                EditDistance(part, hole.part, limit) <= limit) {
              has_several = has_several || (partner && *partner != hole.name);
              partner = hole.name;
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
