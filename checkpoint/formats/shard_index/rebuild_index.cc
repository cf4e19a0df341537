#include "hoist/checkpoint/formats/shard_index/rebuild_index.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

constexpr absl::string_view kTotalParameters = "total_parameters";

std::string FirstOf(const std::vector<std::string>& names) {
  return absl::StrCat(
      names.size() == 1 ? "tensor " : "tensors ", QuotedName(names[0]),
      names.size() > 1 ? absl::StrCat(" and ", names.size() - 1, " more") : "");
}

// All that keeps shards from having a right index.
absl::Status CheckShards(absl::Span<const Shard> shards) {
  const std::vector<ShardFinding> findings =
      CompareShards(/*index=*/nullptr, shards, /*other_files=*/{});
  std::vector<std::string> errors;
  absl::StatusCode code = absl::StatusCode::kFailedPrecondition;
  for (const ShardFinding& finding : findings) {
    if (finding.is_error) {
      if (finding.kind == ShardFinding::Kind::kUnreadableShard) {
        code = finding.code;
      }
      errors.push_back(finding.text);
    }
  }
  if (errors.empty()) {
    return absl::OkStatus();
  }
  return WithHint(
      absl::Status(code, absl::StrCat("No index would be right: ",
                                      absl::StrJoin(errors, "; "))),
      "Get what is missing or damaged again, and take away what is of another "
      "revision");
}

absl::Status CountAll(absl::Span<const Shard> shards, int64_t& total_bytes,
                      int64_t& total_elements) {
  for (const Shard& shard : shards) {
    for (const TensorEntry& tensor : shard.catalog.tensors) {
      HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(tensor.spec));
      HOIST_ASSIGN_OR_RETURN(const int64_t elements,
                             ElementCount(tensor.spec.shape));
      const auto all_bytes = CheckedAdd(total_bytes, bytes);
      const auto all_elements = CheckedAdd(total_elements, elements);
      if (!all_bytes || !all_elements) {
        return absl::DataLossError("More bytes than can be counted");
      }
      total_bytes = *all_bytes;
      total_elements = *all_elements;
    }
  }
  return absl::OkStatus();
}

// "N tensors were not in the index", and the like.
void CompareMaps(const ShardIndex& old, const ShardIndex& made,
                 std::vector<std::string>& changes) {
  std::map<absl::string_view, std::pair<std::string, std::string>> places;
  for (const auto& [tensor, file] : old.weight_map) {
    places[tensor].first = file;
  }
  for (const auto& [tensor, file] : made.weight_map) {
    places[tensor].second = file;
  }
  std::map<std::string, std::vector<std::string>> by_change;
  for (const auto& [tensor, place] : places) {
    const auto& [before, after] = place;
    if (before == after) {
      continue;
    }
    by_change[before.empty() ? absl::StrCat("added in ", after)
              : after.empty()
                  ? absl::StrCat("removed from ", before)
                  : absl::StrCat("moved from ", before, " to ", after)]
        .push_back(std::string(tensor));
  }
  for (const auto& [change, tensors] : by_change) {
    changes.push_back(absl::StrCat(FirstOf(tensors), ": ", change));
  }
}

void KeepMetadata(const ShardIndex& old, int64_t total_elements,
                  IndexRebuild& rebuild) {
  for (const auto& [key, text] : old.metadata_json) {
    const std::string counted = absl::StrCat(total_elements);
    if (key == kTotalParameters && text != counted) {
      rebuild.changes.push_back(
          absl::StrCat(kTotalParameters, ": ", text, " to ", counted));
      rebuild.index.metadata_json.emplace_back(key, counted);
    } else {
      rebuild.index.metadata_json.emplace_back(key, text);
    }
  }
}

}  // namespace

absl::StatusOr<IndexRebuild> RebuildIndex(const ShardIndex* old,
                                          absl::Span<const Shard> shards) {
  HOIST_RETURN_IF_ERROR(CheckShards(shards));
  IndexRebuild rebuild;
  for (const Shard& shard : shards) {
    for (const TensorEntry& tensor : shard.catalog.tensors) {
      rebuild.index.weight_map.emplace_back(tensor.name, shard.file);
    }
  }
  std::vector<std::pair<std::string, std::string>>& map =
      rebuild.index.weight_map;
  if (map.empty()) {
    return absl::FailedPreconditionError("There are no tensors in any file");
  }
  std::sort(map.begin(), map.end());
  const auto twice = std::adjacent_find(
      map.begin(), map.end(),
      [](const auto& x, const auto& y) { return x.first == y.first; });
  if (twice != map.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Tensor ", QuotedName(twice->first), " is twice in ", twice->second));
  }
  int64_t total_bytes = 0;
  int64_t total_elements = 0;
  HOIST_RETURN_IF_ERROR(CountAll(shards, total_bytes, total_elements));
  rebuild.index.total_size_bytes = static_cast<double>(total_bytes);
  if (old == nullptr) {
    rebuild.changes.push_back(absl::StrCat(
        "a new index of ", map.size(), map.size() == 1 ? " tensor" : " tensors",
        " in ", rebuild.index.Files().size(), " files"));
    return rebuild;
  }
  CompareMaps(*old, rebuild.index, rebuild.changes);
  if (old->total_size_bytes != rebuild.index.total_size_bytes) {
    rebuild.changes.push_back(absl::StrCat(
        "total_size: ",
        old->total_size_bytes ? absl::StrCat(*old->total_size_bytes) : "none",
        " to ", total_bytes));
  }
  KeepMetadata(*old, total_elements, rebuild);
  return rebuild;
}

}  // namespace hoist
