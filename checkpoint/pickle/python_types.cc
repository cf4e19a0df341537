#include "hoist/checkpoint/pickle/python_types.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace hoist {
namespace {

using Items = ValueGraph::Items;
using Arguments = absl::Span<const ValueId>;
using Made = std::optional<ValueId>;

ValueId Class(ValueGraph& graph, absl::string_view full_name) {
  return graph.AddClass("builtins", full_name);
}

Value At(const ValueGraph& graph, ValueId id) { return Value(&graph, id); }

bool IsItems(ValueKind kind) {
  return kind == ValueKind::kList || kind == ValueKind::kTuple ||
         kind == ValueKind::kSet;
}

const Items& ItemsOf(const ValueGraph& graph, ValueId id) {
  return std::get<Items>(graph.node(id).data);
}

// OrderedDict(), OrderedDict([(key, value), ...]), OrderedDict(dict).
Made MakeDict(ValueGraph& graph, absl::string_view name, Arguments arguments) {
  Items entries;
  if (arguments.size() > 1) {
    return std::nullopt;
  }
  if (arguments.size() == 1) {
    const ValueKind kind = graph.node(arguments[0]).kind;
    if (kind == ValueKind::kDict) {
      entries = ItemsOf(graph, arguments[0]);
    } else if (IsItems(kind)) {
      for (const ValueId pair : ItemsOf(graph, arguments[0])) {
        if (!IsItems(graph.node(pair).kind) ||
            ItemsOf(graph, pair).size() != 2) {
          return std::nullopt;
        }
        entries.push_back(ItemsOf(graph, pair)[0]);
        entries.push_back(ItemsOf(graph, pair)[1]);
      }
    } else {
      return std::nullopt;
    }
  }
  return graph.AddItems(ValueKind::kDict, std::move(entries),
                        Class(graph, name));
}

// defaultdict(factory): what makes missing items is its state.
Made MakeDefaultDict(ValueGraph& graph, absl::string_view name,
                     Arguments arguments) {
  const ValueId dict = graph.AddItems(ValueKind::kDict, {}, Class(graph, name));
  if (!arguments.empty()) {
    graph.node(dict).state = arguments[0];
  }
  return dict;
}

// deque(), deque(items), deque(items, maxlen), set(items), frozenset(items).
// The most that a deque holds is its state.
Made MakeItems(ValueGraph& graph, absl::string_view name, Arguments arguments) {
  const ValueKind kind =
      name == "collections.deque" ? ValueKind::kList : ValueKind::kSet;
  Items items;
  if (!arguments.empty()) {
    if (!IsItems(graph.node(arguments[0]).kind)) {
      return std::nullopt;
    }
    items = ItemsOf(graph, arguments[0]);
  }
  const ValueId type = name == "set" ? ValueGraph::kNoneId : Class(graph, name);
  const ValueId made = graph.AddItems(kind, std::move(items), type);
  if (kind == ValueKind::kList && arguments.size() > 1) {
    graph.node(made).state = arguments[1];
  }
  return made;
}

std::optional<double> Number(Value value) {
  switch (value.kind()) {
    case ValueKind::kInt:
      return static_cast<double>(value.AsInt());
    case ValueKind::kFloat:
      return value.AsFloat();
    default:
      return std::nullopt;
  }
}

Made MakeComplex(ValueGraph& graph, absl::string_view, Arguments arguments) {
  if (arguments.size() != 2) {
    return std::nullopt;
  }
  const auto real = Number(At(graph, arguments[0]));
  const auto imaginary = Number(At(graph, arguments[1]));
  if (!real || !imaginary) {
    return std::nullopt;
  }
  return graph.Add({.kind = ValueKind::kComplex,
                    .data = std::complex<double>(*real, *imaginary)});
}

// Text whose characters stand for one byte each.
std::optional<std::string> Latin1Bytes(absl::string_view utf8) {
  std::string bytes;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const uint8_t lead = static_cast<uint8_t>(utf8[i]);
    if (lead < 0x80) {
      bytes.push_back(utf8[i]);
    } else if ((lead == 0xc2 || lead == 0xc3) && i + 1 < utf8.size()) {
      bytes.push_back(static_cast<char>((lead & 3) << 6 | (utf8[++i] & 0x3f)));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

bool IsLatin1(Value value) {
  return value.kind() == ValueKind::kString &&
         (value.AsString() == "latin1" || value.AsString() == "latin-1");
}

// bytes(), bytearray(), bytearray(bytes), and text with the encoding latin1.
Made MakeBytes(ValueGraph& graph, absl::string_view name, Arguments arguments) {
  std::string bytes;
  if (!arguments.empty()) {
    const Value content = At(graph, arguments[0]);
    if (content.kind() == ValueKind::kBytes && arguments.size() == 1) {
      bytes = std::string(content.AsString());
    } else if (content.kind() == ValueKind::kString && arguments.size() == 2 &&
               IsLatin1(At(graph, arguments[1]))) {
      auto decoded = Latin1Bytes(content.AsString());
      if (!decoded) {
        return std::nullopt;
      }
      bytes = *std::move(decoded);
    } else {
      return std::nullopt;
    }
  }
  const ValueId type =
      name == "bytearray" ? Class(graph, name) : ValueGraph::kNoneId;
  return graph.Add(
      {.kind = ValueKind::kBytes, .type = type, .data = std::move(bytes)});
}

constexpr size_t kMaxNestedNameBytes = 4096;

// getattr(Outer, "Inner"): how protocols up to 3 write nested classes.
Made NestedClass(ValueGraph& graph, absl::string_view, Arguments arguments) {
  if (arguments.size() != 2 ||
      graph.node(arguments[0]).kind != ValueKind::kClass ||
      graph.node(arguments[1]).kind != ValueKind::kString) {
    return std::nullopt;
  }
  const absl::string_view outer = At(graph, arguments[0]).AsString();
  const absl::string_view inner = At(graph, arguments[1]).AsString();
  if (outer.size() + inner.size() > kMaxNestedNameBytes) {
    return std::nullopt;
  }
  // A class of the same module, where that is among the last that were named.
  constexpr size_t kLookedAt = 256;
  const auto& names = graph.class_names();
  for (size_t i = names.size(); i-- > 0 && names.size() - i <= kLookedAt;) {
    const auto& [module, name] = names[i];
    if (module != "builtins" &&
        outer.size() == module.size() + 1 + name.size() &&
        absl::StartsWith(outer, module) && absl::EndsWith(outer, name)) {
      // A copy: AddClass() moves what is there.
      return graph.AddClass(std::string(module),
                            absl::StrCat(name, ".", inner));
    }
  }
  return Class(graph, absl::StrCat(outer, ".", inner));
}

using Maker = Made (*)(ValueGraph&, absl::string_view, Arguments);

const absl::flat_hash_map<absl::string_view, Maker>& Makers() {
  static const auto* const makers =
      new absl::flat_hash_map<absl::string_view, Maker>{
          {"collections.OrderedDict", MakeDict},
          {"collections.Counter", MakeDict},
          {"collections.defaultdict", MakeDefaultDict},
          {"collections.deque", MakeItems},
          {"set", MakeItems},
          {"frozenset", MakeItems},
          {"complex", MakeComplex},
          {"bytes", MakeBytes},
          {"bytearray", MakeBytes},
          {"_codecs.encode", MakeBytes},
          {"getattr", NestedClass},
      };
  return *makers;
}

}  // namespace

absl::StatusOr<std::optional<ValueId>> CallPythonType(
    ValueGraph& graph, absl::string_view callable, Arguments arguments) {
  const auto maker = Makers().find(callable);
  if (maker == Makers().end()) {
    return std::nullopt;
  }
  return maker->second(graph, maker->first, arguments);
}

std::pair<absl::string_view, absl::string_view> Python3Name(
    absl::string_view module, absl::string_view name) {
  if (module == "__builtin__") {
    if (name == "xrange") {
      return {"builtins", "range"};
    }
    if (name == "unicode") {
      return {"builtins", "str"};
    }
    if (name == "long") {
      return {"builtins", "int"};
    }
    return {"builtins", name};
  }
  if (module == "copy_reg") {
    return {"copyreg", name};
  }
  if (module == "cPickle") {
    return {"pickle", name};
  }
  if (module == "Queue") {
    return {"queue", name};
  }
  if (module == "itertools" && name == "izip") {
    return {"builtins", "zip"};
  }
  absl::string_view format = name;
  if ((module == "torch" || absl::StartsWith(module, "torch.")) &&
      absl::ConsumePrefix(&format, "torch.") &&
      (format == "contiguous_format" || format == "preserve_format" ||
       format == "channels_last" || format == "channels_last_3d")) {
    return {"torch", format};
  }
  return {module, name};
}

}  // namespace hoist
