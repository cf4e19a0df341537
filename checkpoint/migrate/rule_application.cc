#include "hoist/checkpoint/migrate/rule_application.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "hoist/checkpoint/migrate/tensor_transforms.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

using Kind = MigrationChange::Kind;

// A tensor without strides, or dimensions to have some, costs nothing.
uint64_t BytesOf(const TensorSpec& spec) {
  return static_cast<uint64_t>(LogicalBytes(spec).value_or(0));
}

// What a writer has to compute of a view that is new.
uint64_t ComputedBytes(const TensorEntry& tensor) {
  return tensor.storage && !IsContiguous(tensor.spec) ? BytesOf(tensor.spec)
                                                      : 0;
}

bool FitsShape(const std::vector<int64_t>& shape,
               const std::vector<int64_t>& open) {
  return std::equal(shape.begin(), shape.end(), open.begin(), open.end(),
                    [](int64_t size, int64_t wanted) {
                      return wanted < 0 || size == wanted;
                    });
}

// How many tensors and values there are of each name.
absl::flat_hash_map<std::string, size_t> CountNames(
    const CatalogEditor& editor) {
  absl::flat_hash_map<std::string, size_t> counts;
  for (const auto& indices : {editor.Tensors(), editor.Values()}) {
    for (const size_t index : indices) {
      ++counts[editor.name(index)];
    }
  }
  return counts;
}

std::string ShapeChange(const TensorSpec& from, const TensorSpec& to) {
  return absl::StrCat(ShapeString(from.shape), " to ", ShapeString(to.shape));
}

}  // namespace

absl::Status RuleApplication::Run(const MigrationRule& rule) {
  report_.steps.push_back({.name = rule.text});
  has_met_ = false;
  const auto names = CountNames(editor_);
  const absl::Status status =
      std::visit([&](const auto& action) { return Do(action); }, rule.action);
  HOIST_RETURN_IF_ERROR(status);
  if (!has_met_ && !rule.is_optional) {
    return absl::InvalidArgumentError(
        "It means no tensor that is there then; \"optional\": true would "
        "allow that");
  }
  // Two of one name may have been there from the start.
  for (const auto& [name, count] : CountNames(editor_)) {
    const auto before = names.find(name);
    if (count >
        std::max(size_t{1}, before == names.end() ? 0 : before->second)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Two tensors would have the name ", name));
    }
  }
  return absl::OkStatus();
}

std::vector<size_t> RuleApplication::Meant(const NameSelector& names,
                                           bool with_values) {
  std::vector<size_t> meant;
  const auto add = [&](const std::vector<size_t>& indices) {
    for (const size_t index : indices) {
      const auto inner = Inner(index);
      if (inner && names.Means(*inner)) {
        meant.push_back(index);
      }
    }
  };
  add(editor_.Tensors());
  if (with_values) {
    add(editor_.Values());
  }
  has_met_ = has_met_ || !meant.empty();
  return meant;
}

// Replaces each tensor that is meant by what `change` makes of it, which says
// so in words.
template <typename Change>
absl::Status RuleApplication::ForEachTensor(const NameSelector& names,
                                            Kind kind, Change&& change) {
  for (const size_t index : Meant(names, /*with_values=*/false)) {
    const TensorEntry before = editor_.tensor(index);
    std::string detail;
    absl::StatusOr<TensorEntry> after = change(before, detail);
    if (!after.ok()) {
      return Annotate(after.status(), absl::StrCat("Tensor ", before.name));
    }
    const bool is_same = after->spec == before.spec &&
                         after->storage == before.storage &&
                         after->storage_offset == before.storage_offset;
    if (is_same) {
      continue;
    }
    const bool is_made = after->storage && after->storage != before.storage;
    Record({.kind = kind,
            .from = before.name,
            .to = before.name,
            .detail = std::move(detail),
            .computed_bytes =
                is_made ? BytesOf(after->spec) : ComputedBytes(*after)});
    editor_.Replace(index, *std::move(after));
  }
  return absl::OkStatus();
}

absl::Status RuleApplication::Do(const rules::Rename& rename) {
  std::vector<size_t> indices = editor_.Tensors();
  const std::vector<size_t> values = editor_.Values();
  indices.insert(indices.end(), values.begin(), values.end());
  std::vector<std::string> before;
  for (const size_t index : indices) {
    before.push_back(editor_.name(index));
    const auto inner = Inner(index);
    const auto to = inner ? rename.rule.Apply(*inner) : std::nullopt;
    if (!to) {
      continue;
    }
    has_met_ = true;
    if (to->empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Tensor ", before.back(), " would have no name"));
    }
    if (*to != *inner) {
      Record({.kind = Kind::kRename, .from = before.back(), .to = Outer(*to)});
      editor_.Rename(index, Outer(*to));
    }
  }
  WarnOfNames(rename.rule, before, indices);
  return absl::OkStatus();
}

void RuleApplication::WarnOfNames(const RenameRule& rule,
                                  const std::vector<std::string>& before,
                                  const std::vector<size_t>& indices) {
  const auto reverse = rule.Reverse();
  if (!reverse.ok()) {
    return;  // whoever wants to undo it is told
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto inner = Inner(indices[i]);
    if (!inner) {
      continue;
    }
    const std::string again =
        Outer(reverse->Apply(*inner).value_or(std::string(*inner)));
    if (again != before[i]) {
      Warn(absl::StrCat("it cannot be undone here, as ",
                        editor_.name(indices[i]), " would become ", again,
                        ", and was ", before[i]));
      break;
    }
  }
}

absl::Status RuleApplication::Do(const rules::Drop& drop) {
  const std::vector<size_t> tensors = editor_.Tensors();  // in order
  for (const size_t index : Meant(drop.names, /*with_values=*/true)) {
    if (drop.restore) {
      const TensorSpec& spec = editor_.tensor(index).spec;
      if (spec.dtype != drop.restore->dtype ||
          spec.shape != drop.restore->shape) {
        return absl::InvalidArgumentError(absl::StrCat(
            "Tensor ", editor_.name(index), " is ", DTypeName(spec.dtype),
            ShapeString(spec.shape), ", and what would be restored is ",
            DTypeName(drop.restore->dtype), ShapeString(drop.restore->shape)));
      }
    }
    // Of other values that a state dict holds there is no more to say.
    const bool is_tensor =
        std::binary_search(tensors.begin(), tensors.end(), index);
    const TensorSpec& spec = editor_.tensor(index).spec;
    Record({.kind = Kind::kDrop,
            .from = editor_.name(index),
            .detail = is_tensor ? absl::StrCat(DTypeName(spec.dtype),
                                               ShapeString(spec.shape), ", ",
                                               BytesOf(spec), " bytes less")
                                : ""});
    editor_.Drop(index);
  }
  return absl::OkStatus();
}

absl::Status RuleApplication::Do(const rules::Cast& cast) {
  return ForEachTensor(
      cast.names, Kind::kCast,
      [&](const TensorEntry& tensor,
          std::string& detail) -> absl::StatusOr<TensorEntry> {
        const DType dtype = tensor.spec.dtype;
        if (cast.from && dtype != *cast.from) {
          return absl::InvalidArgumentError(absl::StrCat(
              "It is ", DTypeName(dtype), ", and not ", DTypeName(*cast.from)));
        }
        if (dtype == cast.to) {
          return tensor;
        }
        detail = absl::StrCat(DTypeName(dtype), " to ", DTypeName(cast.to));
        return editor_.Derive({tensor}, 0, cast.to);
      });
}

absl::Status RuleApplication::Do(const rules::Transpose& transpose) {
  return ForEachTensor(
      transpose.names, Kind::kReshape,
      [&](const TensorEntry& tensor,
          std::string& detail) -> absl::StatusOr<TensorEntry> {
        HOIST_ASSIGN_OR_RETURN(
            TensorEntry view,
            TransposeTensor(tensor, transpose.first, transpose.second));
        detail =
            absl::StrCat("transposed, ", ShapeChange(tensor.spec, view.spec));
        return view;
      });
}

absl::Status RuleApplication::Do(const rules::Permute& permute) {
  return ForEachTensor(
      permute.names, Kind::kReshape,
      [&](const TensorEntry& tensor,
          std::string& detail) -> absl::StatusOr<TensorEntry> {
        HOIST_ASSIGN_OR_RETURN(TensorEntry view,
                               PermuteTensor(tensor, permute.order));
        detail =
            absl::StrCat("permuted, ", ShapeChange(tensor.spec, view.spec));
        return view;
      });
}

absl::Status RuleApplication::Do(const rules::Reshape& reshape) {
  return ForEachTensor(
      reshape.names, Kind::kReshape,
      [&](const TensorEntry& tensor,
          std::string& detail) -> absl::StatusOr<TensorEntry> {
        if (reshape.from && !FitsShape(tensor.spec.shape, *reshape.from)) {
          return absl::InvalidArgumentError(
              absl::StrCat("Its shape is ", ShapeString(tensor.spec.shape),
                           ", and not ", ShapeString(*reshape.from)));
        }
        HOIST_ASSIGN_OR_RETURN(const std::vector<int64_t> shape,
                               ResolveShape(tensor.spec, reshape.to));
        if (shape == tensor.spec.shape) {
          return tensor;
        }
        TensorEntry whole = tensor;
        if (!IsContiguous(tensor.spec)) {
          HOIST_ASSIGN_OR_RETURN(
              whole, editor_.Derive({tensor}, 0, tensor.spec.dtype));
        }
        HOIST_ASSIGN_OR_RETURN(TensorEntry view, ReshapeTensor(whole, shape));
        detail = ShapeChange(tensor.spec, view.spec);
        return view;
      });
}

absl::Status RuleApplication::Do(const rules::Slice& slice) {
  return ForEachTensor(
      slice.names, Kind::kReshape,
      [&](const TensorEntry& tensor,
          std::string& detail) -> absl::StatusOr<TensorEntry> {
        HOIST_ASSIGN_OR_RETURN(TensorEntry view,
                               IndexTensor(tensor, slice.index));
        detail = absl::StrCat("[", slice.index, "], ",
                              ShapeChange(tensor.spec, view.spec));
        return view;
      });
}

absl::StatusOr<std::vector<int64_t>> RuleApplication::SizesOf(
    const rules::Split& split, const TensorSpec& spec, size_t dim) const {
  const int64_t size = spec.shape[dim];
  const auto count = static_cast<int64_t>(split.into.size());
  if (split.sizes.empty()) {
    if (size % count != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("Dimension ", dim, " of ", size, " has no ", count,
                       " equal parts; \"sizes\" would say "
                       "which"));
    }
    return std::vector<int64_t>(split.into.size(), size / count);
  }
  // None is so large that they could not be added.
  int64_t left = size;
  for (const int64_t part : split.sizes) {
    if (part > left) {
      left = -1;
      break;
    }
    left -= part;
  }
  if (left != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The sizes do not make up dimension ", dim, " of ", size));
  }
  return split.sizes;
}

absl::Status RuleApplication::SplitOne(const rules::Split& split,
                                       size_t index) {
  const TensorEntry whole = editor_.tensor(index);
  HOIST_ASSIGN_OR_RETURN(const size_t dim,
                         DimensionOf(split.dim, whole.spec.shape.size()));
  HOIST_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                         SizesOf(split, whole.spec, dim));
  const std::string inner(*Inner(index));
  int64_t start = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    HOIST_ASSIGN_OR_RETURN(TensorEntry part,
                           NarrowTensor(whole, dim, start, sizes[i]));
    start += sizes[i];
    const auto name = split.into[i].Apply(inner);
    if (!name) {
      return absl::InvalidArgumentError(
          absl::StrCat("It has no name for part ", i + 1));
    }
    part.name = Outer(*name);
    Record({.kind = Kind::kSplit,
            .from = whole.name,
            .to = part.name,
            .detail = ShapeChange(whole.spec, part.spec),
            .computed_bytes = ComputedBytes(part)});
    editor_.AddBeside(index, std::move(part));
  }
  editor_.Drop(index);
  return absl::OkStatus();
}

absl::Status RuleApplication::Do(const rules::Split& split) {
  const std::vector<size_t> before = editor_.Tensors();
  for (const size_t index : before) {
    const auto inner = Inner(index);
    if (!inner || !split.into[0].Apply(*inner)) {
      continue;
    }
    has_met_ = true;
    const absl::Status status = SplitOne(split, index);
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("Tensor ", editor_.name(index)));
    }
  }
  absl::flat_hash_set<size_t> made;
  const size_t first_made = before.empty() ? 0 : before.back() + 1;
  for (const size_t index : editor_.Tensors()) {
    if (index >= first_made) {
      made.insert(index);
    }
  }
  std::vector<RenameRule> parts;
  for (const RenameRule& rule : split.into) {
    auto reverse = rule.Reverse();
    if (!reverse.ok()) {
      return absl::OkStatus();
    }
    parts.push_back(*std::move(reverse));
  }
  WarnOfOthers(parts, made);
  return absl::OkStatus();
}

void RuleApplication::WarnOfOthers(const std::vector<RenameRule>& meaning,
                                   const absl::flat_hash_set<size_t>& made) {
  for (const size_t index : editor_.Tensors()) {
    const auto inner = Inner(index);
    if (!inner || made.contains(index)) {
      continue;
    }
    for (const RenameRule& rule : meaning) {
      if (rule.Apply(*inner)) {
        Warn(absl::StrCat("it cannot be undone here, as ", editor_.name(index),
                          " has a name like what it makes"));
        return;
      }
    }
  }
}

absl::Status RuleApplication::ConcatOne(
    const rules::Concat& concat, const std::string& to,
    const std::vector<std::optional<size_t>>& parts) {
  std::vector<TensorEntry> entries;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat("Part ", i + 1, " of ", parts.size(), " for ", to,
                       " is not there (", concat.parts[i].text(), ")"));
    }
    entries.push_back(editor_.tensor(*parts[i]));
  }
  HOIST_ASSIGN_OR_RETURN(const size_t dim,
                         DimensionOf(concat.dim, entries[0].spec.shape.size()));
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::vector<int64_t>& shape = entries[i].spec.shape;
    // Other shapes are for Derive() to refuse.
    const int64_t size = dim < shape.size() ? shape[dim] : -1;
    const int64_t wanted =
        concat.sizes.empty() ? entries[0].spec.shape[dim] : concat.sizes[i];
    if (size != wanted) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Tensor ", entries[i].name, " has ", size, " places in dimension ",
          dim, ", and ", wanted,
          concat.sizes.empty()
              ? " have the others; \"sizes\" would say that they differ"
              : " are wanted"));
    }
  }
  const std::optional<TensorEntry> view = JoinTensors(entries, dim);
  TensorEntry whole = view.value_or(TensorEntry());
  if (!view) {
    HOIST_ASSIGN_OR_RETURN(whole, editor_.Derive(entries, static_cast<int>(dim),
                                                 entries[0].spec.dtype));
  }
  whole.name = Outer(to);
  for (size_t i = 0; i < entries.size(); ++i) {
    Record({.kind = Kind::kConcat,
            .from = entries[i].name,
            .to = whole.name,
            .detail = ShapeChange(entries[i].spec, whole.spec),
            .computed_bytes =
                view ? ComputedBytes(entries[i]) : BytesOf(entries[i].spec)});
  }
  editor_.AddBeside(*parts[0], std::move(whole));
  for (const auto& part : parts) {
    editor_.Drop(*part);
  }
  return absl::OkStatus();
}

absl::Status RuleApplication::Do(const rules::Concat& concat) {
  // By the name of the whole, in the order of the first parts.
  std::vector<std::pair<std::string, std::vector<std::optional<size_t>>>>
      wholes;
  absl::flat_hash_map<std::string, size_t> known;
  for (const size_t index : editor_.Tensors()) {
    const auto inner = Inner(index);
    bool is_part = false;
    for (size_t i = 0; inner && i < concat.parts.size(); ++i) {
      const auto to = concat.parts[i].Apply(*inner);
      if (!to) {
        continue;
      }
      if (is_part) {
        return absl::InvalidArgumentError(absl::StrCat(
            "Tensor ", editor_.name(index), " would be two of the parts"));
      }
      is_part = true;
      has_met_ = true;
      const auto [whole, is_new] = known.try_emplace(*to, wholes.size());
      if (is_new) {
        wholes.emplace_back(
            *to, std::vector<std::optional<size_t>>(concat.parts.size()));
      }
      std::optional<size_t>& place = wholes[whole->second].second[i];
      if (place) {
        return absl::InvalidArgumentError(absl::StrCat(
            "Tensors ", editor_.name(*place), " and ", editor_.name(index),
            " would be the same part of ", *to));
      }
      place = index;
    }
  }
  absl::flat_hash_set<size_t> made;
  for (const auto& [to, parts] : wholes) {
    HOIST_RETURN_IF_ERROR(ConcatOne(concat, to, parts));
    made.insert(editor_.Tensors().back());
  }
  const auto reverse = concat.parts[0].Reverse();
  if (reverse.ok()) {
    WarnOfOthers({*reverse}, made);
  }
  return absl::OkStatus();
}

absl::Status RuleApplication::Do(const rules::Add& add) {
  has_met_ = true;
  const std::string name = Outer(add.name);
  if (Find(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Tensor ", name, " is there already"));
  }
  HOIST_ASSIGN_OR_RETURN(
      TensorEntry tensor,
      editor_.MakeConstant(name, add.constant.dtype, add.constant.shape,
                           add.constant.element));
  Record({.kind = Kind::kAdd,
          .to = name,
          .detail = absl::StrCat(DTypeName(add.constant.dtype),
                                 ShapeString(add.constant.shape)),
          .computed_bytes = BytesOf(tensor.spec)});
  if (add.beside.empty()) {
    editor_.Add(std::move(tensor));
    return absl::OkStatus();
  }
  const auto beside = Find(Outer(add.beside));
  if (!beside) {
    return absl::InvalidArgumentError(absl::StrCat(
        "There is no tensor ", Outer(add.beside), " to add it beside of"));
  }
  editor_.AddBeside(*beside, std::move(tensor));
  return absl::OkStatus();
}

absl::Status RuleApplication::Do(const rules::Require& require) {
  const std::vector<size_t> meant = Meant(require.names, /*with_values=*/false);
  if (require.is_absent) {
    has_met_ = true;
    return meant.empty() ? absl::OkStatus()
                         : absl::InvalidArgumentError(
                               absl::StrCat("Tensor ", editor_.name(meant[0]),
                                            " is there, and is not to be"));
  }
  for (const size_t index : meant) {
    const TensorSpec& spec = editor_.tensor(index).spec;
    if (require.dtype && spec.dtype != *require.dtype) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Tensor ", editor_.name(index), " is ", DTypeName(spec.dtype),
          ", and is to be ", DTypeName(*require.dtype)));
    }
    if (require.shape && !FitsShape(spec.shape, *require.shape)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Tensor ", editor_.name(index), " has shape ",
                       ShapeString(spec.shape), ", and is to have ",
                       ShapeString(*require.shape)));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoist
