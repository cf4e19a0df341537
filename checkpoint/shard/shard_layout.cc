#include "hoist/checkpoint/shard/shard_layout.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

using Division = ShardLayout::Division;

std::string PatternsOf(const ShardRule& rule) {
  return absl::StrJoin(rule.names, ", ",
                       [](std::string* out, const NameGlob& glob) {
                         absl::StrAppend(out, glob.text());
                       });
}

std::optional<GlobMatch> MatchOf(const ShardRule& rule,
                                 absl::string_view name) {
  for (const NameGlob& glob : rule.names) {
    if (auto match = glob.Match(name)) {
      return match;
    }
  }
  return std::nullopt;
}

// The number that `text`, up to a dot, is; nullopt if it is none.
std::optional<int64_t> NumberAtStart(absl::string_view text) {
  int64_t number = 0;
  const absl::string_view digits = text.substr(0, text.find('.'));
  constexpr size_t kMaxDigits = 9;
  if (digits.empty() || digits.size() > kMaxDigits ||
      !std::all_of(digits.begin(), digits.end(),
                   [](char c) { return c >= '0' && c <= '9'; }) ||
      !absl::SimpleAtoi(digits, &number)) {
    return std::nullopt;
  }
  return number;
}

// Of the layer or the expert; nullopt if no wildcard stands for one.
std::optional<int64_t> NumberIn(const GlobMatch& match,
                                ShardPlacement::Kind kind) {
  std::optional<int64_t> number;
  for (const std::string& wildcard : match.wildcards) {
    if (const auto found = NumberAtStart(wildcard)) {
      number = found;
      if (kind == ShardPlacement::Kind::kLayers) {
        break;
      }
    }
  }
  return number;
}

// Whether `parts` can have whole units: as many each, or, with fewer of them,
// as many to each.
bool Shares(int64_t units, int64_t parts) {
  return units % parts == 0 || parts % units == 0;
}

// The places of those of `units` that a part has.
IndexRange UnitsOf(int64_t units, int64_t parts, int64_t part,
                   const Division& division) {
  const int64_t size = division.unit_size;
  if (division.may_share && units < parts && parts % units == 0) {
    return {part / (parts / units) * size, size};
  }
  const IndexRange range = DivideUnits(units, parts, part, division.uneven);
  return {range.first * size, range.count * size};
}

}  // namespace

IndexRange DivideUnits(int64_t units, int64_t parts, int64_t part,
                       UnevenSplit uneven) {
  if (uneven == UnevenSplit::kBalanced) {
    const int64_t each = units / parts;
    const int64_t more = units % parts;
    return {part * each + std::min(part, more), each + (part < more ? 1 : 0)};
  }
  const int64_t each = units / parts + (units % parts == 0 ? 0 : 1);
  const int64_t first = std::min(part * each, units);
  return {first, std::min(each, units - first)};
}

absl::Status ShardLayout::SetMesh(const ShardSpec& spec) {
  if (spec.mesh.empty()) {
    axes_.push_back({.name = "", .size = world_size_});
    return absl::OkStatus();
  }
  constexpr size_t kMaxAxes = 16;
  if (spec.mesh.size() > kMaxAxes) {
    return absl::InvalidArgumentError(
        absl::StrCat("The mesh of the shard spec has ", spec.mesh.size(),
                     " axes, and may have ", kMaxAxes));
  }
  int64_t known = 1;
  for (const ShardSpec::Axis& axis : spec.mesh) {
    // No more than ranks, so the product fits.
    known *= std::clamp<int64_t>(axis.size, 1, kMaxWorldSize + 1);
    if (known > world_size_) {
      break;
    }
  }
  const bool has_rest =
      std::any_of(spec.mesh.begin(), spec.mesh.end(),
                  [](const ShardSpec::Axis& axis) { return axis.size == 0; });
  if (known > world_size_ || world_size_ % known != 0 ||
      (!has_rest && known != world_size_)) {
    const std::string sizes = absl::StrJoin(
        spec.mesh, " x ", [](std::string* out, const ShardSpec::Axis& axis) {
          absl::StrAppend(
              out, axis.name, " ",
              axis.size == 0 ? std::string("rest") : absl::StrCat(axis.size));
        });
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            "The mesh ", sizes, " does not fit ", world_size_, " ranks")),
        has_rest ? "The sizes of the others are to divide the ranks"
                 : "Its size has to be the number of ranks; \"rest\" is what "
                   "the other axes leave");
  }
  int64_t stride = world_size_;
  for (const ShardSpec::Axis& axis : spec.mesh) {
    const int64_t size = axis.size == 0 ? world_size_ / known : axis.size;
    stride /= size;
    axes_.push_back({.name = axis.name, .size = size, .stride = stride});
  }
  return absl::OkStatus();
}

uint8_t ShardLayout::AxisNamed(absl::string_view name) const {
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (axes_[i].name == name) {
      return static_cast<uint8_t>(i);
    }
  }
  return 0;
}

bool ShardLayout::IsHolder(const Division& division, int rank) const {
  if (division.holder == kAll) {
    return true;
  }
  const int64_t place = PlaceOf(division.holding_axis, rank);
  if (division.holder != kListed) {
    return place == division.holder;
  }
  const std::vector<int64_t>& places =
      listed_places_[static_cast<size_t>(division.rule)];
  return std::find(places.begin(), places.end(), place) != places.end();
}

IndexRanges ShardLayout::PartAt(size_t tensor, int64_t part) const {
  const Division& division = divisions_[tensor];
  const int64_t parts = axes_[division.axis].size;
  IndexRanges ranges;
  int64_t at = 0;
  const auto add = [&](int64_t units) {
    IndexRange range = UnitsOf(units, parts, part, division);
    range.first += at;
    at += units * division.unit_size;
    if (!ranges.empty() &&
        ranges.back().first + ranges.back().count == range.first) {
      ranges.back().count += range.count;
    } else if (range.count > 0 || ranges.empty()) {
      ranges.push_back(range);
    }
  };
  switch (division.kind) {
    case Division::Kind::kWhole:
      break;
    case Division::Kind::kSplit:
      add(division.units);
      break;
    case Division::Kind::kFused:
      for (int64_t i = 0; i < division.kv_units; ++i) {
        add(division.units);
      }
      break;
    case Division::Kind::kFusedQkv:
      add(division.units);
      add(division.kv_units);
      add(division.kv_units);
      break;
  }
  return ranges;
}

absl::Status ShardLayout::Cut(const TensorEntry& tensor, const ShardCut& cut,
                              Division& division) const {
  if (cut.kind == ShardCut::Kind::kReplicate) {
    return absl::OkStatus();
  }
  const std::vector<int64_t>& shape = tensor.spec.shape;
  const auto dimensions = static_cast<int64_t>(shape.size());
  const int64_t dim = cut.dim < 0 ? cut.dim + dimensions : cut.dim;
  if (dim < 0 || dim >= dimensions) {
    return cut.allows_missing_dim
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat(
                     "Its shape ", ShapeString(shape), " has no dimension ",
                     cut.dim, " to be cut along"));
  }
  division.axis = AxisNamed(cut.axis);
  const int64_t parts = axes_[division.axis].size;
  if (parts == 1) {
    return absl::OkStatus();
  }
  if (DTypeBits(tensor.spec.dtype) % 8 != 0) {
    return WithHint(absl::UnimplementedError(absl::StrCat(
                        "Parts of ", DTypeName(tensor.spec.dtype),
                        " cannot be taken, as its elements are packed")),
                    "Replicate it");
  }
  const int64_t size = shape[static_cast<size_t>(dim)];
  const auto refuse = [&](int64_t units, absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Dimension ", dim, " of its shape ", ShapeString(shape), ", ", units,
        " ", what, ", does not divide evenly among ", parts, " ranks"));
  };
  constexpr char kHowUneven[] =
      "Give \"uneven\" in the shard spec: chunk or balanced";
  division.dim = static_cast<uint32_t>(dim);
  switch (cut.kind) {
    case ShardCut::Kind::kReplicate:
      break;
    case ShardCut::Kind::kSplit:
      division.kind = Division::Kind::kSplit;
      division.uneven = cut.uneven;
      division.units = cut.units == 0 ? size : cut.units;
      if (cut.units > 0 && size % cut.units != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("Dimension ", dim, " of its shape ",
                         ShapeString(shape), " is not ", cut.units, " units"));
      }
      division.unit_size = cut.units == 0 ? 1 : size / cut.units;
      if (cut.units == 0
              ? cut.uneven == UnevenSplit::kRefuse && size % parts != 0
              : cut.uneven == UnevenSplit::kRefuse &&
                    !Shares(cut.units, parts)) {
        return WithHint(
            refuse(division.units, cut.units == 0 ? "places" : "units"),
            kHowUneven);
      }
      division.may_share = cut.units > 0;
      break;
    case ShardCut::Kind::kFused:
      division.kind = Division::Kind::kFused;
      if (size % cut.parts != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("Dimension ", dim, " of its shape ",
                         ShapeString(shape), " is not ", cut.parts, " parts"));
      }
      division.units = size / cut.parts;
      division.kv_units = cut.parts;
      if (division.units % parts != 0) {
        return refuse(division.units, "places in each of its parts");
      }
      break;
    case ShardCut::Kind::kFusedQkv: {
      division.kind = Division::Kind::kFusedQkv;
      // From the spec, each at most 2^31.
      const int64_t heads = cut.heads + 2 * cut.kv_heads;
      if (size % heads != 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "Dimension ", dim, " of its shape ", ShapeString(shape), " is not ",
            cut.heads, " + 2 x ", cut.kv_heads, " heads"));
      }
      division.unit_size = size / heads;
      division.units = cut.heads;
      division.kv_units = cut.kv_heads;
      division.may_share = true;
      if (cut.heads % parts != 0 || !Shares(cut.kv_heads, parts)) {
        return refuse(cut.heads % parts != 0 ? cut.heads : cut.kv_heads,
                      "heads");
      }
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status ShardLayout::Place(const std::vector<int64_t>& numbers,
                                const std::vector<int32_t>& rules,
                                const ShardSpec& spec, const Catalog& catalog) {
  // How many layers or experts there are, by rule.
  std::vector<int64_t> counts(spec.rules.size(), 0);
  listed_places_.resize(spec.rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i] >= 0) {
      int64_t& count = counts[static_cast<size_t>(rules[i])];
      count = std::max(count, numbers[i] + 1);
    }
  }
  for (size_t rule = 0; rule < spec.rules.size(); ++rule) {
    const std::optional<ShardPlacement>& placement = spec.rules[rule].placement;
    if (!placement) {
      continue;
    }
    const int64_t size = axes_[AxisNamed(placement->axis)].size;
    if (placement->count > 0) {
      counts[rule] = placement->count;
    }
    if (!placement->ranges.empty() &&
        static_cast<int64_t>(placement->ranges.size()) != size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "The shard spec has ", placement->ranges.size(), " ranges for ",
          PatternsOf(spec.rules[rule]), ", and there are ", size, " places"));
    }
    for (const int64_t place : placement->places) {
      if (place < -size || place >= size) {
        return absl::InvalidArgumentError(
            absl::StrCat("The shard spec places ", PatternsOf(spec.rules[rule]),
                         " at ", place, ", and there are ", size, " places"));
      }
      listed_places_[rule].push_back(place < 0 ? place + size : place);
    }
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i] < 0) {
      continue;
    }
    const auto rule = static_cast<size_t>(rules[i]);
    const ShardPlacement& placement = *spec.rules[rule].placement;
    Division& division = divisions_[i];
    division.holding_axis = AxisNamed(placement.axis);
    division.rule = rules[i];
    const int64_t size = axes_[division.holding_axis].size;
    if (placement.kind == ShardPlacement::Kind::kPlaces) {
      division.holder = kListed;
      continue;
    }
    std::optional<int64_t> holder;
    if (placement.ranges.empty()) {
      // The first `more` places have one more than the others.
      const int64_t each = counts[rule] / size;
      const int64_t more = counts[rule] % size;
      const int64_t in_first = more * (each + 1);
      if (numbers[i] < counts[rule]) {
        holder = numbers[i] < in_first ? numbers[i] / (each + 1)
                                       : more + (numbers[i] - in_first) / each;
      }
    }
    for (size_t place = 0; place < placement.ranges.size(); ++place) {
      const auto& [first, end] = placement.ranges[place];
      if (numbers[i] >= first && numbers[i] < end) {
        holder = static_cast<int64_t>(place);
      }
    }
    if (!holder) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Tensor ", catalog.tensors[i].name, ": Its number ", numbers[i],
          " is none of those that the shard spec has "
          "places for"));
    }
    division.holder = static_cast<int32_t>(*holder);
  }
  return absl::OkStatus();
}

absl::StatusOr<ShardLayout> ShardLayout::Create(const Catalog& catalog,
                                                const ShardSpec& spec,
                                                int world_size) {
  if (world_size < 1 || world_size > kMaxWorldSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("There cannot be ", world_size, " ranks, but from 1 to ",
                     kMaxWorldSize));
  }
  ShardLayout layout;
  layout.world_size_ = world_size;
  HOIST_RETURN_IF_ERROR(layout.SetMesh(spec));
  const size_t count = catalog.tensors.size();
  layout.divisions_.resize(count);
  std::vector<bool> is_used(spec.rules.size(), false);
  std::vector<int64_t> numbers(count, 0);
  std::vector<int32_t> placing_rules(count, -1);
  for (size_t i = 0; i < count; ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    bool is_cut = false;
    bool is_placed = false;
    for (size_t r = 0; r < spec.rules.size() && !(is_cut && is_placed); ++r) {
      const ShardRule& rule = spec.rules[r];
      const bool may_cut = rule.cut && !is_cut;
      const bool may_place = rule.placement && !is_placed;
      if (!may_cut && !may_place) {
        continue;
      }
      const std::optional<GlobMatch> match = MatchOf(rule, tensor.name);
      if (!match) {
        continue;
      }
      is_used[r] = true;
      if (may_cut) {
        is_cut = true;
        if (const absl::Status status =
                layout.Cut(tensor, *rule.cut, layout.divisions_[i]);
            !status.ok()) {
          return WithHint(
              Annotate(status, absl::StrCat("Tensor ", tensor.name)),
              absl::StrCat("The shard spec means it by ", PatternsOf(rule)));
        }
      }
      if (may_place) {
        const auto number =
            rule.placement->kind == ShardPlacement::Kind::kPlaces
                ? std::optional<int64_t>(0)
                : NumberIn(*match, rule.placement->kind);
        if (number) {
          is_placed = true;
          numbers[i] = *number;
          placing_rules[i] = static_cast<int32_t>(r);
        }
      }
    }
    if (!is_cut && !is_placed) {
      ++layout.unmeant_count_;
      if (spec.is_strict) {
        return WithHint(
            absl::InvalidArgumentError(absl::StrCat(
                "Tensor ", tensor.name,
                ": No rule of the shard spec means it, which is strict")),
            "Add a rule, {\"names\": \"*\", \"replicate\": true} for all else");
      }
    }
  }
  HOIST_RETURN_IF_ERROR(layout.Place(numbers, placing_rules, spec, catalog));
  for (size_t r = 0; r < spec.rules.size(); ++r) {
    if (!is_used[r]) {
      layout.unused_.push_back(PatternsOf(spec.rules[r]));
    }
  }
  if (count > 0 && !spec.rules.empty() &&
      layout.unmeant_count_ == static_cast<int64_t>(count)) {
    return WithHint(
        absl::NotFoundError(absl::StrCat(
            "No rule of the shard spec",
            spec.name.empty() ? "" : absl::StrCat(" ", spec.name),
            " means a tensor of this checkpoint: each rank would have all of "
            "it")),
        "hoist inspect lists the names; a rule that means all says so: "
        "{\"names\": \"*\", \"replicate\": true}");
  }
  return layout;
}

}  // namespace hoist
