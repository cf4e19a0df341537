#include "hoist/checkpoint/compat/shape_rules.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/compat/name_parts.h"
#include "hoist/core/tensor/ops/cast.h"

namespace hoist {
namespace {

using Kind = CompatRule::Kind;

std::string RegexOf(absl::string_view text) {
  return absl::StrCat("^", TemplateRegex(text), "$");
}

// The name of the module that a parameter is in: "c_proj".
absl::string_view ModuleOf(absl::string_view name) {
  const size_t end = name.rfind('.');
  if (end == absl::string_view::npos) {
    return "";
  }
  const size_t dot = name.substr(0, end).rfind('.');
  const size_t start = dot == absl::string_view::npos ? 0 : dot + 1;
  return name.substr(start, end - start);
}

bool IsTransposed(const TensorOutline& a, const TensorOutline& b) {
  return a.shape.size() == 2 && b.shape.size() == 2 &&
         a.shape[0] == b.shape[1] && a.shape[1] == b.shape[0] &&
         a.shape[0] != a.shape[1];
}

// Of a linear layer by its looks: an embedding is a matrix, too.
bool IsSquareWeight(const TensorOutline& tensor) {
  if (tensor.shape.size() != 2 || tensor.shape[0] != tensor.shape[1] ||
      tensor.shape[0] < 2 || !absl::EndsWith(tensor.name, "weight")) {
    return false;
  }
  const absl::string_view module = ModuleOf(tensor.name);
  return !absl::StrContains(module, "emb") && module != "wte" &&
         module != "wpe";
}

// Those that a pattern made of the template of each of `which` means, which
// are all in `which`: else the names themselves.
std::vector<std::pair<std::string, std::vector<size_t>>> PatternsOf(
    const RuleDraft& draft, const std::vector<size_t>& which) {
  std::map<std::string, std::vector<size_t>> by_template;
  for (const size_t index : which) {
    if (!IsPlainName(draft.tensors()[index].name)) {
      continue;
    }
    by_template[TemplateOf(draft.tensors()[index].name).text].push_back(index);
  }
  std::map<std::string, size_t> counts;
  for (const TensorOutline& tensor : draft.tensors()) {
    const std::string text = TemplateOf(tensor.name).text;
    if (by_template.contains(text)) {
      ++counts[text];
    }
  }
  std::vector<std::pair<std::string, std::vector<size_t>>> result;
  for (auto& [text, members] : by_template) {
    if (counts[text] == members.size()) {
      result.emplace_back(RegexOf(text), std::move(members));
      continue;
    }
    for (const size_t index : members) {
      result.emplace_back(RegexOf(draft.tensors()[index].name),
                          std::vector<size_t>{index});
    }
  }
  return result;
}

// One rule for each pattern, with `rule`'s other members.
void AddForAll(const std::vector<size_t>& which, const CompatRule& like,
               RuleDraft& draft) {
  for (auto& [pattern, members] : PatternsOf(draft, which)) {
    CompatRule rule = like;
    rule.pattern = pattern;
    rule.is_regex = true;
    rule.tensors = members.size();
    draft.AddRule(std::move(rule));
  }
}

void AddTransposes(RuleDraft& draft) {
  std::vector<size_t> turned;
  std::vector<size_t> squares;
  std::set<absl::string_view> modules;
  std::set<absl::string_view> straight;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const TensorOutline& tensor = draft.tensors()[i];
    const TensorOutline* const wanted = draft.WantedAs(i);
    if (wanted == nullptr || !IsPlainName(tensor.name)) {
      continue;
    }
    if (IsTransposed(tensor, *wanted)) {
      turned.push_back(i);
      modules.insert(ModuleOf(tensor.name));
    } else if (tensor.shape == wanted->shape) {
      if (IsSquareWeight(tensor)) {
        squares.push_back(i);
      } else if (tensor.shape.size() == 2) {
        straight.insert(ModuleOf(tensor.name));
      }
    }
  }
  if (turned.empty()) {
    return;
  }
  std::string unclear;
  for (const size_t index : squares) {
    const absl::string_view module = ModuleOf(draft.tensors()[index].name);
    if (modules.contains(module)) {
      turned.push_back(index);
    } else if (!straight.contains(module) && unclear.empty()) {
      unclear = draft.tensors()[index].name;
    }
  }
  if (!unclear.empty()) {
    draft.AddNote(
        CompatIssue::kAmbiguous,
        absl::StrCat("Other matrices are transposed; whether ", unclear,
                     " is, its shape does not say: it is square"));
    return;
  }
  CompatRule rule;
  rule.kind = Kind::kTranspose;
  rule.issue = CompatIssue::kTransposed;
  AddForAll(turned, rule, draft);
  for (const size_t index : turned) {
    const std::vector<int64_t>& shape = draft.tensors()[index].shape;
    draft.SetShape(index, {shape[1], shape[0]});
  }
}

void AddReshapes(RuleDraft& draft) {
  std::map<std::vector<int64_t>, std::vector<size_t>> by_shape;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const TensorOutline& tensor = draft.tensors()[i];
    const TensorOutline* const wanted = draft.WantedAs(i);
    if (wanted == nullptr || tensor.shape == wanted->shape ||
        !tensor.is_tensor || !wanted->is_tensor || !IsPlainName(tensor.name)) {
      continue;
    }
    std::vector<int64_t> a = tensor.shape;
    std::vector<int64_t> b = wanted->shape;
    std::erase(a, 1);
    std::erase(b, 1);
    const bool is_scalar = wanted->shape.empty() && tensor.shape.size() == 1;
    if (a == b && !is_scalar) {
      by_shape[wanted->shape].push_back(i);
    }
  }
  for (const auto& [shape, which] : by_shape) {
    CompatRule rule;
    rule.kind = Kind::kReshape;
    rule.sizes = shape;
    rule.issue = CompatIssue::kReshaped;
    AddForAll(which, rule, draft);
    for (const size_t index : which) {
      draft.SetShape(index, shape);
    }
  }
}

bool IsWholeNumber(DType dtype) {
  return !IsFloatingPoint(dtype) && !IsComplex(dtype) && dtype != DType::kBool;
}

bool IsSignedNumber(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kInt16 ||
         dtype == DType::kInt32 || dtype == DType::kInt64;
}

// Whether a cast loses nothing but what rounding does.
bool IsHarmless(DType from, DType to) {
  if (!CanCast(from, to)) {
    return false;
  }
  if (IsFloatingPoint(from) && IsFloatingPoint(to)) {
    constexpr int kSmallFloat = 8;
    return DTypeBits(from) > kSmallFloat && DTypeBits(to) > kSmallFloat;
  }
  return IsWholeNumber(from) && IsSignedNumber(to) &&
         (IsSignedNumber(from) || from == DType::kUint8) &&
         DTypeBits(to) > DTypeBits(from);
}

// Parts that are no model's weights, at the start of names.
constexpr absl::string_view kOtherThings[] = {"optimizer",
                                              "optimizer_state_dict",
                                              "optimizer_states",
                                              "optim",
                                              "optimizers",
                                              "scheduler",
                                              "lr_scheduler",
                                              "lr_schedulers",
                                              "scaler",
                                              "grad_scaler",
                                              "rng_state",
                                              "rng_states",
                                              "random_state",
                                              "callbacks",
                                              "loops",
                                              "amp",
                                              "hyper_parameters"};
// Averages and copies of the weights.
constexpr absl::string_view kCopies[] = {"ema",
                                         "model_ema",
                                         "ema_model",
                                         "params_ema",
                                         "ema_state_dict",
                                         "state_dict_ema",
                                         "model_ema_state_dict",
                                         "teacher"};
// Buffers that modules make themselves, at the end of names.
constexpr absl::string_view kOwnBuffers[] = {
    "position_ids",        "masked_bias",  "inv_freq",
    "total_ops",           "total_params", "n_averaged",
    "num_batches_tracked", "_extra_state"};

template <size_t kCount>
bool IsOneOf(absl::string_view part, const absl::string_view (&list)[kCount]) {
  return std::find(std::begin(list), std::end(list), part) != std::end(list);
}

// A mask over positions, as GPT-2's attention.bias: no bias has four
// dimensions.
bool IsMask(const TensorOutline& tensor) {
  return tensor.shape.size() == 4 && tensor.shape[0] == 1 &&
         tensor.shape[1] == 1 && tensor.shape[2] == tensor.shape[3] &&
         absl::EndsWith(tensor.name, ".bias");
}

void AddDrops(RuleDraft& draft) {
  // Pattern and what it means.
  std::map<std::string, std::vector<size_t>> drops;
  // Of lists, or under numbers: no rule can drop them.
  std::map<std::string, std::vector<size_t>> others;
  // Starts that have something wanted.
  std::set<absl::string_view> kept;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    if (draft.WantedAs(i) != nullptr) {
      const absl::string_view name = draft.tensors()[i].name;
      kept.insert(name.substr(0, name.find('.')));
    }
  }
  std::vector<size_t> unexpected = draft.Unexpected();
  for (const size_t index : unexpected) {
    const TensorOutline& tensor = draft.tensors()[index];
    if (!IsPlainName(tensor.name)) {
      continue;
    }
    const absl::string_view name = tensor.name;
    const absl::string_view first = name.substr(0, name.find('.'));
    // All of it where there is no dot.
    const absl::string_view last = name.substr(name.rfind('.') + 1);
    const bool is_outside =
        first.size() < name.size() && !kept.empty() && !kept.contains(first);
    if (is_outside && IsOneOf(first, kOtherThings)) {
      others[std::string(first)].push_back(index);
    } else if (is_outside && IsOneOf(first, kCopies)) {
      drops[absl::StrCat("^", first, "\\.")].push_back(index);
    } else if (IsOneOf(last, kOwnBuffers) || IsMask(tensor)) {
      drops[RegexOf(TemplateOf(tensor.name).text)].push_back(index);
    }
  }
  std::vector<size_t> gone;
  for (const auto& [pattern, which] : drops) {
    gone.insert(gone.end(), which.begin(), which.end());
  }
  for (const auto& [start, which] : others) {
    gone.insert(gone.end(), which.begin(), which.end());
    draft.AddNote(
        CompatIssue::kExtra,
        absl::StrCat(which.size(), which.size() == 1 ? " tensor" : " tensors",
                     " under \"", start,
                     ".\" are no weights of the model: leave them out (hoist "
                     "convert --exclude='",
                     start, ".*')"));
  }
  if (gone.empty()) {
    return;
  }
  std::vector<CompatRule> rules;
  for (const auto& [pattern, which] : drops) {
    CompatRule rule;
    rule.kind = Kind::kDrop;
    rule.pattern = pattern;
    rule.is_regex = true;
    rule.issue = absl::StrContains(pattern, "_extra_state")
                     ? CompatIssue::kExtraState
                     : CompatIssue::kExtra;
    rule.tensors = which.size();
    rules.push_back(std::move(rule));
  }
  draft.Replace(gone, {}, std::move(rules));
}

void AddCounters(RuleDraft& draft) {
  std::vector<TensorOutline> added;
  std::vector<CompatRule> rules;
  for (const size_t index : draft.Missing()) {
    const TensorOutline& wanted = draft.target()[index];
    constexpr absl::string_view kCounter = "num_batches_tracked";
    if (!absl::EndsWith(wanted.name, kCounter) || !wanted.shape.empty() ||
        wanted.dtype != DType::kInt64 || !IsPlainName(wanted.name)) {
      continue;
    }
    const absl::string_view module = absl::StripSuffix(wanted.name, kCounter);
    if (draft.Has(absl::StrCat(module, "running_mean")) == nullptr) {
      continue;
    }
    CompatRule rule;
    rule.kind = Kind::kAdd;
    rule.pattern = wanted.name;
    rule.dtype = wanted.dtype;
    rule.issue = CompatIssue::kOldBatchNorm;
    rule.tensors = 1;
    rules.push_back(std::move(rule));
    added.push_back(wanted);
  }
  draft.Replace({}, std::move(added), std::move(rules));
}

}  // namespace

void AddShapeRules(RuleDraft& draft) {
  AddTransposes(draft);
  AddReshapes(draft);
}

void AddCastRules(RuleDraft& draft) {
  std::map<std::pair<DType, DType>, std::vector<size_t>> casts;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const TensorOutline& tensor = draft.tensors()[i];
    const TensorOutline* const wanted = draft.WantedAs(i);
    if (wanted != nullptr && wanted->dtype != tensor.dtype &&
        tensor.is_tensor && wanted->is_tensor &&
        IsHarmless(tensor.dtype, wanted->dtype) && IsPlainName(tensor.name)) {
      casts[{tensor.dtype, wanted->dtype}].push_back(i);
    }
  }
  for (const auto& [dtypes, which] : casts) {
    const DType from = dtypes.first;
    const DType to = dtypes.second;
    CompatRule rule;
    rule.kind = Kind::kCast;
    rule.dtype = to;
    rule.issue = CompatIssue::kDType;
    if (std::all_of(draft.tensors().begin(), draft.tensors().end(),
                    [&](const TensorOutline& tensor) {
                      return !tensor.is_tensor || tensor.dtype == from;
                    })) {
      rule.pattern = "*";
      rule.from_dtype = from;
      rule.tensors = which.size();
      draft.AddRule(rule);
    } else {
      AddForAll(which, rule, draft);
    }
    for (const size_t index : which) {
      draft.SetDType(index, to);
    }
  }
}

void AddLeftoverRules(RuleDraft& draft) {
  AddDrops(draft);
  AddCounters(draft);
}

}  // namespace hoist
