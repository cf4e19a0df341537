#include "hoist/checkpoint/formats/native/native_values.h"

#include <algorithm>
#include <complex>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Node = ValueGraph::Node;

// None, False and True are in every graph, and in no table.
constexpr ValueId kFirstId = 3;
constexpr uint8_t kHasType = 1;
constexpr uint8_t kHasState = 2;
constexpr uint8_t kIsNew = 4;
constexpr size_t kMinRecordBytes = 2;
constexpr size_t kMaxTextBytes = std::numeric_limits<uint32_t>::max();

// The numbers of kinds in files, which stay.
uint8_t KindNumber(ValueKind kind) {
  static_assert(static_cast<uint8_t>(ValueKind::kNone) == 0 &&
                static_cast<uint8_t>(ValueKind::kString) == 6 &&
                static_cast<uint8_t>(ValueKind::kDict) == 10 &&
                static_cast<uint8_t>(ValueKind::kOpaque) == 15);
  return static_cast<uint8_t>(kind);
}
constexpr uint8_t kKindCount = 16;

const ValueGraph::Items* ItemsOf(const Node& node) {
  return std::get_if<ValueGraph::Items>(&node.data);
}

// The values that a root leads to, and the ids they get.
class Numbering {
 public:
  Numbering(const ValueGraph& values, ValueId root_id) {
    new_ids_ = {{ValueGraph::kNoneId, ValueGraph::kNoneId},
                {ValueGraph::kFalseId, ValueGraph::kFalseId},
                {ValueGraph::kTrueId, ValueGraph::kTrueId}};
    std::vector<ValueId> stack = {root_id};
    while (!stack.empty()) {
      const ValueId id = stack.back();
      stack.pop_back();
      const auto next = static_cast<ValueId>(new_ids_.size());
      if (!new_ids_.try_emplace(id, next).second) {
        continue;
      }
      old_ids_.push_back(id);
      const Node& node = values.node(id);
      if (const ValueGraph::Items* const items = ItemsOf(node)) {
        stack.insert(stack.end(), items->rbegin(), items->rend());
      }
      stack.push_back(node.state);
      stack.push_back(node.type);
    }
  }

  // In the order of their new ids, from kFirstId on.
  const std::vector<ValueId>& old_ids() const { return old_ids_; }
  ValueId NewId(ValueId id) const { return new_ids_.at(id); }

 private:
  absl::flat_hash_map<ValueId, ValueId> new_ids_;
  std::vector<ValueId> old_ids_;
};

using ClassNames =
    absl::flat_hash_map<ValueId, std::pair<std::string, std::string>>;

// Module and name of every class: those that AddClass() was called for have
// risen in the order of their ids.
ClassNames NamesOfClasses(const ValueGraph& values) {
  ClassNames names;
  size_t next = 0;
  for (size_t id = 0; id < values.size(); ++id) {
    if (values.node(static_cast<ValueId>(id)).kind == ValueKind::kClass) {
      HOIST_CHECK(next < values.class_names().size());
      names[static_cast<ValueId>(id)] = values.class_names()[next++];
    }
  }
  return names;
}

struct PutData {
  const Numbering& numbering;
  ByteSink& sink;

  void operator()(std::monostate) const {}
  void operator()(int64_t number) const { sink.Put(number); }
  void operator()(double number) const { sink.PutDouble(number); }
  void operator()(const std::complex<double>& number) const {
    sink.PutDouble(number.real());
    sink.PutDouble(number.imag());
  }
  void operator()(const std::string& text) const { sink.PutText(text); }
  void operator()(const ValueGraph::Items& items) const {
    sink.Put(static_cast<uint32_t>(items.size()));
    for (const ValueId id : items) {
      sink.Put(numbering.NewId(id));
    }
  }
};

absl::Status CheckFits(const Node& node) {
  const std::string* const text = std::get_if<std::string>(&node.data);
  const ValueGraph::Items* const items = ItemsOf(node);
  if ((text != nullptr && text->size() > kMaxTextBytes) ||
      (items != nullptr && items->size() > kMaxTextBytes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A value has more than ", kMaxTextBytes, " bytes or items"));
  }
  return absl::OkStatus();
}

// Reads the records of one table.
class Table {
 public:
  Table(const NativeValueCounts& counts, size_t tensor_count,
        size_t storage_count, ByteCursor& cursor, ValueGraph& values)
      : end_id_(uint64_t{kFirstId} + counts.value_count),
        tensor_count_(static_cast<int64_t>(tensor_count)),
        storage_count_(static_cast<int64_t>(storage_count)),
        cursor_(cursor),
        values_(values) {}

  absl::Status Read();

 private:
  absl::Status ReadRecord();
  // The class of the next record; kNoneId if it was there before.
  ValueId TakeClass();
  absl::Status TakeData(ValueKind kind, Node& node);
  absl::Status TakeItems(ValueKind kind, Node& node);
  absl::Status Damaged(absl::string_view what) const {
    return absl::DataLossError(
        absl::StrCat("Value ", values_.size(), " ", what));
  }

  const uint64_t end_id_;
  const int64_t tensor_count_;
  const int64_t storage_count_;
  ByteCursor& cursor_;
  ValueGraph& values_;
};

absl::Status Table::Read() {
  if ((end_id_ - kFirstId) > cursor_.left() / kMinRecordBytes ||
      end_id_ > std::numeric_limits<ValueId>::max()) {
    return absl::DataLossError(absl::StrCat(end_id_ - kFirstId,
                                            " values do not fit into ",
                                            cursor_.left(), " bytes"));
  }
  while (values_.size() < end_id_) {
    HOIST_RETURN_IF_ERROR(ReadRecord());
  }
  for (ValueId id = kFirstId; id < end_id_; ++id) {
    const ValueId type = values_.node(id).type;
    if (type != ValueGraph::kNoneId &&
        values_.node(type).kind != ValueKind::kClass) {
      return absl::DataLossError(
          absl::StrCat("Value ", id, " is of a type that is no class"));
    }
  }
  return absl::OkStatus();
}

absl::Status Table::ReadRecord() {
  const auto kind_number = cursor_.Take<uint8_t>();
  const auto flags = cursor_.Take<uint8_t>();
  if (kind_number >= kKindCount ||
      (flags & ~(kHasType | kHasState | kIsNew)) != 0) {
    return Damaged(absl::StrCat("is of kind ", kind_number, " with flags ",
                                flags, ", which there are not"));
  }
  const auto kind = static_cast<ValueKind>(kind_number);
  Node node{.kind = kind};
  if ((flags & kHasType) != 0) {
    node.type = cursor_.Take<uint32_t>();
  }
  node.is_new = (flags & kIsNew) != 0;
  if ((flags & kHasState) != 0) {
    node.state = cursor_.Take<uint32_t>();
  }
  if (node.type >= end_id_ || node.state >= end_id_) {
    return Damaged("has a type or state that is not there");
  }
  if (kind == ValueKind::kClass) {
    const ValueId id = TakeClass();
    if (!cursor_.ok() || id == ValueGraph::kNoneId) {
      return Damaged("is a class that was there before, or is cut off");
    }
    values_.node(id).type = node.type;
    values_.node(id).state = node.state;
    return absl::OkStatus();
  }
  HOIST_RETURN_IF_ERROR(TakeData(kind, node));
  if (!cursor_.ok()) {
    return Damaged("is cut off");
  }
  values_.Add(std::move(node));
  return absl::OkStatus();
}

ValueId Table::TakeClass() {
  const absl::string_view module = cursor_.TakeText();
  const absl::string_view name = cursor_.TakeText();
  const size_t size = values_.size();
  const ValueId id = values_.AddClass(module, name);
  return values_.size() == size ? ValueGraph::kNoneId : id;
}

absl::Status Table::TakeData(ValueKind kind, Node& node) {
  const auto take_index = [&](int64_t begin, int64_t end) {
    const auto index = cursor_.Take<int64_t>();
    node.data = index;
    return index >= begin && index < end
               ? absl::OkStatus()
               : Damaged(absl::StrCat("is number ", index, " of ", end));
  };
  switch (kind) {
    case ValueKind::kNone:
    case ValueKind::kClass:
      return absl::OkStatus();
    case ValueKind::kBool:
      return take_index(0, 2);
    case ValueKind::kInt:
      node.data = cursor_.Take<int64_t>();
      return absl::OkStatus();
    case ValueKind::kTensor:
      return take_index(-1, tensor_count_);
    case ValueKind::kStorage:
      return take_index(0, storage_count_);
    case ValueKind::kFloat:
      node.data = cursor_.TakeDouble();
      return absl::OkStatus();
    case ValueKind::kComplex: {
      const double real = cursor_.TakeDouble();
      node.data = std::complex<double>(real, cursor_.TakeDouble());
      return absl::OkStatus();
    }
    case ValueKind::kBigInt:
    case ValueKind::kString:
    case ValueKind::kBytes:
      node.data = std::string(cursor_.TakeText());
      return absl::OkStatus();
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kDict:
    case ValueKind::kSet:
    case ValueKind::kOpaque:
      return TakeItems(kind, node);
  }
  return absl::OkStatus();
}

absl::Status Table::TakeItems(ValueKind kind, Node& node) {
  const size_t count = cursor_.Take<uint32_t>();
  if (count > cursor_.left() / sizeof(ValueId)) {
    return Damaged(absl::StrCat("has ", count, " items, and ", cursor_.left(),
                                " bytes are left"));
  }
  if (kind == ValueKind::kDict && count % 2 != 0) {
    return Damaged("is a dict with a key without value");
  }
  ValueGraph::Items items(count);
  for (ValueId& id : items) {
    id = cursor_.Take<uint32_t>();
    if (id >= end_id_) {
      return Damaged(absl::StrCat("has item ", id, ", which is not there"));
    }
  }
  node.data = std::move(items);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NativeValueCounts> PutNativeValues(const ValueGraph& values,
                                                  ValueId root_id,
                                                  ByteSink& sink) {
  const Numbering numbering(values, root_id);
  const ClassNames class_names = NamesOfClasses(values);
  for (const ValueId id : numbering.old_ids()) {
    const Node& node = values.node(id);
    HOIST_RETURN_IF_ERROR(CheckFits(node));
    const bool has_type = node.type != ValueGraph::kNoneId;
    const bool has_state = node.state != ValueGraph::kNoneId;
    sink.Put(KindNumber(node.kind));
    sink.Put(static_cast<uint8_t>((has_type ? kHasType : 0) |
                                  (has_state ? kHasState : 0) |
                                  (node.is_new ? kIsNew : 0)));
    if (has_type) {
      sink.Put(numbering.NewId(node.type));
    }
    if (has_state) {
      sink.Put(numbering.NewId(node.state));
    }
    if (node.kind == ValueKind::kClass) {
      const auto& [module, name] = class_names.at(id);
      sink.PutText(module);
      sink.PutText(name);
    } else {
      std::visit(PutData{.numbering = numbering, .sink = sink}, node.data);
    }
  }
  return NativeValueCounts{
      .value_count = static_cast<uint32_t>(numbering.old_ids().size()),
      .root_id = numbering.NewId(root_id)};
}

absl::Status TakeNativeValues(const NativeValueCounts& counts,
                              size_t tensor_count, size_t storage_count,
                              ByteCursor& cursor, ValueGraph& values) {
  if (counts.root_id >= uint64_t{kFirstId} + counts.value_count) {
    return absl::DataLossError(
        absl::StrCat("The root, value ", counts.root_id, ", is not there"));
  }
  return Table(counts, tensor_count, storage_count, cursor, values).Read();
}

}  // namespace hoist
