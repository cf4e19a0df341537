#include "hoist/tools/ui/other_contents.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/summary.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

constexpr size_t kMaxNameWidth = 40;
constexpr size_t kMaxTextWidth = 60;

bool IsOptimizerState(Value value) {
  const auto state = value.Find("state");
  const auto groups = value.Find("param_groups");
  return state && state->kind() == ValueKind::kDict && groups &&
         groups->kind() == ValueKind::kList;
}

bool IsCollection(ValueKind kind) {
  return kind == ValueKind::kDict || kind == ValueKind::kList ||
         kind == ValueKind::kTuple;
}

// Paths of optimizers' states, as far down as trainers put them.
absl::flat_hash_set<std::string> OptimizerPaths(Value root) {
  constexpr int kMaxDepth = 3;
  struct Visit {
    Value value;
    std::string path;
    int depth;
  };
  absl::flat_hash_set<std::string> paths;
  absl::flat_hash_set<ValueId> visited;
  std::vector<Visit> stack = {{root, "", 0}};
  while (!stack.empty()) {
    const Visit visit = std::move(stack.back());
    stack.pop_back();
    if (!visited.insert(visit.value.id()).second) {
      continue;
    }
    if (IsOptimizerState(visit.value)) {
      paths.insert(visit.path);
      continue;
    }
    if (visit.depth == kMaxDepth) {
      continue;
    }
    const bool is_dict = visit.value.kind() == ValueKind::kDict;
    for (size_t i = 0;
         IsCollection(visit.value.kind()) && i < visit.value.size(); ++i) {
      const Value child = is_dict ? visit.value.value(i) : visit.value[i];
      if (IsCollection(child.kind())) {
        stack.push_back({child,
                         absl::StrCat(visit.path, visit.depth > 0 ? "." : "",
                                      is_dict ? KeyName(visit.value.key(i))
                                              : absl::StrCat(i)),
                         visit.depth + 1});
      }
    }
  }
  return paths;
}

// Calls `take` with the starts of `name` that end at a "." or its end, the
// shortest first, until it returns true. A name with many parts is not looked
// at to its end.
template <typename Take>
void ForEachStart(absl::string_view name, Take take) {
  constexpr int kMaxParts = 16;
  size_t dot = 0;
  for (int i = 0; i < kMaxParts && dot != absl::string_view::npos; ++i) {
    dot = name.find('.', i == 0 ? 0 : dot + 1);
    if (take(name.substr(0, dot))) {
      return;
    }
  }
}

// The entries of the root that are no tensors: name and value.
std::vector<std::pair<std::string, Value>> RootEntries(Value root) {
  std::vector<std::pair<std::string, Value>> entries;
  const bool is_dict = root.kind() == ValueKind::kDict;
  for (size_t i = 0; IsCollection(root.kind()) && i < root.size(); ++i) {
    const Value value = is_dict ? root.value(i) : root[i];
    if (value.kind() != ValueKind::kTensor) {
      entries.emplace_back(is_dict ? KeyName(root.key(i)) : absl::StrCat(i),
                           value);
    }
  }
  return entries;
}

// The rows of `indices` by the root's entry that they are in.
absl::flat_hash_map<std::string, std::vector<int>> ByEntry(
    absl::Span<const TensorRow> rows, absl::Span<const int> indices,
    const absl::flat_hash_set<std::string>& entries) {
  absl::flat_hash_map<std::string, std::vector<int>> by_entry;
  for (const int index : indices) {
    ForEachStart(rows[index].name, [&](absl::string_view start) {
      const auto entry = entries.find(start);
      if (entry == entries.end()) {
        return false;
      }
      by_entry[*entry].push_back(index);
      return true;
    });
  }
  return by_entry;
}

}  // namespace

TensorsByUse SortByUse(const Catalog& catalog) {
  const auto paths = OptimizerPaths(catalog.root());
  TensorsByUse use;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const int index = static_cast<int>(i);
    bool is_optimizer = paths.contains("");
    if (!paths.empty() && !is_optimizer) {
      ForEachStart(catalog.tensors[i].name, [&](absl::string_view start) {
        is_optimizer = paths.contains(start);
        return is_optimizer;
      });
    }
    (is_optimizer ? use.optimizer : use.model).push_back(index);
  }
  return use;
}

std::vector<ContentLine> OtherContents(const Catalog& catalog,
                                       absl::Span<const TensorRow> rows,
                                       const TensorsByUse& use) {
  const Value root = catalog.root();
  std::vector<ContentLine> lines;
  if (!IsCollection(root.kind())) {
    if (root.kind() != ValueKind::kTensor) {
      lines.push_back({"(root)", ShortValueText(root, kMaxTextWidth)});
    }
    return lines;
  }
  const auto entries = RootEntries(root);
  if (entries.empty()) {
    return lines;
  }
  absl::flat_hash_set<std::string> names;
  for (const auto& [name, value] : entries) {
    names.insert(name);
  }
  const auto model = ByEntry(rows, use.model, names);
  const auto optimizer = ByEntry(rows, use.optimizer, names);
  for (const auto& [name, value] : entries) {
    const bool has_model_tensors = model.contains(name);
    const auto state = optimizer.find(name);
    std::string text;
    if (state != optimizer.end()) {
      const Summary summary = Summarize(rows, state->second);
      text = absl::StrCat(
          "optimizer state: ", CountText(summary.all.tensors, "tensor"), ", ",
          HumanBytes(static_cast<uint64_t>(summary.all.bytes)));
    } else if (IsOptimizerState(value)) {
      text = "optimizer state without tensors";
    } else if (!has_model_tensors || value.kind() == ValueKind::kOpaque) {
      text = ShortValueText(value, kMaxTextWidth);
    } else {
      continue;
    }
    lines.push_back({DisplayText(name, kMaxNameWidth), std::move(text)});
  }
  return lines;
}

}  // namespace hoist
