#include "hoist/checkpoint/selection/tensor_slice.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kForms =
    "An index has integers, ranges as 1:5 or ::2, and ..., with commas between "
    "them";

absl::StatusOr<int64_t> ParseInteger(absl::string_view text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no integer of 64 bits"));
  }
  return number;
}

// nullopt for no text: the end or start of a range that was left out.
absl::StatusOr<std::optional<int64_t>> ParseBound(absl::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  HOIST_ASSIGN_OR_RETURN(const int64_t number, ParseInteger(text));
  return std::optional<int64_t>(number);
}

absl::StatusOr<SliceItem> ParseItem(absl::string_view text) {
  if (text.empty()) {
    return absl::InvalidArgumentError("There is nothing");
  }
  if (text == "...") {
    return SliceItem{.kind = SliceItem::Kind::kEllipsis};
  }
  std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  for (absl::string_view& part : parts) {
    part = absl::StripAsciiWhitespace(part);
  }
  if (parts.size() == 1) {
    HOIST_ASSIGN_OR_RETURN(const int64_t index, ParseInteger(parts[0]));
    return SliceItem{.kind = SliceItem::Kind::kIndex, .start = index};
  }
  if (parts.size() > 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" has more than start, stop and step"));
  }
  SliceItem item;
  HOIST_ASSIGN_OR_RETURN(item.start, ParseBound(parts[0]));
  HOIST_ASSIGN_OR_RETURN(item.stop, ParseBound(parts[1]));
  if (parts.size() == 3) {
    HOIST_ASSIGN_OR_RETURN(const std::optional<int64_t> step,
                           ParseBound(parts[2]));
    item.step = step.value_or(1);
  }
  if (item.step <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Step ", item.step, " is not positive"));
  }
  return item;
}

// Where a bound of a range lies, as Python has it: never outside.
int64_t PlaceOf(int64_t bound, int64_t size) {
  return std::clamp<int64_t>(bound < 0 ? bound + size : bound, 0, size);
}

// Moves `offset` by so many steps of `stride`. Only in a tensor that has no
// elements can it leave what fits; there its place does not matter.
void Advance(int64_t places, int64_t stride, int64_t& offset) {
  const auto distance = CheckedMul(places, stride);
  offset = (distance ? CheckedAdd(offset, *distance) : std::nullopt)
               .value_or(offset);
}

class Slicer {
 public:
  explicit Slicer(const TensorEntry& tensor) : from_(tensor), to_(tensor) {
    to_.spec.shape.clear();
    to_.spec.strides.clear();
  }

  absl::StatusOr<TensorEntry> Run(const TensorSlice& slice) {
    const std::vector<SliceItem>& items = slice.items;
    const auto named = static_cast<size_t>(
        std::count_if(items.begin(), items.end(), [](const SliceItem& item) {
          return item.kind != SliceItem::Kind::kEllipsis;
        }));
    const size_t dimensions = from_.spec.shape.size();
    if (named > dimensions) {
      return absl::InvalidArgumentError(
          absl::StrCat(slice.text, " has ", named, " indices, and shape ",
                       ShapeString(from_.spec.shape), " ", dimensions,
                       dimensions == 1 ? " dimension" : " dimensions"));
    }
    for (const SliceItem& item : items) {
      switch (item.kind) {
        case SliceItem::Kind::kEllipsis:
          KeepDimensions(dimensions - named);
          break;
        case SliceItem::Kind::kIndex:
          HOIST_RETURN_IF_ERROR(TakeIndex(*item.start));
          break;
        case SliceItem::Kind::kRange:
          TakeRange(item);
          break;
      }
    }
    KeepDimensions(dimensions - next_);
    absl::StrAppend(&to_.name, slice.text);
    to_.requires_grad = false;
    to_.is_parameter = false;
    return std::move(to_);
  }

 private:
  void Push(int64_t size, int64_t stride) {
    to_.spec.shape.push_back(size);
    to_.spec.strides.push_back(stride);
  }

  void KeepDimensions(size_t count) {
    for (size_t i = 0; i < count; ++i, ++next_) {
      Push(from_.spec.shape[next_], from_.spec.strides[next_]);
    }
  }

  absl::Status TakeIndex(int64_t index) {
    const int64_t size = from_.spec.shape[next_];
    if (index < -size || index >= size) {
      return WithHint(
          absl::InvalidArgumentError(
              absl::StrCat("Index ", index, " is out of range for dimension ",
                           next_, " of size ", size)),
          size == 0 ? std::string("This dimension has no elements: only ranges "
                                  "can be taken of it")
                    : absl::StrCat("Take one of ", -size, " to ", size - 1));
    }
    Advance(index < 0 ? index + size : index, from_.spec.strides[next_],
            to_.storage_offset);
    ++next_;
    return absl::OkStatus();
  }

  void TakeRange(const SliceItem& item) {
    const int64_t size = from_.spec.shape[next_];
    const int64_t stride = from_.spec.strides[next_];
    const int64_t start = PlaceOf(item.start.value_or(0), size);
    const int64_t stop = PlaceOf(item.stop.value_or(size), size);
    const int64_t count = stop > start ? (stop - start - 1) / item.step + 1 : 0;
    Advance(start, stride, to_.storage_offset);
    // Where there is a second place, the way to it fits.
    Push(count, CheckedMul(stride, item.step).value_or(stride));
    ++next_;
  }

  const TensorEntry& from_;
  TensorEntry to_;
  size_t next_ = 0;  // dimension
};

}  // namespace

std::optional<std::pair<absl::string_view, absl::string_view>> SplitIndex(
    absl::string_view name) {
  const size_t open = name.rfind('[');
  if (open == absl::string_view::npos || !absl::EndsWith(name, "]")) {
    return std::nullopt;
  }
  return std::make_pair(name.substr(0, open),
                        name.substr(open + 1, name.size() - open - 2));
}

absl::StatusOr<TensorSlice> ParseTensorSlice(absl::string_view text) {
  TensorSlice slice{.items = {}, .text = absl::StrCat("[", text, "]")};
  std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  // As in Python, a comma may be the last.
  if (parts.size() > 1 && absl::StripAsciiWhitespace(parts.back()).empty()) {
    parts.pop_back();
  }
  bool has_ellipsis = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::StatusOr<SliceItem> item =
        ParseItem(absl::StripAsciiWhitespace(parts[i]));
    if (item.ok() && item->kind == SliceItem::Kind::kEllipsis) {
      if (has_ellipsis) {
        item = absl::InvalidArgumentError("There is more than one \"...\"");
      }
      has_ellipsis = true;
    }
    if (!item.ok()) {
      return WithHint(
          Annotate(item.status(),
                   absl::StrCat("Part ", i + 1, " of the index ", slice.text)),
          kForms);
    }
    slice.items.push_back(*std::move(item));
  }
  return slice;
}

absl::StatusOr<TensorEntry> SliceTensor(const TensorEntry& tensor,
                                        const TensorSlice& slice) {
  absl::StatusOr<TensorEntry> part =
      DTypeBits(tensor.spec.dtype) % 8 == 0
          ? Slicer(tensor).Run(slice)
          : absl::UnimplementedError(
                absl::StrCat("Parts of ", DTypeName(tensor.spec.dtype),
                             " cannot be taken, as its elements are packed"));
  if (!part.ok()) {
    return Annotate(part.status(), absl::StrCat("Tensor ", tensor.name));
  }
  return part;
}

}  // namespace hoist
