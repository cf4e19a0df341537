#include "hoist/tools/ui/python_repr.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/tools/ui/python_objects.h"

namespace hoist {
namespace {

constexpr int kMaxDepth = 4;
constexpr size_t kMaxItems = 100;
constexpr size_t kMaxItemsBytes = size_t{64} << 10;

std::string Repr(Value value, int depth);

// Python takes double quotes only where that saves escapes.
std::string QuotedText(absl::string_view text) {
  const bool has_single = text.find('\'') != absl::string_view::npos;
  const bool has_double = text.find('"') != absl::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == '\\' || c == quote) {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + quote;
}

// The floats of fewer bits than Python's own.
struct FloatKind {
  int digit_bits;    // behind the point
  int min_exponent;  // of those that are not subnormal
};
constexpr FloatKind kFloat32 = {.digit_bits = 23, .min_exponent = -126};
constexpr FloatKind kFloat16 = {.digit_bits = 10, .min_exponent = -14};

// The double with the fewest digits that is still nearest to `value` among the
// floats of a kind, which are shown so.
double Shortened(double value, FloatKind kind) {
  constexpr int kMaxDigits = 9;
  if (!std::isfinite(value) || value == 0) {
    return value;
  }
  const int exponent = std::max(std::ilogb(value), kind.min_exponent);
  const double spacing = std::ldexp(1.0, exponent - kind.digit_bits);
  for (int digits = 1; digits <= kMaxDigits; ++digits) {
    const double rounded = std::strtod(
        absl::StrFormat("%.*e", digits - 1, value).c_str(), nullptr);
    if (std::abs(rounded - value) < spacing / 2) {
      return rounded;
    }
  }
  return value;
}

std::string Items(Value value, int depth) {
  if (depth >= kMaxDepth) {
    return "...";
  }
  std::string text;
  for (size_t i = 0; i < value.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "");
    if (i == kMaxItems || text.size() > kMaxItemsBytes) {
      return text + "...";
    }
    if (value.kind() == ValueKind::kDict) {
      absl::StrAppend(&text, Repr(value.key(i), depth + 1), ": ",
                      Repr(value.value(i), depth + 1));
    } else {
      absl::StrAppend(&text, Repr(value[i], depth + 1));
    }
  }
  return text;
}

// b'...', as Python escapes it, which of bytearrays has always escaped single
// quotes.
std::string BytesText(absl::string_view bytes, bool is_array) {
  const bool has_single = bytes.find('\'') != absl::string_view::npos;
  const bool has_double = bytes.find('"') != absl::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string text = absl::StrCat("b", std::string(1, quote));
  for (const char c : bytes) {
    if (c == '\\' || c == quote || (is_array && c == '\'')) {
      text += {'\\', c};
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (c == '\r') {
      text += "\\r";
    } else if (!absl::ascii_isprint(static_cast<unsigned char>(c))) {
      absl::StrAppendFormat(&text, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text + quote;
}

std::string List(Value value, int depth) {
  return absl::StrCat("[", Items(value, depth), "]");
}

std::string ListText(Value value, int depth) {
  if (value.ClassName() != "collections.deque") {
    return List(value, depth);
  }
  const Value most = value.state();
  return absl::StrCat("deque(", List(value, depth),
                      most.kind() == ValueKind::kInt ? ", maxlen=" : "",
                      most.kind() == ValueKind::kInt ? ValueText(most) : "",
                      ")");
}

std::string TupleText(Value value, int depth) {
  if (value.ClassName() == "torch.Size") {
    return absl::StrCat("torch.Size(", List(value, depth), ")");
  }
  return absl::StrCat("(", Items(value, depth), value.size() == 1 ? ",)" : ")");
}

// Entries of a Counter, the highest counts first.
std::string Counts(Value value, int depth) {
  std::vector<size_t> order(value.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto count = [value](size_t i) {
    const Value number = value.value(i);
    return number.kind() == ValueKind::kInt ? number.AsInt() : 0;
  };
  std::ranges::stable_sort(
      order, [&count](size_t a, size_t b) { return count(a) > count(b); });
  std::string text;
  for (const size_t i : order) {
    if (text.size() > kMaxItemsBytes) {
      return text + ", ...";
    }
    absl::StrAppend(&text, text.empty() ? "" : ", ",
                    Repr(value.key(i), depth + 1), ": ",
                    Repr(value.value(i), depth + 1));
  }
  return text;
}

std::string DictText(Value value, int depth) {
  const std::string name = value.ClassName();
  if (name == "collections.Counter" && value.size() <= kMaxItems &&
      depth < kMaxDepth) {
    return value.size() == 0
               ? "Counter()"
               : absl::StrCat("Counter({", Counts(value, depth), "})");
  }
  const std::string text = absl::StrCat("{", Items(value, depth), "}");
  if (name == "collections.OrderedDict") {
    return value.size() == 0 ? "OrderedDict()"
                             : absl::StrCat("OrderedDict(", text, ")");
  }
  if (name == "collections.defaultdict") {
    return absl::StrCat("defaultdict(", Repr(value.state(), depth + 1), ", ",
                        text, ")");
  }
  return text;
}

std::string SetText(Value value, int depth) {
  const std::string text =
      value.size() == 0 ? "" : absl::StrCat("{", Items(value, depth), "}");
  if (value.ClassName() == "frozenset") {
    return absl::StrCat("frozenset(", text, ")");
  }
  return text.empty() ? "set()" : text;
}

// A number or flag of numpy's: "np.float32(0.1)".
std::string NumpyScalarText(Value value, absl::string_view type) {
  if (value.kind() == ValueKind::kBool) {
    return absl::StrCat("np.", ValueText(value), "_");
  }
  std::string text;
  if (value.kind() == ValueKind::kFloat && type != "float64") {
    text = FloatText(
        Shortened(value.AsFloat(), type == "float32" ? kFloat32 : kFloat16));
  } else if (value.kind() == ValueKind::kComplex) {
    std::complex<double> parts = value.AsComplex();
    if (type == "complex64") {
      parts = {Shortened(parts.real(), kFloat32),
               Shortened(parts.imag(), kFloat32)};
    }
    text = ComplexText(parts);
    if (absl::StartsWith(text, "(")) {
      text = text.substr(1, text.size() - 2);
    }
  } else {
    text = ValueText(value);
  }
  return absl::StrCat("np.", type, "(", text, ")");
}

std::string ScalarText(Value value) {
  const std::string name = value.ClassName();
  absl::string_view type = name;
  return absl::ConsumePrefix(&type, "numpy.") ? NumpyScalarText(value, type)
                                              : ValueText(value);
}

// An object of a class that is not known: its arguments, where these are all
// that was pickled of it.
std::string ObjectText(Value value, int depth) {
  const auto known = PythonObjectRepr(
      value, [depth](Value part) { return Repr(part, depth + 1); });
  if (known) {
    return *known;
  }
  if (value.size() > 0 && value.state().kind() == ValueKind::kNone) {
    return absl::StrCat(value.ClassName(), "(", Items(value, depth), ")");
  }
  return absl::StrCat("<", value.ClassName(), " object>");
}

std::string Repr(Value value, int depth) {
  switch (value.kind()) {
    case ValueKind::kString:
      return QuotedText(value.AsString());
    case ValueKind::kBytes:
      return value.ClassName() == "bytearray"
                 ? absl::StrCat("bytearray(", BytesText(value.AsString(), true),
                                ")")
                 : BytesText(value.AsString(), false);
    case ValueKind::kList:
      return ListText(value, depth);
    case ValueKind::kTuple:
      return TupleText(value, depth);
    case ValueKind::kDict:
      return DictText(value, depth);
    case ValueKind::kSet:
      return SetText(value, depth);
    case ValueKind::kTensor:
    case ValueKind::kStorage:
      return absl::StrCat("<", value.ClassName(), ">");
    case ValueKind::kOpaque:
      return depth >= kMaxDepth
                 ? absl::StrCat("<", value.ClassName(), " object>")
                 : ObjectText(value, depth);
    case ValueKind::kClass:
      return ClassRepr(value.AsString());
    default:
      return ScalarText(value);
  }
}

}  // namespace

std::string PythonRepr(Value value) { return Repr(value, 0); }

}  // namespace hoist
