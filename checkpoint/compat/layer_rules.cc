#include "hoist/checkpoint/compat/layer_rules.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/compat/name_parts.h"

namespace hoist {
namespace {

// Of the layers under one start: by number, a sum over what is in each.
struct Content {
  uint64_t names = 0;  // of the names behind the number
  uint64_t shapes = 0;
};
using Layers = std::map<int64_t, Content>;

// Starts have `*` for the numbers before: "layers.", "layers.*.experts.".
using LayersByStart = std::map<std::string, Layers>;

uint64_t HashOf(absl::string_view text) {
  return std::hash<std::string_view>()({text.data(), text.size()});
}

// Of all of their bytes, as sums of weaker ones could be equal.
uint64_t HashOf(std::initializer_list<uint64_t> keys,
                absl::Span<const int64_t> sizes = {}) {
  absl::InlinedVector<uint64_t, 8> all(keys);
  all.insert(all.end(), sizes.begin(), sizes.end());
  return HashOf(absl::string_view(reinterpret_cast<const char*>(all.data()),
                                  all.size() * sizeof(uint64_t)));
}

LayersByStart FindLayers(absl::Span<const TensorOutline> tensors) {
  LayersByStart result;
  // The layer that the tensor before was in: most tensors are in the same.
  std::string last_start;
  int64_t last_number = 0;
  Content* last = nullptr;
  std::string start;   // as a template
  std::string others;  // the numbers before
  for (const TensorOutline& tensor : tensors) {
    const absl::string_view name = tensor.name;
    if (!IsPlainName(name)) {
      continue;
    }
    start.clear();
    others.clear();
    for (size_t at = 0; at < name.size();) {
      const size_t dot = std::min(name.find('.', at), name.size());
      const absl::string_view part = name.substr(at, dot - at);
      int64_t number = 0;
      if (IsLayerNumber(part) && absl::SimpleAtoi(part, &number)) {
        if (last == nullptr || number != last_number || start != last_start) {
          last = &result[start][number];
          last_start = start;
          last_number = number;
        }
        const uint64_t key = HashOf({HashOf(others), HashOf(name.substr(dot))});
        last->names += key;
        last->shapes += HashOf({key}, tensor.shape);
        start += "*.";
        others.append(part.data(), part.size());
        others += '.';
      } else {
        start.append(part.data(), part.size());
        start += '.';
      }
      at = dot + 1;
    }
  }
  return result;
}

// From number to number; nullopt where there is no such rule.
using Numbers = std::vector<std::pair<int64_t, int64_t>>;
std::optional<Numbers> Renumber(const Layers& file, const Layers& target) {
  if (file.size() != target.size()) {
    return std::nullopt;
  }
  Numbers numbers;
  bool is_same = true;
  for (auto a = file.begin(), b = target.begin(); a != file.end(); ++a, ++b) {
    if (a->second.names != b->second.names ||
        a->second.shapes != b->second.shapes) {
      return std::nullopt;
    }
    is_same = is_same && a->first == b->first;
    numbers.emplace_back(a->first, b->first);
  }
  return is_same ? std::nullopt : std::optional(std::move(numbers));
}

// An order in which no rule gives a name that a later one would take: there is
// one, as numbers keep their order.
Numbers InOrder(const Numbers& numbers) {
  Numbers down;
  Numbers up;
  for (const auto& pair : numbers) {
    if (pair.first > pair.second) {
      down.push_back(pair);
    } else if (pair.first < pair.second) {
      up.push_back(pair);
    }
  }
  std::reverse(up.begin(), up.end());
  down.insert(down.end(), up.begin(), up.end());
  return down;
}

// "^layers\.(\d+)\.experts\.3(\.|$)"
std::string PatternOf(const std::string& start, int64_t number) {
  return absl::StrCat("^", TemplateRegex(start), number, "(\\.|$)");
}

std::string ReplacementOf(const std::string& start, int64_t number) {
  const auto groups = std::count(start.begin(), start.end(), '*');
  return absl::StrCat(TemplateFill(start), number, "\\", groups + 1);
}

void AddRules(const std::string& start, const Numbers& numbers,
              RuleDraft& draft) {
  constexpr int kMaxGroups = 9;
  if (std::count(start.begin(), start.end(), '*') >= kMaxGroups) {
    return;
  }
  const std::map<int64_t, int64_t> changes(numbers.begin(), numbers.end());
  std::map<int64_t, size_t> counts;
  RuleDraft::Renames renames;
  const size_t depth = std::count(start.begin(), start.end(), '.');
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const absl::string_view name = draft.tensors()[i].name;
    size_t at = 0;
    for (size_t part = 0; part < depth && at != absl::string_view::npos;
         ++part) {
      at = name.find('.', at);
      at = at == absl::string_view::npos ? at : at + 1;
    }
    if (at == absl::string_view::npos ||
        TemplateOf(name.substr(0, at)).text != start) {
      continue;
    }
    const size_t end = std::min(name.find('.', at), name.size());
    int64_t number = 0;
    if (!IsLayerNumber(name.substr(at, end - at)) ||
        !absl::SimpleAtoi(name.substr(at, end - at), &number)) {
      continue;
    }
    const auto change = changes.find(number);
    if (change != changes.end() && change->second != number) {
      ++counts[number];
      renames.emplace_back(i, absl::StrCat(name.substr(0, at), change->second,
                                           name.substr(end)));
    }
  }
  if (renames.empty() || !draft.CanRename(renames)) {
    return;
  }
  std::vector<CompatRule> rules;
  for (const auto& [from, to] : InOrder(numbers)) {
    CompatRule rule;
    rule.kind = CompatRule::Kind::kRename;
    if (absl::StrContains(start, '*')) {
      rule.pattern = PatternOf(start, from);
      rule.to = ReplacementOf(start, to);
      rule.is_regex = true;
    } else {
      rule.pattern = absl::StrCat(start, from);
      rule.to = absl::StrCat(start, to);
    }
    rule.issue = CompatIssue::kLayerNumbers;
    rule.tensors = counts[from];
    rules.push_back(std::move(rule));
  }
  draft.Rename(renames, std::move(rules));
}

std::string Range(const Layers& layers) {
  return layers.size() == 1
             ? absl::StrCat("layer ", layers.begin()->first)
             : absl::StrCat(layers.size(), " layers, ", layers.begin()->first,
                            " to ", layers.rbegin()->first);
}

}  // namespace

void AddLayerRules(RuleDraft& draft) {
  // Outer numbers are in the names of what is inside.
  constexpr int kMaxRounds = 4;
  if (draft.Unexpected().empty() && draft.Missing().empty()) {
    return;  // the same names have the same numbers
  }
  const LayersByStart target = FindLayers(draft.target());
  for (int round = 0; round < kMaxRounds; ++round) {
    const LayersByStart file = FindLayers(draft.tensors());
    const size_t before = draft.rules().size();
    for (const auto& [start, layers] : file) {
      const auto wanted = target.find(start);
      if (wanted == target.end()) {
        continue;
      }
      if (const auto numbers = Renumber(layers, wanted->second)) {
        AddRules(start, *numbers, draft);
        if (draft.rules().size() > before) {
          break;
        }
      }
    }
    if (draft.rules().size() == before) {
      for (const auto& [start, layers] : file) {
        const auto wanted = target.find(start);
        // What is inside of such layers says the same again.
        if (wanted != target.end() && layers.size() != wanted->second.size() &&
            !absl::StrContains(start, '*')) {
          draft.AddNote(CompatIssue::kLayerCount,
                        absl::StrCat(start, "*: the file has ", Range(layers),
                                     "; the target ", Range(wanted->second)));
        }
      }
      return;
    }
  }
}

}  // namespace hoist
