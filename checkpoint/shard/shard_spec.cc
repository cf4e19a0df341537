#include "hoist/checkpoint/shard/shard_spec.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/migrate/json_tree.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Kind = JsonTree::Kind;

constexpr char kSchema[] = "hoist.shard_spec/1";
// More than any machine has; products of two are numbers.
constexpr int64_t kMaxNumber = int64_t{1} << 31;

absl::Status CheckKeys(const JsonTree& object,
                       absl::Span<const absl::string_view> known) {
  for (const auto& [key, position] : object.keys) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return JsonError(position,
                       absl::StrCat("There is no key \"", key, "\" here, but ",
                                    absl::StrJoin(known, ", ")));
    }
  }
  return absl::OkStatus();
}

absl::Status Expect(const JsonTree& tree, Kind kind, absl::string_view what) {
  if (tree.kind == kind) {
    return absl::OkStatus();
  }
  return JsonError(tree.position,
                   absl::StrCat(what, " is to be ", KindName(kind), ", and is ",
                                KindName(tree.kind)));
}

absl::StatusOr<int64_t> ReadNumber(const JsonTree& tree, absl::string_view what,
                                   int64_t least) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kInteger, what));
  if (tree.integer < least || tree.integer > kMaxNumber) {
    return JsonError(tree.position, absl::StrCat(what, " is ", tree.integer,
                                                 ", and may be from ", least,
                                                 " to ", kMaxNumber));
  }
  return tree.integer;
}

// The number under `key`, which is `otherwise` if it is not there; without
// that it has to be.
absl::StatusOr<int64_t> NumberAt(const JsonTree& object, absl::string_view key,
                                 int64_t least,
                                 std::optional<int64_t> otherwise = {}) {
  const JsonTree* const found = object.Find(key);
  if (found != nullptr) {
    return ReadNumber(*found, absl::StrCat("\"", key, "\""), least);
  }
  if (otherwise) {
    return *otherwise;
  }
  return JsonError(object.position,
                   absl::StrCat("\"", key, "\" is missing here"));
}

// Reads a spec; keeps what rules may refer to.
class SpecReader {
 public:
  absl::StatusOr<ShardSpec> Read(const JsonTree& tree);

 private:
  absl::Status ReadMesh(const JsonTree& tree);
  absl::Status ReadRule(const JsonTree& tree);
  absl::Status ReadNames(const JsonTree& tree, std::vector<NameGlob>& names);
  // The axis that `object` names; which it has to if there are some.
  absl::StatusOr<std::string> AxisOf(const JsonTree& object);
  absl::StatusOr<ShardCut> ReadReplicate(const JsonTree& tree);
  absl::StatusOr<ShardCut> ReadSplit(const JsonTree& tree);
  absl::StatusOr<ShardCut> ReadFused(const JsonTree& tree);
  absl::StatusOr<ShardCut> ReadFusedQkv(const JsonTree& tree);
  absl::StatusOr<ShardPlacement> ReadNumbered(const JsonTree& tree,
                                              ShardPlacement::Kind kind);
  absl::StatusOr<ShardPlacement> ReadRanks(const JsonTree& tree);

  ShardSpec spec_;
};

absl::StatusOr<ShardSpec> SpecReader::Read(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "A shard spec"));
  HOIST_RETURN_IF_ERROR(CheckKeys(
      tree, {"schema", "name", "comment", "strict", "mesh", "rules"}));
  const JsonTree* const schema = tree.Find("schema");
  if (schema == nullptr || schema->kind != Kind::kString ||
      schema->text != kSchema) {
    return JsonError(
        schema == nullptr ? tree.position : schema->position,
        absl::StrCat("A shard spec has \"schema\": \"", kSchema, "\""));
  }
  for (const char* const key : {"name", "comment"}) {
    if (const JsonTree* const text = tree.Find(key)) {
      HOIST_RETURN_IF_ERROR(
          Expect(*text, Kind::kString, absl::StrCat("\"", key, "\"")));
    }
  }
  if (const JsonTree* const name = tree.Find("name")) {
    spec_.name = name->text;
  }
  if (const JsonTree* const strict = tree.Find("strict")) {
    HOIST_RETURN_IF_ERROR(Expect(*strict, Kind::kBool, "\"strict\""));
    spec_.is_strict = strict->integer != 0;
  }
  if (const JsonTree* const mesh = tree.Find("mesh")) {
    HOIST_RETURN_IF_ERROR(ReadMesh(*mesh));
  }
  const JsonTree* const rules = tree.Find("rules");
  if (rules == nullptr) {
    return JsonError(tree.position, "\"rules\" is missing here");
  }
  HOIST_RETURN_IF_ERROR(Expect(*rules, Kind::kArray, "\"rules\""));
  for (const JsonTree& rule : rules->items) {
    HOIST_RETURN_IF_ERROR(ReadRule(rule));
  }
  return std::move(spec_);
}

absl::Status SpecReader::ReadMesh(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "\"mesh\""));
  if (tree.keys.empty()) {
    return JsonError(tree.position, "A mesh has one axis at least");
  }
  bool has_rest = false;
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const JsonTree& size = tree.items[i];
    ShardSpec::Axis axis = {.name = tree.keys[i].first};
    if (size.kind == Kind::kString && size.text == "rest") {
      if (has_rest) {
        return JsonError(size.position, "Only one axis can have the rest");
      }
      has_rest = true;
    } else if (size.kind == Kind::kString) {
      return JsonError(size.position,
                       "The size of an axis is a number, or \"rest\"");
    } else {
      HOIST_ASSIGN_OR_RETURN(axis.size,
                             ReadNumber(size, "The size of an axis", 1));
    }
    spec_.mesh.push_back(std::move(axis));
  }
  return absl::OkStatus();
}

absl::Status SpecReader::ReadNames(const JsonTree& tree,
                                   std::vector<NameGlob>& names) {
  const auto add = [&names](const JsonTree& text) -> absl::Status {
    HOIST_RETURN_IF_ERROR(Expect(text, Kind::kString, "A pattern for names"));
    auto glob = NameGlob::Parse(text.text);
    if (!glob.ok()) {
      return JsonError(text.position, glob.status().message());
    }
    names.push_back(*std::move(glob));
    return absl::OkStatus();
  };
  if (tree.kind == Kind::kString) {
    return add(tree);
  }
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kArray, "\"names\""));
  if (tree.items.empty()) {
    return JsonError(tree.position, "A rule needs a pattern for names");
  }
  for (const JsonTree& item : tree.items) {
    HOIST_RETURN_IF_ERROR(add(item));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SpecReader::AxisOf(const JsonTree& object) {
  const JsonTree* const axis = object.Find("axis");
  if (axis == nullptr) {
    if (spec_.mesh.size() <= 1) {
      return spec_.mesh.empty() ? "" : spec_.mesh[0].name;
    }
    return JsonError(object.position,
                     "\"axis\" is missing here: which of the mesh is meant");
  }
  HOIST_RETURN_IF_ERROR(Expect(*axis, Kind::kString, "\"axis\""));
  for (const ShardSpec::Axis& known : spec_.mesh) {
    if (known.name == axis->text) {
      return axis->text;
    }
  }
  return JsonError(axis->position, absl::StrCat("There is no axis \"",
                                                axis->text, "\" in the mesh"));
}

absl::StatusOr<ShardCut> SpecReader::ReadReplicate(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kBool, "\"replicate\""));
  if (tree.integer == 0) {
    return JsonError(tree.position,
                     "\"replicate\" is true, or not there at all");
  }
  return ShardCut();
}

absl::StatusOr<ShardCut> SpecReader::ReadSplit(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "\"split\""));
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, {"dim", "units", "uneven", "axis"}));
  ShardCut cut = {.kind = ShardCut::Kind::kSplit};
  HOIST_ASSIGN_OR_RETURN(cut.dim, NumberAt(tree, "dim", -kMaxNumber));
  HOIST_ASSIGN_OR_RETURN(cut.units, NumberAt(tree, "units", 1, 0));
  HOIST_ASSIGN_OR_RETURN(cut.axis, AxisOf(tree));
  if (const JsonTree* const uneven = tree.Find("uneven")) {
    HOIST_RETURN_IF_ERROR(Expect(*uneven, Kind::kString, "\"uneven\""));
    if (uneven->text == "chunk") {
      cut.uneven = UnevenSplit::kChunk;
    } else if (uneven->text == "balanced") {
      cut.uneven = UnevenSplit::kBalanced;
    } else if (uneven->text != "refuse") {
      return JsonError(
          uneven->position,
          absl::StrCat("\"uneven\" is \"", uneven->text,
                       "\", and may be refuse, chunk or balanced"));
    }
  }
  return cut;
}

absl::StatusOr<ShardCut> SpecReader::ReadFused(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "\"fused\""));
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, {"dim", "parts", "axis"}));
  ShardCut cut = {.kind = ShardCut::Kind::kFused};
  HOIST_ASSIGN_OR_RETURN(cut.dim, NumberAt(tree, "dim", -kMaxNumber));
  HOIST_ASSIGN_OR_RETURN(cut.parts, NumberAt(tree, "parts", 1));
  constexpr int64_t kMaxParts = 1024;
  if (cut.parts > kMaxParts) {
    return JsonError(tree.Find("parts")->position,
                     absl::StrCat("\"parts\" is ", cut.parts,
                                  ", and may be up to ", kMaxParts));
  }
  HOIST_ASSIGN_OR_RETURN(cut.axis, AxisOf(tree));
  return cut;
}

absl::StatusOr<ShardCut> SpecReader::ReadFusedQkv(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "\"fused_qkv\""));
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, {"dim", "heads", "kv_heads", "axis"}));
  ShardCut cut = {.kind = ShardCut::Kind::kFusedQkv};
  HOIST_ASSIGN_OR_RETURN(cut.dim, NumberAt(tree, "dim", -kMaxNumber));
  HOIST_ASSIGN_OR_RETURN(cut.heads, NumberAt(tree, "heads", 1));
  HOIST_ASSIGN_OR_RETURN(cut.kv_heads,
                         NumberAt(tree, "kv_heads", 1, cut.heads));
  if (cut.heads % cut.kv_heads != 0) {
    return JsonError(tree.position,
                     absl::StrCat(cut.heads, " heads cannot share ",
                                  cut.kv_heads, " of keys and values"));
  }
  HOIST_ASSIGN_OR_RETURN(cut.axis, AxisOf(tree));
  return cut;
}

absl::StatusOr<ShardPlacement> SpecReader::ReadNumbered(
    const JsonTree& tree, ShardPlacement::Kind kind) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "What is numbered"));
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, {"count", "ranges", "axis"}));
  ShardPlacement placement = {.kind = kind};
  HOIST_ASSIGN_OR_RETURN(placement.count, NumberAt(tree, "count", 1, 0));
  HOIST_ASSIGN_OR_RETURN(placement.axis, AxisOf(tree));
  const JsonTree* const ranges = tree.Find("ranges");
  if (ranges == nullptr) {
    return placement;
  }
  if (placement.count > 0) {
    return JsonError(ranges->position, "There is \"count\" or \"ranges\"");
  }
  HOIST_RETURN_IF_ERROR(Expect(*ranges, Kind::kArray, "\"ranges\""));
  if (ranges->items.empty()) {
    return JsonError(ranges->position, "\"ranges\" has one at least");
  }
  for (const JsonTree& range : ranges->items) {
    HOIST_RETURN_IF_ERROR(Expect(range, Kind::kArray, "A range"));
    if (range.items.size() != 2) {
      return JsonError(range.position,
                       "A range is the first number, and that behind the last");
    }
    HOIST_ASSIGN_OR_RETURN(const int64_t first,
                           ReadNumber(range.items[0], "A range's start", 0));
    HOIST_ASSIGN_OR_RETURN(const int64_t end,
                           ReadNumber(range.items[1], "A range's end", 0));
    if (end < first) {
      return JsonError(range.position, "The range ends before it starts");
    }
    for (const auto& [other_first, other_end] : placement.ranges) {
      if (first < other_end && other_first < end) {
        return JsonError(range.position, "The range overlaps another");
      }
    }
    placement.ranges.emplace_back(first, end);
  }
  return placement;
}

absl::StatusOr<ShardPlacement> SpecReader::ReadRanks(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "\"ranks\""));
  HOIST_RETURN_IF_ERROR(CheckKeys(tree, {"at", "axis"}));
  ShardPlacement placement = {.kind = ShardPlacement::Kind::kPlaces};
  HOIST_ASSIGN_OR_RETURN(placement.axis, AxisOf(tree));
  const JsonTree* const places = tree.Find("at");
  if (places == nullptr) {
    return JsonError(tree.position, "\"at\" is missing here");
  }
  HOIST_RETURN_IF_ERROR(Expect(*places, Kind::kArray, "\"at\""));
  if (places->items.empty()) {
    return JsonError(places->position, "\"at\" has one place at least");
  }
  for (const JsonTree& place : places->items) {
    HOIST_ASSIGN_OR_RETURN(placement.places.emplace_back(),
                           ReadNumber(place, "A place", -kMaxNumber));
  }
  return placement;
}

absl::Status SpecReader::ReadRule(const JsonTree& tree) {
  HOIST_RETURN_IF_ERROR(Expect(tree, Kind::kObject, "A rule"));
  HOIST_RETURN_IF_ERROR(
      CheckKeys(tree, {"names", "comment", "replicate", "split", "fused",
                       "fused_qkv", "layers", "experts", "ranks"}));
  ShardRule rule;
  const JsonTree* const names = tree.Find("names");
  if (names == nullptr) {
    return JsonError(tree.position, "\"names\" is missing here");
  }
  HOIST_RETURN_IF_ERROR(ReadNames(*names, rule.names));
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const auto& [key, position] = tree.keys[i];
    const JsonTree& value = tree.items[i];
    std::optional<ShardCut> cut;
    std::optional<ShardPlacement> placement;
    if (key == "comment") {
      HOIST_RETURN_IF_ERROR(Expect(value, Kind::kString, "\"comment\""));
    } else if (key == "replicate") {
      HOIST_ASSIGN_OR_RETURN(cut, ReadReplicate(value));
    } else if (key == "split") {
      HOIST_ASSIGN_OR_RETURN(cut, ReadSplit(value));
    } else if (key == "fused") {
      HOIST_ASSIGN_OR_RETURN(cut, ReadFused(value));
    } else if (key == "fused_qkv") {
      HOIST_ASSIGN_OR_RETURN(cut, ReadFusedQkv(value));
    } else if (key == "layers") {
      HOIST_ASSIGN_OR_RETURN(
          placement, ReadNumbered(value, ShardPlacement::Kind::kLayers));
    } else if (key == "experts") {
      HOIST_ASSIGN_OR_RETURN(
          placement, ReadNumbered(value, ShardPlacement::Kind::kExperts));
    } else if (key == "ranks") {
      HOIST_ASSIGN_OR_RETURN(placement, ReadRanks(value));
    }
    if ((cut && rule.cut) || (placement && rule.placement)) {
      return JsonError(position,
                       absl::StrCat("\"", key,
                                    "\" contradicts what the rule says "
                                    "already: it cuts in one way, and places "
                                    "in one"));
    }
    if (cut) {
      rule.cut = std::move(cut);
    }
    if (placement) {
      rule.placement = std::move(placement);
    }
  }
  if (!rule.cut && !rule.placement) {
    return JsonError(tree.position,
                     "The rule says nothing of what it means: give replicate, "
                     "split, fused, fused_qkv, layers, experts or ranks");
  }
  spec_.rules.push_back(std::move(rule));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ShardSpec> ParseShardSpec(absl::string_view json) {
  HOIST_ASSIGN_OR_RETURN(const JsonTree tree, ParseJsonTree(json));
  return SpecReader().Read(tree);
}

ShardSpec SplitEveryTensor(int64_t dim) {
  ShardRule rule;
  rule.names.push_back(*NameGlob::Parse("*"));
  rule.cut = ShardCut{.kind = ShardCut::Kind::kSplit,
                      .dim = dim,
                      .uneven = UnevenSplit::kChunk,
                      .allows_missing_dim = true};
  ShardSpec spec = {.name = absl::StrCat("dimension ", dim)};
  spec.rules.push_back(std::move(rule));
  return spec;
}

}  // namespace hoist
