#include "hoist/tools/ui/layer_tree.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/tools/ui/saturating_math.h"

namespace hoist {
namespace {

// A tensor on its way down the tree.
struct Item {
  absl::string_view rest;  // of its name
  int index;
  absl::string_view part;  // the first of `rest`
};

// Takes the first part of each item's rest, and moves items with equal ones
// beside each other, in the order of the first of them. Returns how many
// different parts there are.
size_t GroupByPart(absl::Span<Item> items, int depth) {
  bool is_one_group = true;
  for (Item& item : items) {
    const size_t dot = depth + 1 < kMaxLayerDepth ? item.rest.find('.')
                                                  : absl::string_view::npos;
    item.part = item.rest.substr(0, dot);
    is_one_group = is_one_group && item.part == items[0].part;
  }
  // As most are: a layer with a weight alone.
  if (is_one_group) {
    return 1;
  }
  absl::flat_hash_map<absl::string_view, size_t> group_of;
  std::vector<size_t> groups(items.size());
  bool is_grouped = true;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && items[i].part == items[i - 1].part) {
      groups[i] = groups[i - 1];
      continue;
    }
    const auto [group, is_new] =
        group_of.try_emplace(items[i].part, group_of.size());
    groups[i] = group->second;
    is_grouped = is_grouped && is_new;
  }
  if (!is_grouped) {
    std::vector<std::pair<size_t, Item>> sorted;
    sorted.reserve(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      sorted.emplace_back(groups[i], items[i]);
    }
    std::stable_sort(
        sorted.begin(), sorted.end(),
        [](const auto& x, const auto& y) { return x.first < y.first; });
    for (size_t i = 0; i < items.size(); ++i) {
      items[i] = sorted[i].second;
    }
  }
  return group_of.size();
}

// The nodes below which `items` are; changes these.
std::vector<LayerNode> Build(absl::Span<Item> items, int depth) {
  std::vector<LayerNode> nodes;
  if (items.empty()) {
    return nodes;
  }
  nodes.reserve(GroupByPart(items, depth));
  for (size_t first = 0; first < items.size();) {
    const absl::string_view part = items[first].part;
    LayerNode& node = nodes.emplace_back();
    node.label = std::string(part);
    size_t below = first;
    size_t end = first;
    for (; end < items.size() && items[end].part == part; ++end) {
      const Item item = items[end];
      if (item.rest.size() == part.size()) {
        node.tensors.push_back(item.index);
      } else {
        items[below++] = {.rest = item.rest.substr(part.size() + 1),
                          .index = item.index};
      }
    }
    node.children = Build(items.subspan(first, below - first), depth + 1);
    first = end;
  }
  return nodes;
}

// A label as text and a number at its end: "layer_07" is "layer_" and 7.
struct NumberedLabel {
  absl::string_view prefix;
  absl::string_view digits;
  int64_t number;
};

std::optional<NumberedLabel> ParseNumbered(absl::string_view label) {
  size_t digits_at = label.size();
  while (digits_at > 0 && absl::ascii_isdigit(label[digits_at - 1])) {
    --digits_at;
  }
  NumberedLabel numbered{.prefix = label.substr(0, digits_at),
                         .digits = label.substr(digits_at)};
  if (!absl::SimpleAtoi(numbered.digits, &numbered.number)) {
    return std::nullopt;
  }
  return numbered;
}

// Writers sort names as text, which puts layer 10 before layer 2.
void SortNumbered(std::vector<LayerNode>& children) {
  std::vector<std::pair<int64_t, size_t>> order;
  absl::string_view prefix;
  for (size_t i = 0; i < children.size(); ++i) {
    const auto numbered = ParseNumbered(children[i].label);
    if (!numbered || (i > 0 && numbered->prefix != prefix)) {
      return;
    }
    prefix = numbered->prefix;
    order.emplace_back(numbered->number, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<LayerNode> sorted;
  sorted.reserve(children.size());
  for (const auto& [number, i] : order) {
    sorted.push_back(std::move(children[i]));
  }
  children = std::move(sorted);
}

// Whether all below two nodes is equal. Both are folded already.
bool AreEqualBelow(const LayerNode& a, const LayerNode& b,
                   absl::Span<const TensorRow> rows) {
  const auto equal_tensors = [rows](int i, int j) {
    const TensorRow& first = rows[i];
    const TensorRow& second = rows[j];
    return first.dtype == second.dtype && first.shape == second.shape &&
           first.has_data == second.has_data &&
           first.is_buffer == second.is_buffer &&
           first.tied_to.has_value() == second.tied_to.has_value();
  };
  const auto equal_children = [rows](const LayerNode& x, const LayerNode& y) {
    return x.label == y.label && x.repeats == y.repeats &&
           AreEqualBelow(x, y, rows);
  };
  return std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(),
                    b.tensors.end(), equal_tensors) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(),
                    b.children.end(), equal_children);
}

// The numbers of a fold: "0-3", "0,2,4", "0-3,8-11".
std::string RangeLabel(absl::string_view prefix,
                       const std::vector<NumberedLabel>& labels) {
  constexpr size_t kMaxRanges = 4;
  std::vector<std::string> ranges;
  for (size_t first = 0; first < labels.size();) {
    size_t last = first;
    while (last + 1 < labels.size() &&
           labels[last + 1].number == labels[last].number + 1) {
      ++last;
    }
    ranges.push_back(std::string(labels[first].digits));
    if (last > first) {
      absl::StrAppend(&ranges.back(), "-", labels[last].digits);
    }
    first = last + 1;
  }
  if (ranges.size() > kMaxRanges) {
    ranges.erase(ranges.begin() + kMaxRanges - 1, ranges.end() - 1);
    ranges.insert(ranges.end() - 1, "...");
  }
  std::string text(prefix);
  for (size_t i = 0; i < ranges.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", ranges[i]);
  }
  return text;
}

// Whether `next` continues a fold that `last` ends. Gaps are for plain numbers
// (an nn.Sequential has layers without tensors); elsewhere the number may be
// part of a name, as in "fp32".
bool IsNext(const NumberedLabel& last, const NumberedLabel& next) {
  return next.prefix == last.prefix && next.number > last.number &&
         (last.prefix.empty() || next.number - last.number == 1);
}

void FoldChildren(LayerNode& node, absl::Span<const TensorRow> rows) {
  for (LayerNode& child : node.children) {
    FoldChildren(child, rows);
  }
  if (node.children.size() < 2) {
    return;
  }
  SortNumbered(node.children);
  std::vector<LayerNode> folded;
  std::vector<LayerNode>& children = node.children;
  for (size_t first = 0; first < children.size();) {
    std::vector<NumberedLabel> labels;
    if (const auto numbered = ParseNumbered(children[first].label)) {
      labels.push_back(*numbered);
    }
    size_t end = first + 1;
    for (; !labels.empty() && end < children.size(); ++end) {
      const auto next = ParseNumbered(children[end].label);
      if (!next || !IsNext(labels.back(), *next) ||
          !AreEqualBelow(children[first], children[end], rows)) {
        break;
      }
      labels.push_back(*next);
    }
    std::string label = labels.size() > 1 ? RangeLabel(labels[0].prefix, labels)
                                          : children[first].label;
    folded.push_back(std::move(children[first]));
    folded.back().label = std::move(label);
    folded.back().repeats = static_cast<int>(end - first);
    first = end;
  }
  children = std::move(folded);
}

void Count(LayerNode& node, absl::Span<const TensorRow> rows) {
  for (const int tensor : node.tensors) {
    node.tensor_count += 1;
    node.parameter_count =
        SaturatingAdd(node.parameter_count, ParameterCount(rows[tensor]));
  }
  for (LayerNode& child : node.children) {
    Count(child, rows);
    node.tensor_count += child.repeats * child.tensor_count;
    node.parameter_count =
        SaturatingAdd(node.parameter_count,
                      SaturatingMul(child.repeats, child.parameter_count));
  }
}

// Makes one node of a layer and its only child.
void JoinChains(LayerNode& node) {
  for (LayerNode& child : node.children) {
    JoinChains(child);
    if (!child.tensors.empty() || child.children.size() != 1) {
      continue;
    }
    LayerNode only = std::move(child.children[0]);
    if (child.repeats > 1 && only.repeats > 1) {
      child.children[0] = std::move(only);
      continue;
    }
    only.label = absl::StrCat(child.label, ".", only.label);
    // What one of the two repeats stands for is the same.
    only.repeats *= child.repeats;
    child = std::move(only);
  }
}

}  // namespace

LayerNode BuildLayerTree(absl::Span<const TensorRow> rows,
                         absl::Span<const int> shown) {
  std::vector<Item> items;
  items.reserve(shown.size());
  for (const int index : shown) {
    items.push_back({.rest = rows[index].name, .index = index});
  }
  LayerNode root{.children = Build(absl::MakeSpan(items), 0)};
  FoldChildren(root, rows);
  Count(root, rows);
  JoinChains(root);
  return root;
}

}  // namespace hoist
