#include "hoist/tools/ui/tensor_text.h"

#include <algorithm>
#include <complex>
#include <cstddef>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/tools/ui/number_format.h"

namespace hoist {
namespace {

constexpr int64_t kEdgeItems = 3;
constexpr int64_t kLineWidth = 80;
constexpr absl::string_view kPrefix = "tensor(";

int64_t Elements(const TensorEntry& entry) {
  return ElementCount(entry.spec.shape).value_or(0);
}

// Whether the middle of a dimension is left out, in a tensor that is too large
// to be shown in full.
bool IsCut(int64_t size) { return size > 2 * kEdgeItems; }

// The elements as text, all of a width (save for infinities and NaNs).
struct Cells {
  std::vector<std::string> texts;
  size_t width = 0;
};

double AsDouble(const ElementValue& value) {
  if (const auto* integer = std::get_if<uint64_t>(&value)) {
    return static_cast<double>(*integer);
  }
  return std::get<double>(value);
}

Cells FloatCells(absl::Span<const ElementValue> values, DType dtype) {
  std::vector<double> numbers;
  for (const ElementValue& value : values) {
    numbers.push_back(AsDouble(value));
  }
  const NumberFormat format(numbers, dtype);
  Cells cells{.texts = {}, .width = format.width()};
  for (const double number : numbers) {
    cells.texts.push_back(format.Text(number));
  }
  return cells;
}

Cells ComplexCells(absl::Span<const ElementValue> values, DType dtype) {
  std::vector<double> reals;
  std::vector<double> imaginaries;
  for (const ElementValue& value : values) {
    const auto& number = std::get<std::complex<double>>(value);
    reals.push_back(number.real());
    imaginaries.push_back(number.imag());
  }
  const NumberFormat real_format(reals, dtype);
  const NumberFormat imaginary_format(imaginaries, dtype);
  Cells cells{.texts = {},
              .width = real_format.width() + imaginary_format.width() + 1};
  for (size_t i = 0; i < reals.size(); ++i) {
    const std::string padded = imaginary_format.Text(imaginaries[i]);
    const std::string imaginary = padded.substr(padded.find_first_not_of(' '));
    cells.texts.push_back(absl::StrCat(real_format.Text(reals[i]),
                                       imaginary[0] == '-' ? "" : "+",
                                       imaginary, "j"));
  }
  return cells;
}

std::string WholeText(const ElementValue& value, DType dtype) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    return *truth ? "True" : "False";
  }
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return absl::StrCat(*number);
  }
  const uint64_t number = std::get<uint64_t>(value);
  switch (dtype) {
    case DType::kBits1x8:
    case DType::kBits2x4:
    case DType::kBits4x2:
    case DType::kBits8:
      return absl::StrFormat("0x%02x", number);
    case DType::kBits16:
      return absl::StrFormat("0x%04x", number);
    default:
      return absl::StrCat(number);
  }
}

Cells WholeCells(absl::Span<const ElementValue> values, DType dtype) {
  Cells cells{.texts = {}, .width = 1};
  for (const ElementValue& value : values) {
    cells.texts.push_back(WholeText(value, dtype));
    cells.width = std::max(cells.width, cells.texts.back().size());
  }
  for (std::string& text : cells.texts) {
    text.insert(0, cells.width - text.size(), ' ');
  }
  return cells;
}

Cells CellsOf(const Tensor& shown) {
  const DType dtype = shown.dtype();
  const auto element_bytes = static_cast<size_t>(DTypeBits(dtype) / 8);
  const auto* bytes = static_cast<const uint8_t*>(shown.data());
  std::vector<ElementValue> values;
  for (int64_t i = 0; i < shown.element_count(); ++i) {
    values.push_back(
        DecodeElement(dtype, bytes + static_cast<size_t>(i) * element_bytes));
  }
  if (IsComplex(dtype)) {
    return ComplexCells(values, dtype);
  }
  return IsFloatingPoint(dtype) ? FloatCells(values, dtype)
                                : WholeCells(values, dtype);
}

// Puts cells, which are used up in their order, into brackets and lines.
class Layout {
 public:
  Layout(absl::Span<const int64_t> shape, Cells cells, bool is_cut)
      : shape_(shape), cells_(std::move(cells)), is_cut_(is_cut) {}

  std::string Run() { return shape_.empty() ? Next() : Nested(0); }

 private:
  std::string Next() { return std::move(cells_.texts[next_++]); }

  // A place for each item along `dimension`, and one for those left out.
  template <typename Item>
  std::vector<std::string> Items(size_t dimension, absl::string_view gap,
                                 Item item) {
    const bool is_cut = is_cut_ && IsCut(shape_[dimension]);
    const int64_t count = is_cut ? 2 * kEdgeItems : shape_[dimension];
    std::vector<std::string> items;
    for (int64_t i = 0; i < count; ++i) {
      if (is_cut && i == kEdgeItems) {
        items.emplace_back(gap);
      }
      items.push_back(item());
    }
    return items;
  }

  // The column in which what is inside the brackets of `dimension` starts.
  static std::string Indent(size_t dimension) {
    return std::string(kPrefix.size() + dimension + 1, ' ');
  }

  std::string Nested(size_t dimension) {
    if (dimension + 1 == shape_.size()) {
      return Lines(dimension);
    }
    const std::string separator =
        absl::StrCat(",", std::string(shape_.size() - dimension - 1, '\n'),
                     Indent(dimension));
    return absl::StrCat(
        "[",
        absl::StrJoin(
            Items(dimension, "...", [&] { return Nested(dimension + 1); }),
            separator),
        "]");
  }

  std::string Lines(size_t dimension) {
    const std::vector<std::string> items =
        Items(dimension, " ...", [this] { return Next(); });
    const int64_t columns =
        kLineWidth - static_cast<int64_t>(kPrefix.size() + dimension);
    const auto in_a_line = static_cast<size_t>(
        std::max<int64_t>(columns / static_cast<int64_t>(cells_.width + 2), 1));
    std::string text = "[";
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0 && i % in_a_line == 0) {
        absl::StrAppend(&text, ",\n", Indent(dimension));
      } else if (i > 0) {
        absl::StrAppend(&text, ", ");
      }
      absl::StrAppend(&text, items[i]);
    }
    return text + "]";
  }

  const absl::Span<const int64_t> shape_;
  Cells cells_;
  const bool is_cut_;
  size_t next_ = 0;
};

// Python's text of a tuple.
std::string SizeText(absl::Span<const int64_t> shape) {
  return absl::StrCat("size=(", absl::StrJoin(shape, ", "),
                      shape.size() == 1 ? ",)" : ")");
}

std::string DTypeText(DType dtype) {
  // PyTorch has no packed dtypes.
  return absl::StrCat("dtype=", HasElementValues(dtype) ? "torch." : "",
                      DTypeName(dtype));
}

// Which dtype is clear from the elements.
bool IsDefaultDType(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kComplex64 ||
         dtype == DType::kInt64 || dtype == DType::kBool;
}

std::string WithSuffixes(std::string text,
                         absl::Span<const std::string> suffixes) {
  const size_t line_end = text.rfind('\n');
  // As PyTorch counts: one too many.
  size_t line_size =
      text.size() - (line_end == std::string::npos ? 0 : line_end + 1) + 2;
  for (const std::string& suffix : suffixes) {
    if (line_size + suffix.size() + 2 > static_cast<size_t>(kLineWidth)) {
      absl::StrAppend(&text, ",\n", std::string(kPrefix.size(), ' '), suffix);
      line_size = kPrefix.size() + suffix.size();
    } else {
      absl::StrAppend(&text, ", ", suffix);
      line_size += suffix.size() + 2;
    }
  }
  return text + ")";
}

}  // namespace

std::optional<std::vector<std::vector<int64_t>>> ShownElements(
    const TensorEntry& entry) {
  // Of elements times dimensions: text is in proportion to that.
  constexpr int64_t kMaxWork = int64_t{1} << 22;
  const std::vector<int64_t>& shape = entry.spec.shape;
  const int64_t elements = Elements(entry);
  if (!entry.storage || elements == 0 || !HasElementValues(entry.spec.dtype)) {
    return std::nullopt;
  }
  const bool is_cut = elements > kMaxElementsShownInFull;
  std::optional<int64_t> work = static_cast<int64_t>(shape.size()) + 1;
  std::vector<std::vector<int64_t>> indices;
  for (const int64_t size : shape) {
    std::vector<int64_t>& along = indices.emplace_back();
    for (int64_t i = 0; i < size; ++i) {
      if (is_cut && IsCut(size) && i == kEdgeItems) {
        i = size - kEdgeItems;
      }
      along.push_back(i);
    }
    work = CheckedMul(*work, static_cast<int64_t>(along.size()));
    if (!work || *work > kMaxWork) {
      return std::nullopt;
    }
  }
  return indices;
}

std::string TensorText(const TensorEntry& entry, const Tensor* shown) {
  const DType dtype = entry.spec.dtype;
  const int64_t elements = Elements(entry);
  std::string text(kPrefix);
  std::vector<std::string> suffixes;
  bool has_dtype = dtype != DType::kFloat32;
  if (entry.storage && elements == 0) {
    absl::StrAppend(&text, "[]");
    if (entry.spec.shape.size() != 1) {
      suffixes.push_back(SizeText(entry.spec.shape));
    }
  } else if (shown == nullptr) {
    absl::StrAppend(&text, "...");
    if (!entry.storage) {
      suffixes.emplace_back("device='meta'");
    }
    suffixes.push_back(SizeText(entry.spec.shape));
  } else {
    absl::StrAppend(&text, Layout(entry.spec.shape, CellsOf(*shown),
                                  elements > kMaxElementsShownInFull)
                               .Run());
    has_dtype = !IsDefaultDType(dtype);
  }
  if (has_dtype) {
    suffixes.push_back(DTypeText(dtype));
  }
  if (entry.requires_grad) {
    suffixes.emplace_back("requires_grad=True");
  }
  return absl::StrCat(entry.is_parameter ? "Parameter containing:\n" : "",
                      WithSuffixes(std::move(text), suffixes));
}

}  // namespace hoist
