#include "hoist/tools/ui/python_repr.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

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

std::string Repr(Value value, int depth) {
  switch (value.kind()) {
    case ValueKind::kString:
      return QuotedText(value.AsString());
    case ValueKind::kBytes:
      return absl::StrCat("b'", absl::CHexEscape(value.AsString()), "'");
    case ValueKind::kList:
      return absl::StrCat("[", Items(value, depth), "]");
    case ValueKind::kTuple:
      return absl::StrCat("(", Items(value, depth),
                          value.size() == 1 ? ",)" : ")");
    case ValueKind::kDict:
      return absl::StrCat("{", Items(value, depth), "}");
    case ValueKind::kSet:
      return value.size() == 0 ? "set()"
                               : absl::StrCat("{", Items(value, depth), "}");
    case ValueKind::kTensor:
    case ValueKind::kStorage:
    case ValueKind::kOpaque:
      return absl::StrCat("<", value.ClassName(), ">");
    case ValueKind::kClass:
      return absl::StrCat("<class '", value.AsString(), "'>");
    default:
      return ValueText(value);
  }
}

}  // namespace

std::string PythonRepr(Value value) { return Repr(value, 0); }

}  // namespace hoist
