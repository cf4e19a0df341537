#include "hoist/tools/ui/catalog_view.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "hoist/tools/ui/catalog_header.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/layer_tree.h"
#include "hoist/tools/ui/module_repr.h"
#include "hoist/tools/ui/opaque_objects.h"
#include "hoist/tools/ui/other_contents.h"
#include "hoist/tools/ui/summary.h"
#include "hoist/tools/ui/tensor_row.h"
#include "hoist/tools/ui/text_table.h"
#include "hoist/tools/ui/tree_view.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

constexpr size_t kMaxTextWidth = 60;

class View {
 public:
  View(const Catalog& catalog, const Terminal& terminal)
      : catalog_(catalog),
        terminal_(terminal),
        rows_(TensorRows(catalog)),
        use_(SortByUse(catalog)) {}

  std::string Run(absl::string_view path,
                  const std::vector<std::string>& warnings);

 private:
  void AddModules();
  void AddModule(absl::string_view name, Value module);
  void AddTree(absl::string_view path);
  // Of the storages that the model's tensors lie in.
  uint64_t StorageBytes() const;
  void AddTotals(const Summary& summary);
  void AddLocations();
  void AddTies(const Summary& summary);
  void AddOther();
  void AddObjects();
  void AddMetadata();
  void AddWarnings(const std::vector<std::string>& warnings);

  std::string Style(absl::string_view text, TextStyle style) const {
    return Styled(text, style, terminal_.has_color);
  }
  void AddTitle(absl::string_view title) {
    absl::StrAppend(&text_, "\n", Style(title, TextStyle::kBold), "\n");
  }
  // How many of `count` lines of a list to show: all but on a terminal.
  size_t ShownLines(size_t count) const {
    constexpr size_t kMaxLines = 12;
    return terminal_.is_terminal ? std::min(count, kMaxLines) : count;
  }
  void AddMore(size_t count) {
    const size_t shown = ShownLines(count);
    if (shown < count) {
      absl::StrAppend(&text_, "  and ", GroupedDigits(count - shown),
                      " more\n");
      is_cut_ = true;
    }
  }

  const Catalog& catalog_;
  const Terminal& terminal_;
  const std::vector<TensorRow> rows_;
  const TensorsByUse use_;
  std::string text_;
  bool is_cut_ = false;
};

void View::AddModules() {
  const Value root = catalog_.root();
  if (IsModule(root)) {
    AddModule("", root);
  } else if (root.kind() == ValueKind::kDict) {
    for (size_t i = 0; i < root.size(); ++i) {
      if (IsModule(root.value(i))) {
        AddModule(KeyName(root.key(i)), root.value(i));
      }
    }
  }
}

void View::AddModule(absl::string_view name, Value module) {
  constexpr size_t kMaxTerminalLines = 60;
  AddTitle(name.empty()
               ? "Module"
               : absl::StrCat("Module ", DisplayText(name, kMaxTextWidth)));
  std::vector<std::string> lines =
      absl::StrSplit(ModuleRepr(module), '\n', absl::SkipEmpty());
  if (terminal_.is_terminal && lines.size() > kMaxTerminalLines) {
    const size_t more = lines.size() - kMaxTerminalLines;
    lines.resize(kMaxTerminalLines);
    lines.push_back(absl::StrCat("and ", CountText(more, "more line")));
    is_cut_ = true;
  }
  for (const std::string& line : lines) {
    absl::StrAppend(&text_, "  ", line, "\n");
  }
  absl::StrAppend(&text_, "  A whole model of class ",
                  DisplayText(module.ClassName(), kMaxTextWidth),
                  ", which is not needed: its tensors have the names of its "
                  "state dict\n");
}

void View::AddTree(absl::string_view path) {
  constexpr size_t kMaxTerminalLines = 60;
  // What shape, dtype and number take beside the name.
  constexpr int kOtherColumns = 46;
  constexpr int kMinNameWidth = 24;
  TreeViewOptions options{.has_color = terminal_.has_color};
  if (terminal_.is_terminal) {
    options.max_lines = kMaxTerminalLines;
    options.max_name_width = static_cast<size_t>(
        std::max(terminal_.width - kOtherColumns, kMinNameWidth));
  }
  const TreeView tree =
      RenderTree(BuildLayerTree(rows_, use_.model), rows_, options);
  is_cut_ = is_cut_ || tree.is_cut;
  absl::StrAppend(&text_, "\n", tree.text);
  if (tree.is_cut) {
    absl::StrAppend(&text_,
                    Style("(not all is shown; for all of it: hoist inspect ",
                          TextStyle::kDim),
                    Style(DisplayText(path), TextStyle::kDim),
                    Style(" | less)", TextStyle::kDim), "\n");
  }
}

uint64_t View::StorageBytes() const {
  absl::flat_hash_set<int> storages;
  uint64_t bytes = 0;
  for (const int index : use_.model) {
    const std::optional<int> storage = catalog_.tensors[index].storage;
    if (storage && storages.insert(*storage).second) {
      bytes += catalog_.storages[*storage].size_bytes;
    }
  }
  return bytes;
}

void View::AddTotals(const Summary& summary) {
  TextTable table;
  const auto add = [&table](absl::string_view name, const Summary::Total& total,
                            TextStyle style) {
    const auto number = [style](std::string text) {
      return TextTable::Cell{
          .text = std::move(text), .style = style, .align_right = true};
    };
    table.AddRow({{.text = std::string(name), .style = style},
                  number(CountText(total.tensors, "tensor")),
                  number(CountText(total.elements, "element")),
                  number(HumanBytes(static_cast<uint64_t>(total.bytes)))});
  };
  for (const auto& [dtype, total] : summary.by_dtype) {
    add(DTypeName(dtype), total, TextStyle::kPlain);
  }
  if (summary.by_dtype.size() > 1) {
    add("together", summary.all, TextStyle::kBold);
  }
  AddTitle("Totals");
  absl::StrAppend(&text_, table.Render(terminal_.has_color, 2));
  const int64_t parameters = summary.all.parameters;
  absl::StrAppend(&text_, "  ", CountText(parameters, "parameter"),
                  CountSuffix(parameters));
  const int64_t buffers = summary.all.elements - parameters;
  if (buffers > 0) {
    absl::StrAppend(&text_, ", and ", GroupedDigits(buffers),
                    " elements of buffers");
  }
  text_ += "\n";
  const uint64_t storage_bytes = StorageBytes();
  if (storage_bytes != static_cast<uint64_t>(summary.all.bytes)) {
    absl::StrAppend(&text_, "  ", HumanBytes(storage_bytes),
                    " in memory, as some are parts of the same or of larger "
                    "storages\n");
  }
  if (summary.without_data > 0) {
    absl::StrAppend(&text_, "  ", CountText(summary.without_data, "tensor"),
                    " without data in the file (saved on the meta device)\n");
  }
  AddLocations();
}

// The devices that tensors were saved from, unless that is the CPU.
void View::AddLocations() {
  constexpr size_t kMaxLocations = 16;
  std::map<absl::string_view, int64_t> counts;
  for (const TensorEntry& tensor : catalog_.tensors) {
    if (tensor.location != "cpu" && tensor.location != "meta") {
      ++counts[tensor.location];
    }
  }
  if (counts.empty()) {
    return;
  }
  std::vector<std::string> parts;
  for (const auto& [location, count] : counts) {
    if (parts.size() == kMaxLocations) {
      parts.push_back("others");
      break;
    }
    parts.push_back(absl::StrCat(DisplayText(location, kMaxTextWidth), " (",
                                 CountText(count, "tensor"), ")"));
  }
  absl::StrAppend(&text_, "  saved on ", absl::StrJoin(parts, ", "),
                  "; where they are loaded to is for --device\n");
}

void View::AddTies(const Summary& summary) {
  const size_t shown = ShownLines(summary.ties.size());
  for (size_t i = 0; i < shown; ++i) {
    const auto& [tied, first] = summary.ties[i];
    absl::StrAppend(
        &text_, "  tied: ", DisplayText(rows_[tied].name, kMaxTextWidth), " = ",
        DisplayText(rows_[first].name, kMaxTextWidth), ", counted once\n");
  }
  AddMore(summary.ties.size());
}

void View::AddOther() {
  const std::vector<ContentLine> lines = OtherContents(catalog_, rows_, use_);
  if (lines.empty()) {
    return;
  }
  AddTitle("Also in this file");
  TextTable table;
  for (size_t i = 0; i < ShownLines(lines.size()); ++i) {
    table.AddRow({{.text = lines[i].name}, {.text = lines[i].text}});
  }
  absl::StrAppend(&text_, table.Render(terminal_.has_color, 2));
  AddMore(lines.size());
}

void View::AddObjects() {
  const OpaqueObjects found = FindOpaqueObjects(catalog_.root());
  if (found.objects.empty()) {
    return;
  }
  // Classes in the order in which they are found.
  struct ClassLine {
    const OpaqueObject* first;
    int64_t count;
  };
  std::vector<ClassLine> classes;
  absl::flat_hash_map<absl::string_view, size_t> class_of;
  for (const OpaqueObject& object : found.objects) {
    const auto [known, is_new] =
        class_of.try_emplace(object.class_name, classes.size());
    if (is_new) {
      classes.push_back({&object, 0});
    }
    ++classes[known->second].count;
  }
  AddTitle("Objects kept as data (none of their code was run)");
  TextTable table;
  for (size_t i = 0; i < ShownLines(classes.size()); ++i) {
    const OpaqueObject& first = *classes[i].first;
    std::string place =
        first.path.empty()
            ? "the file's root"
            : absl::StrCat("at ", DisplayText(first.path, kMaxTextWidth));
    if (classes[i].count > 1) {
      absl::StrAppend(&place, " and ",
                      CountText(classes[i].count - 1, "other place"));
    }
    table.AddRow({{.text = DisplayText(first.class_name, kMaxTextWidth)},
                  {.text = std::move(place), .style = TextStyle::kDim}});
  }
  absl::StrAppend(&text_, table.Render(terminal_.has_color, 2));
  AddMore(classes.size());
}

void View::AddMetadata() {
  // torch.save's is about the archive: the header says what matters of it.
  if (catalog_.metadata.empty() || catalog_.format == Format::kTorchZip) {
    return;
  }
  AddTitle("Metadata");
  TextTable table;
  for (size_t i = 0; i < ShownLines(catalog_.metadata.size()); ++i) {
    const auto& [key, value] = catalog_.metadata[i];
    table.AddRow({{.text = DisplayText(key, kMaxTextWidth)},
                  {.text = DisplayText(value, kMaxTextWidth)}});
  }
  absl::StrAppend(&text_, table.Render(terminal_.has_color, 2));
  AddMore(catalog_.metadata.size());
}

void View::AddWarnings(const std::vector<std::string>& warnings) {
  if (warnings.empty()) {
    return;
  }
  constexpr size_t kMaxWarningWidth = 500;
  text_ += "\n";
  for (size_t i = 0; i < ShownLines(warnings.size()); ++i) {
    absl::StrAppend(&text_, Style("warning", TextStyle::kYellow), ": ",
                    DisplayText(warnings[i], kMaxWarningWidth), "\n");
  }
  AddMore(warnings.size());
}

std::string View::Run(absl::string_view path,
                      const std::vector<std::string>& warnings) {
  text_ = CatalogHeader(catalog_, path, terminal_);
  AddModules();
  if (use_.model.empty()) {
    absl::StrAppend(&text_, "\n", "No tensors",
                    use_.optimizer.empty() ? "" : " of a model", "\n");
  } else {
    AddTree(path);
    const Summary summary = Summarize(rows_, use_.model);
    AddTotals(summary);
    AddTies(summary);
  }
  AddOther();
  AddObjects();
  AddMetadata();
  AddWarnings(warnings);
  return std::move(text_);
}

}  // namespace

std::string CatalogView(const Catalog& catalog, absl::string_view path,
                        const std::vector<std::string>& warnings,
                        const Terminal& terminal) {
  return View(catalog, terminal).Run(path, warnings);
}

}  // namespace hoist
