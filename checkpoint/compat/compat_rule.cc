#include "hoist/checkpoint/compat/compat_rule.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

namespace hoist {

absl::string_view CompatIssueName(CompatIssue issue) {
  switch (issue) {
    case CompatIssue::kPrefix:
      return "prefix";
    case CompatIssue::kEnvelope:
      return "envelope";
    case CompatIssue::kRenamed:
      return "renamed";
    case CompatIssue::kKnownName:
      return "known_name";
    case CompatIssue::kTypo:
      return "typo";
    case CompatIssue::kLayerNumbers:
      return "layer_numbers";
    case CompatIssue::kFused:
      return "fused";
    case CompatIssue::kSplit:
      return "split";
    case CompatIssue::kTransposed:
      return "transposed";
    case CompatIssue::kReshaped:
      return "reshaped";
    case CompatIssue::kDType:
      return "dtype";
    case CompatIssue::kScalar:
      return "scalar";
    case CompatIssue::kOldBatchNorm:
      return "old_batch_norm";
    case CompatIssue::kExtra:
      return "extra";
    case CompatIssue::kExtraState:
      return "extra_state";
    case CompatIssue::kTied:
      return "tied";
    case CompatIssue::kAmbiguous:
      return "ambiguous";
    case CompatIssue::kWidth:
      return "width";
    case CompatIssue::kVocabulary:
      return "vocabulary";
    case CompatIssue::kLayerCount:
      return "layer_count";
    case CompatIssue::kMissing:
      return "missing";
    case CompatIssue::kUnexpected:
      return "unexpected";
    case CompatIssue::kAdapter:
      return "adapter";
    case CompatIssue::kQuantized:
      return "quantized";
    case CompatIssue::kOptimizer:
      return "optimizer";
    case CompatIssue::kNoTensors:
      return "no_tensors";
    case CompatIssue::kWholeModel:
      return "whole_model";
    case CompatIssue::kDevice:
      return "device";
  }
  return "";
}

std::string CompatRuleText(const CompatRule& rule) {
  const std::string pattern =
      rule.is_regex ? absl::StrCat("/", rule.pattern, "/") : rule.pattern;
  switch (rule.kind) {
    case CompatRule::Kind::kStripPrefix:
      return absl::StrCat("strip_prefix ", pattern);
    case CompatRule::Kind::kAddPrefix:
      return absl::StrCat("add_prefix ", pattern);
    case CompatRule::Kind::kRename:
      return absl::StrCat("rename ", pattern, " -> ", rule.to);
    case CompatRule::Kind::kDrop:
      return absl::StrCat("drop ", pattern);
    case CompatRule::Kind::kCast:
      return absl::StrCat(
          "cast ", pattern,
          rule.from_dtype ? absl::StrCat(" from ", DTypeName(*rule.from_dtype))
                          : "",
          " -> ", DTypeName(rule.dtype));
    case CompatRule::Kind::kTranspose:
      return absl::StrCat("transpose ", pattern);
    case CompatRule::Kind::kReshape:
      return absl::StrCat("reshape ", pattern, " -> [",
                          absl::StrJoin(rule.sizes, ", "), "]");
    case CompatRule::Kind::kSplit:
      return absl::StrCat("split ", pattern, " -> ",
                          absl::StrJoin(rule.parts, ", "), " (sizes ",
                          absl::StrJoin(rule.sizes, ", "), " of dimension ",
                          rule.dimension, ")");
    case CompatRule::Kind::kConcat:
      return absl::StrCat("concat ", absl::StrJoin(rule.parts, ", "), " -> ",
                          rule.to, " (along dimension ", rule.dimension, ")");
    case CompatRule::Kind::kAdd:
      return absl::StrCat("add ", pattern, " of zeros, ", DTypeName(rule.dtype),
                          "[", absl::StrJoin(rule.sizes, ", "), "]");
  }
  return "";
}

namespace {

using Json = nlohmann::ordered_json;

Json RuleJson(const CompatRule& rule) {
  using Kind = CompatRule::Kind;
  Json json;
  switch (rule.kind) {
    case Kind::kStripPrefix:
      json["strip_prefix"] = rule.pattern;
      break;
    case Kind::kAddPrefix:
      json["add_prefix"] = rule.pattern;
      break;
    case Kind::kRename:
      json["rename"] = rule.pattern;
      json["to"] = rule.to;
      if (rule.all_places) {
        json["all"] = true;
      }
      break;
    case Kind::kDrop:
      json["drop"] = rule.pattern;
      break;
    case Kind::kCast:
      json["cast"] = rule.pattern;
      if (rule.from_dtype) {
        json["from"] = std::string(DTypeName(*rule.from_dtype));
      }
      json["to"] = std::string(DTypeName(rule.dtype));
      break;
    case Kind::kTranspose:
      json["transpose"] = rule.pattern;
      break;
    case Kind::kReshape:
      json["reshape"] = rule.pattern;
      json["to"] = rule.sizes;
      break;
    case Kind::kSplit:
      json["split"] = rule.pattern;
      json["into"] = rule.parts;
      json["dim"] = rule.dimension;
      json["sizes"] = rule.sizes;
      break;
    case Kind::kConcat:
      json["concat"] = rule.parts;
      json["to"] = rule.to;
      json["dim"] = rule.dimension;
      json["sizes"] = rule.sizes;
      break;
    case Kind::kAdd:
      json["add"] = rule.pattern;
      json["dtype"] = std::string(DTypeName(rule.dtype));
      json["shape"] = rule.sizes;
      json["value"] = 0;
      break;
  }
  if (rule.is_regex) {
    json["regex"] = true;
  }
  json["comment"] =
      absl::StrCat(CompatIssueName(rule.issue), ": ", rule.tensors,
                   rule.tensors == 1 ? " tensor" : " tensors");
  return json;
}

}  // namespace

std::string CompatRuleJson(const CompatRule& rule) {
  return RuleJson(rule).dump(-1, ' ', /*ensure_ascii=*/false,
                             Json::error_handler_t::replace);
}

std::string MigrationText(absl::string_view model,
                          const std::vector<CompatRule>& rules) {
  Json json;
  json["model"] = std::string(model);
  json["from"] = "file";
  json["to"] = "target";
  json["comment"] =
      "Suggested by hoist compat from names and shapes. Look at it before you "
      "use it.";
  json["rules"] = Json::array();
  for (const CompatRule& rule : rules) {
    json["rules"].push_back(RuleJson(rule));
  }
  return json.dump(2, ' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace) +
         "\n";
}

}  // namespace hoist
