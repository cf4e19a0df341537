#include "hoist/tools/ui/diff_view.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/text_table.h"
#include "hoist/tools/ui/value_text.h"

namespace hoist {
namespace {

constexpr size_t kMaxLines = 50;  // of each kind; JSON has all
constexpr size_t kMaxNameWidth = 100;
constexpr size_t kMaxValueWidth = 60;

std::string FormOf(const TensorEntry& tensor) {
  return absl::StrCat(DTypeName(tensor.spec.dtype), " ",
                      ShapeString(tensor.spec.shape));
}

std::string NumbersText(const NumberDiff& numbers) {
  std::string text = absl::StrCat(
      GroupedDigits(static_cast<int64_t>(numbers.differing)), " of ",
      CountText(static_cast<int64_t>(numbers.count), "number"), " differ");
  if (numbers.beyond != numbers.differing) {
    absl::StrAppend(&text, ", ",
                    GroupedDigits(static_cast<int64_t>(numbers.beyond)),
                    " beyond the tolerance");
  }
  if (numbers.max_abs > 0) {
    absl::StrAppendFormat(&text, ", max abs %.4g at %s, max rel %.4g",
                          numbers.max_abs, ShapeString(numbers.max_abs_at),
                          numbers.max_rel);
  }
  if (numbers.nan_a != numbers.nan_b || numbers.nan_a > 0) {
    absl::StrAppend(&text, ", NaN ",
                    GroupedDigits(static_cast<int64_t>(numbers.nan_a)), " -> ",
                    GroupedDigits(static_cast<int64_t>(numbers.nan_b)));
  }
  return text;
}

class DiffText {
 public:
  DiffText(const DiffReport& report, const DiffSide& a, const DiffSide& b,
           const Terminal& terminal)
      : report_(report), a_(a), b_(b), has_color_(terminal.has_color) {}

  std::string Make() {
    AddHeader();
    AddVerdict();
    AddTensors("removed", TextStyle::kRed, report_.removed, a_);
    AddTensors("added", TextStyle::kGreen, report_.added, b_);
    AddRenamed();
    AddChanged();
    AddValues();
    AddMetadata();
    for (const std::string& remark : report_.remarks) {
      AddLine("remark", TextStyle::kDim, DisplayText(remark));
    }
    return std::move(text_);
  }

 private:
  void AddHeader();
  void AddVerdict();
  void AddTensors(absl::string_view what, TextStyle style,
                  const std::vector<int>& tensors, const DiffSide& side);
  void AddRenamed();
  void AddChanged();
  void AddValues();
  void AddMetadata();
  void AddLine(absl::string_view what, TextStyle style,
               absl::string_view line) {
    // The longest of them has eight letters.
    absl::StrAppend(&text_, "  ", Styled(what, style, has_color_),
                    std::string(what.size() < 8 ? 10 - what.size() : 2, ' '),
                    line, "\n");
  }
  void AddMore(absl::string_view what, TextStyle style, int64_t count) {
    if (count > 0) {
      AddLine(what, style, absl::StrCat("and ", count, " more"));
    }
  }

  const DiffReport& report_;
  const DiffSide& a_;
  const DiffSide& b_;
  const bool has_color_;
  std::string text_;
};

void DiffText::AddHeader() {
  const auto add = [this](absl::string_view letter, const DiffSide& side) {
    absl::StrAppend(
        &text_, letter, "  ", DisplayText(side.path), "  ",
        FormatName(side.catalog.format), ", ",
        CountText(static_cast<int64_t>(side.catalog.tensors.size()), "tensor"),
        "\n");
    for (const std::string& warning : side.catalog.warnings) {
      absl::StrAppend(&text_, "   ",
                      Styled("Warning", TextStyle::kYellow, has_color_), ": ",
                      DisplayText(warning), "\n");
    }
  };
  add("A", a_);
  add("B", b_);
}

void DiffText::AddVerdict() {
  if (IsSame(report_)) {
    const absl::string_view verdict =
        report_.not_read_count > 0 ? "same as far as can be told without "
                                     "reading tensors"
                                   : "same";
    text_ += Styled(verdict, TextStyle::kGreen, has_color_);
  } else {
    text_ += Styled("DIFFERENT", TextStyle::kRed, has_color_);
  }
  absl::StrAppend(&text_, ": ", CountText(report_.same_count, "tensor"),
                  " the same");
  if (report_.not_read_count > 0) {
    absl::StrAppend(&text_, " in name, dtype and shape, ",
                    report_.not_read_count, " of them not read");
  }
  const auto count = [this](size_t number, absl::string_view what) {
    if (number > 0) {
      absl::StrAppend(&text_, ", ", number, " ", what);
    }
  };
  count(report_.changed.size(), "changed");
  count(report_.removed.size(), "removed");
  count(report_.added.size(), "added");
  count(report_.renamed.size(), "renamed");
  if (report_.value_count > 0) {
    absl::StrAppend(&text_, ", ",
                    CountText(report_.value_count, "other value"));
  }
  if (!report_.metadata.empty()) {
    absl::StrAppend(
        &text_, ", metadata: ",
        CountText(static_cast<int64_t>(report_.metadata.size()), "difference"));
  }
  if (report_.is_partial) {
    text_ += "; there may be more";
  }
  text_ += "\n";
  if (report_.checksum_count > 0) {
    absl::StrAppend(&text_, "  ", CountText(report_.checksum_count, "tensor"),
                    " (", HumanBytes(report_.checksum_bytes),
                    ") told by recorded checksums\n");
  }
  if (report_.read_bytes > 0) {
    const std::string rate = HumanRate(report_.read_bytes, report_.time_ns);
    absl::StrAppend(&text_, "  ", HumanBytes(report_.read_bytes),
                    " read of both in ", HumanTime(report_.time_ns),
                    rate.empty() ? "" : ", ", rate, "\n");
  }
}

void DiffText::AddTensors(absl::string_view what, TextStyle style,
                          const std::vector<int>& tensors,
                          const DiffSide& side) {
  const size_t shown = std::min(tensors.size(), kMaxLines);
  for (size_t i = 0; i < shown; ++i) {
    const TensorEntry& tensor = side.catalog.tensors[tensors[i]];
    AddLine(what, style,
            absl::StrCat(DisplayText(tensor.name, kMaxNameWidth), "  ",
                         FormOf(tensor)));
  }
  AddMore(what, style, static_cast<int64_t>(tensors.size() - shown));
}

// "model." and "": what is before the parts that two names end with.
std::pair<std::string, std::string> BeforeCommonEnd(absl::string_view a,
                                                    absl::string_view b) {
  size_t end_a = a.size();
  size_t end_b = b.size();
  size_t common = 0;  // behind a dot, or all of one name
  while (end_a > 0 && end_b > 0 && a[end_a - 1] == b[end_b - 1]) {
    --end_a;
    --end_b;
    const bool is_part_a = end_a == 0 || a[end_a - 1] == '.';
    const bool is_part_b = end_b == 0 || b[end_b - 1] == '.';
    if (is_part_a && is_part_b) {
      common = a.size() - end_a;
    }
  }
  return {std::string(a.substr(0, a.size() - common)),
          std::string(b.substr(0, b.size() - common))};
}

void DiffText::AddRenamed() {
  // Those that differ in the same parts, in the order of the first ones.
  struct Group {
    TensorPair first;
    int64_t count = 0;
  };
  std::vector<std::pair<std::string, std::string>> order;
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const TensorPair& pair : report_.renamed) {
    const auto before = BeforeCommonEnd(a_.catalog.tensors[pair.a].name,
                                        b_.catalog.tensors[pair.b].name);
    Group& group = groups[before];
    if (group.count++ == 0) {
      group.first = pair;
      order.push_back(before);
    }
  }
  constexpr absl::string_view kWhat = "renamed";
  const size_t shown = std::min(order.size(), kMaxLines);
  for (size_t i = 0; i < shown; ++i) {
    const Group& group = groups[order[i]];
    AddLine(
        kWhat, TextStyle::kYellow,
        group.count == 1
            ? absl::StrCat(DisplayText(a_.catalog.tensors[group.first.a].name,
                                       kMaxNameWidth),
                           " -> ",
                           DisplayText(b_.catalog.tensors[group.first.b].name,
                                       kMaxNameWidth))
            : absl::StrCat(DisplayText(order[i].first, kMaxNameWidth), "* -> ",
                           DisplayText(order[i].second, kMaxNameWidth), "*  ",
                           CountText(group.count, "tensor")));
  }
  AddMore(kWhat, TextStyle::kYellow,
          static_cast<int64_t>(order.size() - shown));
}

void DiffText::AddChanged() {
  const size_t shown = std::min(report_.changed.size(), kMaxLines);
  for (size_t i = 0; i < shown; ++i) {
    const TensorDiff& changed = report_.changed[i];
    const TensorEntry& a = a_.catalog.tensors[changed.tensors.a];
    const TensorEntry& b = b_.catalog.tensors[changed.tensors.b];
    std::vector<std::string> parts;
    if (changed.is_shape_different) {
      parts.push_back(absl::StrCat("shape ", ShapeString(a.spec.shape), " -> ",
                                   ShapeString(b.spec.shape)));
    }
    if (changed.is_dtype_different) {
      parts.push_back(absl::StrCat("dtype ", DTypeName(a.spec.dtype), " -> ",
                                   DTypeName(b.spec.dtype)));
    }
    if (changed.is_data_missing) {
      parts.push_back(a.storage ? "without data in B" : "without data in A");
    }
    if (changed.numbers) {
      parts.push_back(NumbersText(*changed.numbers));
    } else if (changed.elements == ElementsDiff::kDifferent) {
      parts.push_back("other elements");
    }
    AddLine("changed", TextStyle::kYellow,
            absl::StrCat(DisplayText(a.name, kMaxNameWidth), "  ",
                         absl::StrJoin(parts, ", ")));
  }
  AddMore("changed", TextStyle::kYellow,
          static_cast<int64_t>(report_.changed.size() - shown));
}

void DiffText::AddValues() {
  const auto shown_value = [](const DiffSide& side,
                              const std::optional<ValueId>& id) {
    return id ? ShortValueText(Value(side.catalog.values.get(), *id),
                               kMaxValueWidth)
              : std::string("nothing");
  };
  const size_t shown = std::min(report_.values.size(), kMaxLines);
  for (size_t i = 0; i < shown; ++i) {
    const ValueDiff& value = report_.values[i];
    AddLine("value", TextStyle::kYellow,
            absl::StrCat(value.path.empty()
                             ? "the root"
                             : DisplayText(value.path, kMaxNameWidth),
                         "  ", shown_value(a_, value.a), " -> ",
                         shown_value(b_, value.b)));
  }
  AddMore("value", TextStyle::kYellow,
          report_.value_count - static_cast<int64_t>(shown));
}

void DiffText::AddMetadata() {
  const auto shown_text = [](const std::optional<std::string>& text) {
    return text ? absl::StrCat("\"", DisplayText(*text, kMaxValueWidth), "\"")
                : std::string("nothing");
  };
  const size_t shown = std::min(report_.metadata.size(), kMaxLines);
  for (size_t i = 0; i < shown; ++i) {
    const MetadataDiff& entry = report_.metadata[i];
    AddLine("metadata", TextStyle::kYellow,
            absl::StrCat(DisplayText(entry.key, kMaxNameWidth), "  ",
                         shown_text(entry.a), " -> ", shown_text(entry.b)));
  }
  AddMore("metadata", TextStyle::kYellow,
          static_cast<int64_t>(report_.metadata.size() - shown));
}

}  // namespace

std::string DiffView(const DiffReport& report, const DiffSide& a,
                     const DiffSide& b, const Terminal& terminal) {
  return DiffText(report, a, b, terminal).Make();
}

}  // namespace hoist
