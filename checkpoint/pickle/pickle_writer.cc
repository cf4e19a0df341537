#include "hoist/checkpoint/pickle/pickle_writer.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/composite_parts.h"
#include "hoist/checkpoint/pickle/object_parts.h"
#include "hoist/checkpoint/pickle/pickle_output.h"
#include "hoist/checkpoint/pickle/reached_values.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint32_t kNoNumber = std::numeric_limits<uint32_t>::max();
// As Python: what reads them keeps so many on its stack.
constexpr size_t kItemsAtOnce = 1000;

// Those that have methods which are pickled by name.
bool IsBuiltinType(absl::string_view name) {
  constexpr absl::string_view kTypes[] = {
      "bytearray", "bytes",  "complex", "dict", "float", "frozenset", "int",
      "list",      "object", "set",     "str",  "tuple", "type"};
  return std::ranges::find(kTypes, name) != std::end(kTypes);
}

class Writer {
 public:
  explicit Writer(const PickleSource& source)
      : source_(source),
        graph_(*source.catalog.values),
        references_(ReachedValues(graph_, source.catalog.root_id)),
        numbers_(graph_.size(), kNoNumber) {
    for (const auto& [module, name] : graph_.class_names()) {
      const bool is_builtin = module == "builtins";
      auto& known =
          modules_[is_builtin ? name : absl::StrCat(module, ".", name)];
      if (known.empty() || !is_builtin) {
        known = module;
      }
    }
  }

  absl::StatusOr<WrittenPickle> Run();

 private:
  // A value that is being written.
  struct Frame {
    ValueId id;
    std::vector<PicklePart> parts;
    size_t next_part = 0;
    size_t next_item = 0;  // of the part under way, if that is its items
  };

  absl::Status Write(ValueId id);
  absl::Status Enter(Value value);
  absl::Status Step();
  absl::Status WritePart(const PicklePart& part);
  absl::Status StepItems(ValueId holder, size_t step, char one, char several);
  absl::Status WriteClass(absl::string_view name);
  void Put();
  bool IsReferredTo(ValueId id) const;

  const PickleSource& source_;
  const ValueGraph& graph_;
  const std::vector<uint32_t> references_;
  std::vector<uint32_t> numbers_;  // by value: of the memo
  // By value that is being written: how many had a number when it was begun.
  absl::flat_hash_map<ValueId, uint32_t> begun_;
  uint32_t numbered_ = 0;
  // By the name of a class with its module: that module.
  absl::flat_hash_map<std::string, std::string> modules_;
  std::vector<Frame> frames_;
  PickleOutput output_;
  int lost_tensors_ = 0;
};

// Collections may contain themselves, and all that others refer to is kept.
bool Writer::IsReferredTo(ValueId id) const {
  switch (graph_.node(id).kind) {
    case ValueKind::kList:
    case ValueKind::kDict:
    case ValueKind::kOpaque:
      return true;
    default:
      return references_[id] > 1;
  }
}

absl::Status Writer::Write(ValueId id) {
  const Value value(&graph_, id);
  if (IsNumpyScalar(value)) {
    return Enter(value);
  }
  switch (value.kind()) {
    case ValueKind::kNone:
      output_.None();
      return absl::OkStatus();
    case ValueKind::kBool:
      output_.Bool(value.AsBool());
      return absl::OkStatus();
    case ValueKind::kInt:
      output_.Int(value.AsInt());
      return absl::OkStatus();
    case ValueKind::kBigInt:
      output_.BigInt(value.AsString());
      return absl::OkStatus();
    case ValueKind::kFloat:
      output_.Float(value.AsFloat());
      return absl::OkStatus();
    case ValueKind::kClass:
      if (!IsLayoutName(value.AsString())) {
        return WriteClass(value.AsString());
      }
      break;
    case ValueKind::kString:
      if (numbers_[id] == kNoNumber) {
        HOIST_RETURN_IF_ERROR(output_.Text(value.AsString()));
        if (references_[id] > 1) {
          numbers_[id] = output_.Put();
        }
        return absl::OkStatus();
      }
      break;
    default:
      break;
  }
  return Enter(value);
}

absl::Status Writer::Enter(Value value) {
  const ValueId id = value.id();
  if (numbers_[id] != kNoNumber) {
    output_.Get(numbers_[id]);
    return absl::OkStatus();
  }
  // A tuple that contains itself by way of a list is begun twice: the second
  // time that list has a number.
  const auto [begun, is_first] = begun_.try_emplace(id, numbered_);
  if (!is_first && begun->second == numbered_) {
    return absl::InvalidArgumentError(
        absl::StrCat("A ", value.ClassName(),
                     " is a part of what it is made of, which Python cannot "
                     "make"));
  }
  begun->second = numbered_;
  PickleParts parts;
  if (value.kind() == ValueKind::kTensor && value.AsIndex() < 0) {
    ++lost_tensors_;
    parts.None();
  } else if (IsNumpyArray(value, source_.catalog)) {
    HOIST_RETURN_IF_ERROR(
        AddNumpyArray(value, source_.catalog.tensors[value.AsIndex()],
                      source_.read_array, parts));
  } else if (IsNumpyScalar(value)) {
    AddNumpyScalar(value, parts);
  } else if (value.kind() == ValueKind::kTensor) {
    HOIST_RETURN_IF_ERROR(
        AddTensor(value, source_.catalog, source_.storages, parts));
  } else if (value.kind() == ValueKind::kStorage) {
    AddStorage(*source_.storages[value.AsIndex()], parts);
    parts.Put();
  } else if (value.kind() == ValueKind::kClass) {
    AddLayout(value.AsString(), parts);
    parts.Put();
  } else if (!AddCompositeTensor(value, parts)) {
    AddObject(value, parts);
  }
  frames_.push_back({.id = id, .parts = std::move(parts).Take()});
  return absl::OkStatus();
}

// The class or function of that name, with its module: a nested one is an
// attribute of the one around it.
absl::Status Writer::WriteClass(absl::string_view name) {
  std::vector<absl::string_view> inner;
  absl::string_view outer = name;
  std::string module;
  while (true) {
    const auto known = modules_.find(outer);
    const size_t dot = outer.rfind('.');
    const bool has_dot = dot != absl::string_view::npos;
    if (known != modules_.end() && (known->second != "builtins" || !has_dot)) {
      module = known->second;
      break;
    }
    if (!has_dot) {
      outer = name;
      inner.clear();
      if (IsBuiltinType(name.substr(0, name.find('.')))) {
        module = "builtins";  // "str.upper"
        break;
      }
      // A name that nothing is known of: the last part is the class's.
      const size_t last = name.rfind('.');
      module = last == absl::string_view::npos
                   ? "builtins"
                   : std::string(name.substr(0, last));
      break;
    }
    inner.push_back(outer.substr(dot + 1));
    outer = outer.substr(0, dot);
  }
  absl::string_view attribute =
      module == "builtins" ? outer : outer.substr(module.size() + 1);
  // Protocol 4 has dots in names: what is behind one is an attribute as well.
  size_t dot;
  while ((dot = attribute.rfind('.')) != absl::string_view::npos) {
    inner.push_back(attribute.substr(dot + 1));
    attribute = attribute.substr(0, dot);
  }
  for (size_t i = 0; i < inner.size(); ++i) {
    output_.SharedClass("builtins", "getattr");
  }
  output_.SharedClass(module, attribute);
  for (size_t i = inner.size(); i-- > 0;) {
    HOIST_RETURN_IF_ERROR(output_.Text(inner[i]));
    output_.Op('\x86');
    output_.Op('R');
  }
  return absl::OkStatus();
}

// What the frame on top has made is there.
void Writer::Put() {
  Frame& frame = frames_.back();
  if (numbers_[frame.id] != kNoNumber) {
    // It is inside of itself, and was made there: that one it is.
    output_.Op('0');
    output_.AddRefused("a tuple that contains itself");
    output_.Get(numbers_[frame.id]);
    frame.next_part = frame.parts.size();
  } else if (IsReferredTo(frame.id)) {
    numbers_[frame.id] = output_.Put();
    ++numbered_;
  }
}

absl::Status Writer::WritePart(const PicklePart& part) {
  switch (part.kind) {
    case PicklePart::Kind::kOp:
      output_.Op(static_cast<char>(part.number));
      if (part.number == kNewObjEx) {
        output_.AddRefused("an object that is made with keywords");
      }
      return absl::OkStatus();
    case PicklePart::Kind::kBool:
      output_.Bool(part.number != 0);
      return absl::OkStatus();
    case PicklePart::Kind::kInt:
      output_.Int(part.number);
      return absl::OkStatus();
    case PicklePart::Kind::kFloat:
      output_.Float(part.real);
      return absl::OkStatus();
    case PicklePart::Kind::kText:
      return output_.Text(part.text);
    case PicklePart::Kind::kSharedText:
      output_.SharedText(part.text);
      return absl::OkStatus();
    case PicklePart::Kind::kSharedClass:
      output_.SharedClass(part.module, part.text);
      return absl::OkStatus();
    case PicklePart::Kind::kType:
      return WriteClass(
          Value(&graph_, static_cast<ValueId>(part.number)).AsString());
    default:
      return absl::OkStatus();
  }
}

// One more of the items of `holder` for the frame on top, `step` of them at a
// time.
absl::Status Writer::StepItems(ValueId holder, size_t step, char one,
                               char several) {
  Frame& frame = frames_.back();
  const auto& items = std::get<ValueGraph::Items>(graph_.node(holder).data);
  const size_t at = frame.next_item;
  const size_t batch = kItemsAtOnce * step;
  // Those since the last that were added together.
  const size_t batch_begin = at == 0 ? 0 : (at - 1) / batch * batch;
  const size_t batch_size = std::min(batch, items.size() - batch_begin);
  if (at > 0 && (at % batch == 0 || at == items.size())) {
    output_.Op(batch_size == step ? one : several);
  }
  if (at == items.size()) {
    ++frame.next_part;
    frame.next_item = 0;
    return absl::OkStatus();
  }
  if (at % batch == 0 && items.size() - at > step) {
    output_.Op('(');
  }
  ++frame.next_item;
  return Write(items[at]);
}

absl::Status Writer::Step() {
  Frame& frame = frames_.back();
  if (frame.next_part == frame.parts.size()) {
    begun_.erase(frame.id);
    frames_.pop_back();
    return absl::OkStatus();
  }
  const PicklePart& part = frame.parts[frame.next_part];
  switch (part.kind) {
    case PicklePart::Kind::kItems:
      return StepItems(static_cast<ValueId>(part.number), 1, 'a', 'e');
    case PicklePart::Kind::kEntries:
      return StepItems(static_cast<ValueId>(part.number), 2, 's', 'u');
    case PicklePart::Kind::kPut:
      ++frame.next_part;
      Put();
      return absl::OkStatus();
    case PicklePart::Kind::kValue:
      ++frame.next_part;
      return Write(static_cast<ValueId>(part.number));
    default:
      ++frame.next_part;
      return WritePart(part);
  }
}

absl::StatusOr<WrittenPickle> Writer::Run() {
  HOIST_RETURN_IF_ERROR(Write(source_.catalog.root_id));
  while (!frames_.empty()) {
    HOIST_RETURN_IF_ERROR(Step());
  }
  WrittenPickle written{
      .refused = {output_.refused().begin(), output_.refused().end()},
      .lost_tensors = lost_tensors_};
  std::ranges::sort(written.refused);
  written.bytes = std::move(output_).Finish();
  return written;
}

}  // namespace

absl::StatusOr<WrittenPickle> WritePickle(const PickleSource& source) {
  return Writer(source).Run();
}

}  // namespace hoist
