#include "hoist/tools/ui/module_repr.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/module_arguments.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxModules = 20'000;

absl::string_view LastPart(absl::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == absl::string_view::npos ? name : name.substr(dot + 1);
}

std::string Indented(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\n", "\n  "}});
}

class Printer {
 public:
  std::string Print(Value module, int depth);

 private:
  std::vector<std::string> ChildLines(Value module, absl::string_view type,
                                      int depth);

  int printed_ = 0;
};

// "(0): Linear(...)"; a ModuleList's equal neighbours as one,
// "(0-2): 3 x Linear(...)".
std::vector<std::string> Printer::ChildLines(Value module,
                                             absl::string_view type,
                                             int depth) {
  const Value children = *module.state().Find("_modules");
  std::vector<std::string> lines;
  std::string last;
  size_t first = 0;
  const auto add = [&](size_t end) {
    const std::string key =
        DisplayText(KeyName(children.key(first)), /*max_width=*/80);
    if (type == "ModuleList" && end - first > 1) {
      const std::string last_key =
          DisplayText(KeyName(children.key(end - 1)), /*max_width=*/80);
      lines.push_back(absl::StrCat("(", key, "-", last_key, "): ", end - first,
                                   " x ", Indented(last)));
    } else {
      lines.push_back(absl::StrCat("(", key, "): ", Indented(last)));
    }
  };
  const size_t count =
      children.kind() == ValueKind::kDict ? children.size() : 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string text = Print(children.value(i), depth + 1);
    if (i > 0 && (type != "ModuleList" || text != last)) {
      add(i);
      first = i;
    }
    last = text;
    if (printed_ > kMaxModules) {
      break;
    }
  }
  if (count > 0) {
    add(printed_ > kMaxModules ? first + 1 : count);
  }
  return lines;
}

std::string Printer::Print(Value module, int depth) {
  if (module.kind() == ValueKind::kNone) {
    return "None";
  }
  if (!IsModule(module) || depth > kMaxDepth || ++printed_ > kMaxModules) {
    return "...";
  }
  const std::string name = module.ClassName();
  const std::string type = DisplayText(LastPart(name), /*max_width=*/80);
  const std::string arguments =
      DisplayText(ModuleArguments(type, module.state()), /*max_width=*/500);
  std::vector<std::string> lines = ChildLines(module, type, depth);
  if (lines.empty()) {
    return absl::StrCat(type, "(", arguments, ")");
  }
  if (!arguments.empty()) {
    lines.insert(lines.begin(), arguments);
  }
  return absl::StrCat(type, "(\n  ", absl::StrJoin(lines, "\n  "), "\n)");
}

}  // namespace

bool IsModule(Value value) {
  return value.kind() == ValueKind::kOpaque &&
         value.state().Find("_parameters").has_value() &&
         value.state().Find("_buffers").has_value() &&
         value.state().Find("_modules").has_value();
}

std::string ModuleRepr(Value module) {
  return Printer().Print(module, 0) + "\n";
}

}  // namespace hoist
