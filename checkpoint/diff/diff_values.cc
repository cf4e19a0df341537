#include "hoist/checkpoint/diff/diff_values.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kMaxVisits = 10'000'000;
// Of a path, and of each of its parts, that is longer only the end is told.
constexpr size_t kMaxParts = 64;
constexpr size_t kMaxPartBytes = 256;

bool IsContainer(ValueKind kind) {
  return kind == ValueKind::kList || kind == ValueKind::kTuple ||
         kind == ValueKind::kDict || kind == ValueKind::kSet;
}

std::string KeyText(Value key) {
  std::string text = key.kind() == ValueKind::kString
                         ? std::string(key.AsString())
                         : ValueText(key);
  if (text.size() > kMaxPartBytes) {
    text.resize(kMaxPartBytes);
    text += "...";
  }
  return text;
}

// The same text for equal values of those that are no objects.
std::string ScalarText(Value value) {
  const std::string kind = absl::StrCat(static_cast<int>(value.kind()), " ");
  switch (value.kind()) {
    case ValueKind::kString:
    case ValueKind::kBytes:
    case ValueKind::kBigInt:
    case ValueKind::kClass:
      return absl::StrCat(kind, value.AsString());
    case ValueKind::kFloat: {
      // All NaNs are alike.
      const double number = value.AsFloat();
      return absl::StrCat(kind, FloatText(number));
    }
    case ValueKind::kComplex:
      return absl::StrCat(kind, ComplexText(value.AsComplex()));
    case ValueKind::kNone:
    case ValueKind::kBool:
    case ValueKind::kInt:
      return absl::StrCat(kind, ValueText(value));
    default:
      return absl::StrCat(kind, value.ClassName());
  }
}

// Of a dict's key, which is a scalar or a tuple of some mostly.
std::string KeyIdentity(Value key) {
  if (key.kind() != ValueKind::kTuple) {
    return ScalarText(key);
  }
  std::vector<std::string> parts;
  for (size_t i = 0; i < key.size(); ++i) {
    const std::string part = ScalarText(key[i]);
    parts.push_back(absl::StrCat(part.size(), ":", part));
  }
  return absl::StrCat("(", absl::StrJoin(parts, ","), ")");
}

// Whether the keys of two dicts are the same text, one by one: of state dicts
// they mostly are, and then nothing has to be looked up.
bool HasSameKeys(Value a, Value b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    const Value key_a = a.key(i);
    const Value key_b = b.key(i);
    if (key_a.kind() != ValueKind::kString ||
        key_b.kind() != ValueKind::kString ||
        key_a.AsString() != key_b.AsString()) {
      return false;
    }
  }
  return true;
}

bool HasSameClass(Value a, Value b) {
  const bool is_own = a.type().kind() == ValueKind::kNone &&
                      b.type().kind() == ValueKind::kNone;
  return (is_own && a.kind() == b.kind()) || a.ClassName() == b.ClassName();
}

// A part of a path, which is text only where it is told.
class Part {
 public:
  Part() = default;
  static Part OfItem(size_t index) {
    Part part;
    part.index_ = index;
    return part;
  }
  static Part OfEntry(Value key) {
    Part part;
    part.key_ = key;
    return part;
  }
  // Of a key that is compared itself.
  static Part OfKey(Value key) {
    Part part = OfEntry(key);
    part.is_key_ = true;
    return part;
  }

  std::string Text() const {
    if (!key_) {
      return index_ ? absl::StrCat(*index_) : "";
    }
    return absl::StrCat(KeyText(*key_), is_key_ ? " (key)" : "");
  }

 private:
  std::optional<Value> key_;
  std::optional<size_t> index_;
  bool is_key_ = false;
};

class ValueComparison {
 public:
  ValueComparison(const Catalog& a, const Catalog& b) : a_(a), b_(b) {}

  absl::StatusOr<ValuesDiff> Run();

 private:
  // Where two values are: what is above, and the part of the path from there.
  struct Place {
    int64_t parent = -1;
    Part part;
  };
  struct Step {
    int64_t place;
    ValueId a;
    ValueId b;
  };

  std::string PathOf(int64_t place, const Part& part) const;
  ValueDiff DiffAt(int64_t place, const Part& part, std::optional<ValueId> a,
                   std::optional<ValueId> b) const;
  void Add(int64_t place, const Part& part, std::optional<ValueId> a,
           std::optional<ValueId> b);
  void AddOneSided(int64_t place, const Part& part, std::optional<ValueId> a,
                   std::optional<ValueId> b);
  bool HasMoreThanTensors(const Catalog& catalog, ValueId root,
                          absl::flat_hash_set<ValueId>& without);
  void Push(int64_t parent, const Part& part, Value a, Value b);
  void Compare(const Step& step);
  void CompareStates(int64_t place, Value a, Value b);
  void CompareItems(int64_t place, Value a, Value b);
  std::vector<std::pair<size_t, size_t>> CommonEntries(int64_t place, Value a,
                                                       Value b);
  void CompareDicts(int64_t place, Value a, Value b);
  void CompareSets(int64_t place, Value a, Value b);
  void CompareStorages(int64_t place, Value a, Value b);

  const Catalog& a_;
  const Catalog& b_;
  ValuesDiff diff_;
  std::vector<Place> places_;
  std::vector<Step> next_;  // of the values being compared, the last first
  absl::flat_hash_set<std::pair<ValueId, ValueId>> seen_;
  // Values below which there are only tensors.
  absl::flat_hash_set<ValueId> only_tensors_a_;
  absl::flat_hash_set<ValueId> only_tensors_b_;
};

std::string ValueComparison::PathOf(int64_t place, const Part& part) const {
  std::vector<std::string> parts;
  const auto add = [&parts](const Part& one) {
    std::string text = one.Text();
    if (!text.empty()) {
      parts.push_back(std::move(text));
    }
  };
  add(part);
  for (; place >= 0; place = places_[place].parent) {
    if (parts.size() == kMaxParts) {
      parts.push_back("...");
      break;
    }
    add(places_[place].part);
  }
  std::reverse(parts.begin(), parts.end());
  return absl::StrJoin(parts, ".");
}

ValueDiff ValueComparison::DiffAt(int64_t place, const Part& part,
                                  std::optional<ValueId> a,
                                  std::optional<ValueId> b) const {
  return {.path = PathOf(place, part), .a = a, .b = b};
}

void ValueComparison::Add(int64_t place, const Part& part,
                          std::optional<ValueId> a, std::optional<ValueId> b) {
  ++diff_.count;
  if (static_cast<int64_t>(diff_.values.size()) < kMaxValueDiffs) {
    diff_.values.push_back(DiffAt(place, part, a, b));
  }
}

void ValueComparison::AddOneSided(int64_t place, const Part& part,
                                  std::optional<ValueId> a,
                                  std::optional<ValueId> b) {
  if (a ? HasMoreThanTensors(a_, *a, only_tensors_a_)
        : HasMoreThanTensors(b_, *b, only_tensors_b_)) {
    Add(place, part, a, b);
  }
}

bool ValueComparison::HasMoreThanTensors(
    const Catalog& catalog, ValueId root,
    absl::flat_hash_set<ValueId>& without) {
  if (catalog.values->node(root).kind == ValueKind::kTensor) {
    return false;
  }
  std::vector<ValueId> next = {root};
  absl::flat_hash_set<ValueId> visited;
  while (!next.empty()) {
    const Value value(catalog.values.get(), next.back());
    next.pop_back();
    if (value.kind() == ValueKind::kTensor || without.contains(value.id()) ||
        !visited.insert(value.id()).second) {
      continue;
    }
    if (!IsContainer(value.kind()) || value.size() == 0) {
      return true;
    }
    for (size_t i = 0; i < value.size(); ++i) {
      next.push_back(value.kind() == ValueKind::kDict ? value.value(i).id()
                                                      : value[i].id());
    }
  }
  without.insert(visited.begin(), visited.end());
  return false;
}

void ValueComparison::Push(int64_t parent, const Part& part, Value a, Value b) {
  if (seen_.contains({a.id(), b.id()})) {
    return;
  }
  places_.push_back({parent, part});
  next_.push_back({static_cast<int64_t>(places_.size()) - 1, a.id(), b.id()});
}

void ValueComparison::CompareStates(int64_t place, Value a, Value b) {
  const bool has_a = a.state().kind() != ValueKind::kNone;
  const bool has_b = b.state().kind() != ValueKind::kNone;
  if (has_a && has_b) {
    Push(place, {}, a.state(), b.state());
  } else if (has_a != has_b) {
    if (IsContainer(a.kind()) || a.kind() == ValueKind::kTensor) {
      ++diff_.one_sided_states;
    } else {
      Add(place, {}, a.id(), b.id());
    }
  }
}

void ValueComparison::CompareItems(int64_t place, Value a, Value b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = common; i < a.size(); ++i) {
    AddOneSided(place, Part::OfItem(i), a[i].id(), std::nullopt);
  }
  for (size_t i = common; i < b.size(); ++i) {
    AddOneSided(place, Part::OfItem(i), std::nullopt, b[i].id());
  }
  for (size_t i = common; i-- > 0;) {
    Push(place, Part::OfItem(i), a[i], b[i]);
  }
}

// The entries of two dicts that have one key; what only one has is added.
std::vector<std::pair<size_t, size_t>> ValueComparison::CommonEntries(
    int64_t place, Value a, Value b) {
  std::vector<std::pair<size_t, size_t>> common;
  common.reserve(std::min(a.size(), b.size()));
  if (HasSameKeys(a, b)) {
    for (size_t i = 0; i < a.size(); ++i) {
      common.emplace_back(i, i);
    }
    return common;
  }
  // Entries of B by their keys, those of equal ones in their order.
  absl::flat_hash_map<std::string, std::vector<size_t>> by_key;
  by_key.reserve(b.size());
  for (size_t i = b.size(); i-- > 0;) {
    by_key[KeyIdentity(b.key(i))].push_back(i);
  }
  std::vector<bool> is_taken(b.size(), false);
  for (size_t i = 0; i < a.size(); ++i) {
    const auto entries = by_key.find(KeyIdentity(a.key(i)));
    if (entries == by_key.end() || entries->second.empty()) {
      AddOneSided(place, Part::OfEntry(a.key(i)), a.value(i).id(),
                  std::nullopt);
      continue;
    }
    common.emplace_back(i, entries->second.back());
    is_taken[entries->second.back()] = true;
    entries->second.pop_back();
  }
  for (size_t i = 0; i < b.size(); ++i) {
    if (!is_taken[i]) {
      AddOneSided(place, Part::OfEntry(b.key(i)), std::nullopt,
                  b.value(i).id());
    }
  }
  return common;
}

void ValueComparison::CompareDicts(int64_t place, Value a, Value b) {
  const auto common = CommonEntries(place, a, b);
  for (auto entry = common.rbegin(); entry != common.rend(); ++entry) {
    const Value key = a.key(entry->first);
    if (key.kind() == ValueKind::kOpaque || IsContainer(key.kind())) {
      Push(place, Part::OfKey(key), key, b.key(entry->second));
    }
    Push(place, Part::OfEntry(key), a.value(entry->first),
         b.value(entry->second));
  }
}

void ValueComparison::CompareSets(int64_t place, Value a, Value b) {
  const auto texts = [](Value set) {
    std::vector<std::string> items;
    for (size_t i = 0; i < set.size(); ++i) {
      items.push_back(KeyIdentity(set[i]));
    }
    std::sort(items.begin(), items.end());
    return items;
  };
  if (texts(a) != texts(b)) {
    Add(place, {}, a.id(), b.id());
  }
}

void ValueComparison::CompareStorages(int64_t place, Value a, Value b) {
  const StorageEntry& entry_a = a_.storages[a.AsIndex()];
  const StorageEntry& entry_b = b_.storages[b.AsIndex()];
  if (entry_a.size_bytes != entry_b.size_bytes || !HasSameClass(a, b)) {
    Add(place, {}, a.id(), b.id());
    return;
  }
  diff_.storages.push_back(
      {DiffAt(place, {}, a.id(), b.id()), a.AsIndex(), b.AsIndex()});
}

void ValueComparison::Compare(const Step& step) {
  const Value a(a_.values.get(), step.a);
  const Value b(b_.values.get(), step.b);
  if (a.kind() != b.kind()) {
    Add(step.place, {}, a.id(), b.id());
    return;
  }
  if (IsContainer(a.kind()) || a.kind() == ValueKind::kTensor) {
    diff_.other_classes += HasSameClass(a, b) ? 0 : 1;
  }
  switch (a.kind()) {
    case ValueKind::kDict:
      CompareDicts(step.place, a, b);
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      CompareItems(step.place, a, b);
      break;
    case ValueKind::kSet:
      CompareSets(step.place, a, b);
      break;
    case ValueKind::kOpaque:
      if (!HasSameClass(a, b)) {
        Add(step.place, {}, a.id(), b.id());
        return;
      }
      CompareItems(step.place, a, b);
      break;
    case ValueKind::kStorage:
      CompareStorages(step.place, a, b);
      return;
    case ValueKind::kTensor:
      break;  // by its name
    default:
      if (ScalarText(a) != ScalarText(b) || !HasSameClass(a, b)) {
        Add(step.place, {}, a.id(), b.id());
        return;
      }
  }
  CompareStates(step.place, a, b);
}

absl::StatusOr<ValuesDiff> ValueComparison::Run() {
  if (a_.values == nullptr || b_.values == nullptr) {
    return diff_;
  }
  Push(-1, {}, a_.root(), b_.root());
  while (!next_.empty()) {
    const Step step = next_.back();
    next_.pop_back();
    if (!seen_.insert({step.a, step.b}).second) {
      continue;
    }
    if (seen_.size() > kMaxVisits) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "Values contain each other in so many ways that more than ",
          kMaxVisits, " comparisons are not enough"));
    }
    Compare(step);
  }
  return std::move(diff_);
}

}  // namespace

absl::StatusOr<ValuesDiff> DiffValues(const Catalog& a, const Catalog& b) {
  return ValueComparison(a, b).Run();
}

}  // namespace hoist
