#include "hoist/checkpoint/compat/compat_report.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// "3 tensors", "1 tensor"
std::string Tensors(size_t count) {
  return absl::StrCat(count, count == 1 ? " tensor" : " tensors");
}

template <size_t kCount>
bool HasEnding(absl::string_view name,
               const absl::string_view (&endings)[kCount]) {
  return std::any_of(std::begin(endings), std::end(endings),
                     [name](absl::string_view ending) {
                       return absl::EndsWith(name, ending);
                     });
}

// What quantizers put beside, or in the place of, a weight.
constexpr absl::string_view kQuantized[] = {".weight_scale",
                                            ".weight_scale_inv",
                                            ".input_scale",
                                            ".qweight",
                                            ".qzeros",
                                            ".g_idx",
                                            ".SCB",
                                            ".weight_format",
                                            ".absmax",
                                            ".quant_map",
                                            ".quant_state.bitsandbytes__nf4",
                                            ".quant_state.bitsandbytes__fp4",
                                            ".weight_packed",
                                            ".weight_shape",
                                            "._packed_params._packed_params"};
constexpr absl::string_view kOptimizer[] = {".exp_avg", ".exp_avg_sq",
                                            ".momentum_buffer",
                                            ".max_exp_avg_sq", ".square_avg"};
constexpr absl::string_view kEmbeddings[] = {
    "wte.weight",     "embed_tokens.weight", "word_embeddings.weight",
    "lm_head.weight", "lm_head.bias",        "tok_embeddings.weight",
    "output.weight",  "embeddings.weight",   "embedding.weight",
    "decoder.weight", "decoder.bias",        "predictions.bias",
    "embed.weight",   "embed_out.weight",    "shared.weight",
    "emb.weight"};

class Findings {
 public:
  Findings(const CompatSide& file, const CompatSide& target,
           CompatReport& report)
      : file_(file), target_(target), report_(report) {}

  void Collect() {
    OfFile();
    OfRules();
    for (const auto& [issue, text] : report_.search.notes) {
      const bool is_choice =
          issue == CompatIssue::kEnvelope || issue == CompatIssue::kExtra;
      if (is_choice || !report_.can_fit()) {
        Add(issue, text, 0, is_choice);
      }
    }
    if (!report_.match.scalars.empty()) {
      Add(CompatIssue::kScalar,
          absl::StrCat(Tensors(report_.match.scalars.size()),
                       " of one element for a scalar, which PyTorch takes: ",
                       report_.match.scalars[0]),
          report_.match.scalars.size(), true);
    }
    for (const MatchGroup& group : GroupDTypes(report_.search.match.dtypes)) {
      Add(CompatIssue::kDType,
          absl::StrCat("dtype differs in ", Tensors(group.members.size()), ": ",
                       group.text, "; a load converts without a word"),
          group.members.size(), true);
    }
    OfShapes();
    OfMissing();
    OfUnexpected();
  }

 private:
  void Add(CompatIssue issue, std::string text, size_t tensors,
           bool is_mended = false) {
    report_.findings.push_back({issue, std::move(text), tensors, is_mended});
  }

  void OfFile() {
    const std::vector<TensorOutline>& tensors = file_.tensors;
    if (tensors.empty()) {
      Add(CompatIssue::kNoTensors, "The file has no tensors", 0);
      return;
    }
    if (!file_.module_class.empty()) {
      Add(CompatIssue::kWholeModel,
          absl::StrCat("The file holds a whole model of class ",
                       file_.module_class,
                       ", not a state dict: load_state_dict() takes the state "
                       "dict of it, which Hoist reads without that class"),
          tensors.size(), true);
    }
    const bool is_adapter = std::all_of(
        tensors.begin(), tensors.end(), [](const TensorOutline& tensor) {
          return absl::StrContains(tensor.name, "lora_") ||
                 absl::StrContains(tensor.name, "adapter");
        });
    if (is_adapter) {
      Add(CompatIssue::kAdapter,
          absl::StrCat("The file has only an adapter's weights (",
                       tensors[0].name,
                       "): load the model it was made for, then this"),
          tensors.size());
    }
    if (report_.match.matched == 0 && report_.search.match.matched == 0) {
      const auto of_optimizer = static_cast<size_t>(std::count_if(
          tensors.begin(), tensors.end(), [](const TensorOutline& tensor) {
            return HasEnding(tensor.name, kOptimizer);
          }));
      if (of_optimizer > 0) {
        Add(CompatIssue::kOptimizer,
            absl::StrCat("The file has an optimizer's state (", tensors[0].name,
                         "), and nothing of the model"),
            of_optimizer);
      }
    }
    const std::vector<std::string>& unexpected =
        report_.search.match.unexpected;
    const auto quantized = static_cast<size_t>(std::count_if(
        unexpected.begin(), unexpected.end(),
        [](const std::string& name) { return HasEnding(name, kQuantized); }));
    if (quantized > 0) {
      Add(CompatIssue::kQuantized,
          absl::StrCat("The file's weights are quantized: ", Tensors(quantized),
                       " with scales and the like, without which they are "
                       "wrong; dequantize them, or build the target with the "
                       "same quantization"),
          quantized);
    }
  }

  // One sentence for all rules of one kind.
  void OfRules() {
    std::map<CompatIssue, std::pair<size_t, std::vector<std::string>>> issues;
    for (const CompatRule& rule : report_.search.rules) {
      auto& [tensors, texts] = issues[rule.issue];
      tensors += rule.tensors;
      texts.push_back(CompatRuleText(rule));
    }
    for (const auto& [issue, what] : issues) {
      const auto& [tensors, texts] = what;
      const std::string more =
          texts.size() > 1
              ? absl::StrCat(" and ", texts.size() - 1,
                             texts.size() == 2 ? " other rule" : " other rules")
              : "";
      Add(issue, absl::StrCat(Sentence(issue, tensors), ": ", texts[0], more),
          tensors, true);
    }
  }

  static std::string Sentence(CompatIssue issue, size_t count) {
    const std::string tensors = Tensors(count);
    switch (issue) {
      case CompatIssue::kPrefix:
        return absl::StrCat(tensors, " fit but for how their names start");
      case CompatIssue::kEnvelope:
        return absl::StrCat("The state dict is inside a training checkpoint, ",
                            tensors);
      case CompatIssue::kKnownName:
        return absl::StrCat(tensors,
                            " have the names that PyTorch or a "
                            "library gave them in another version");
      case CompatIssue::kTypo:
        return absl::StrCat(tensors, " with a slip in the name");
      case CompatIssue::kLayerNumbers:
        return absl::StrCat(tensors, " are in layers that count otherwise");
      case CompatIssue::kFused:
        return absl::StrCat(tensors, " hold several of the target's in one");
      case CompatIssue::kSplit:
        return absl::StrCat(tensors, " are one each of several in the target");
      case CompatIssue::kTransposed:
        return absl::StrCat(tensors, " are transposed");
      case CompatIssue::kReshaped:
        return absl::StrCat(tensors, " have the same elements in other shapes");
      case CompatIssue::kDType:
        return absl::StrCat(tensors,
                            " have another dtype, which a load "
                            "converts without a word");
      case CompatIssue::kOldBatchNorm:
        return absl::StrCat(tensors,
                            " of batch norms are missing that PyTorch before "
                            "0.4.1 did not write; it takes zeros for them");
      case CompatIssue::kExtra:
        return absl::StrCat(tensors, " are no weights of the model");
      case CompatIssue::kExtraState:
        return absl::StrCat(count, " values are a module's extra state");
      default:
        return absl::StrCat(tensors, " have other names");
    }
  }

  void OfShapes() {
    const auto& shapes = report_.search.match.shapes;
    for (const MatchGroup& group : GroupShapes(shapes)) {
      const auto& first = shapes[group.members[0]];
      const bool is_vocabulary = std::all_of(
          group.members.begin(), group.members.end(), [&](size_t member) {
            const auto& shape = shapes[member];
            return HasEnding(shape.name, kEmbeddings) &&
                   shape.in_file.size() == shape.in_target.size() &&
                   !shape.in_file.empty() &&
                   shape.in_file[0] != shape.in_target[0] &&
                   std::equal(shape.in_file.begin() + 1, shape.in_file.end(),
                              shape.in_target.begin() + 1);
          });
      Add(is_vocabulary ? CompatIssue::kVocabulary : CompatIssue::kWidth,
          absl::StrCat(is_vocabulary ? "Another vocabulary: shape differs in "
                                     : "shape differs in ",
                       shapes.size() == group.members.size() ? "all " : "",
                       Tensors(group.members.size()), ", ", group.text, " (",
                       first.name, " ", ShapeString(first.in_file), " against ",
                       ShapeString(first.in_target), ")"),
          group.members.size());
    }
  }

  // Names that have a partner by a slip, as both sides have them.
  void AddCloseNames() {
    const StateDictMatch& match = report_.search.match;
    for (const auto& [unexpected, missing] :
         CloseNames(match.unexpected, match.missing)) {
      Add(CompatIssue::kTypo,
          absl::StrCat(match.unexpected[unexpected], " in the file, ",
                       match.missing[missing],
                       " in the target: a slip? Shapes differ"),
          1);
    }
  }

  // A weight that the target has twice, of which the file has one.
  bool AddTied(
      const std::string& name,
      const absl::flat_hash_map<std::string, const TensorOutline*>& in_file,
      const absl::flat_hash_map<std::string, const TensorOutline*>& in_target) {
    std::string other;
    for (const auto& [alias, first] : target_.ties) {
      const std::string alias_name = Part(alias);
      const std::string first_name = Part(first);
      if (alias_name == name && in_file.contains(first_name)) {
        other = first_name;
      } else if (first_name == name && in_file.contains(alias_name)) {
        other = alias_name;
      }
    }
    constexpr absl::string_view kHeads[] = {
        "lm_head.weight", "embed_out.weight", "predictions.decoder.weight",
        "output.weight"};
    if (other.empty() && HasEnding(name, kHeads)) {
      for (const auto& [candidate, tensor] : in_file) {
        if (candidate != name && HasEnding(candidate, kEmbeddings) &&
            tensor->shape == in_target.at(name)->shape) {
          other = candidate;
        }
      }
    }
    if (other.empty()) {
      return false;
    }
    Add(CompatIssue::kTied,
        absl::StrCat(name, " is missing, and ", other,
                     " has its shape: weights that are tied are often saved "
                     "once. Tie them after the load (strict=False)"),
        1);
    return true;
  }

  std::string Part(const std::string& name) const {
    return std::string(absl::StripPrefix(name, report_.target_part));
  }

  void OfMissing() {
    AddCloseNames();
    const std::vector<std::string>& missing = report_.search.match.missing;
    if (missing.empty()) {
      return;
    }
    constexpr size_t kMaxTied = 16;
    if (missing.size() > kMaxTied) {
      AddNames(CompatIssue::kMissing, "missing from the file", missing);
      return;
    }
    absl::flat_hash_map<std::string, const TensorOutline*> in_file;
    for (const TensorOutline& tensor : report_.search.tensors) {
      in_file.emplace(tensor.name, &tensor);
    }
    absl::flat_hash_map<std::string, const TensorOutline*> in_target;
    for (const TensorOutline& tensor : target_.tensors) {
      in_target.emplace(Part(tensor.name), &tensor);
    }
    std::vector<std::string> rest;
    for (const std::string& name : missing) {
      if (!AddTied(name, in_file, in_target)) {
        rest.push_back(name);
      }
    }
    AddNames(CompatIssue::kMissing, "missing from the file", rest);
  }

  void OfUnexpected() {
    AddNames(CompatIssue::kUnexpected, "in the file that the target lacks",
             report_.search.match.unexpected);
  }

  void AddNames(CompatIssue issue, absl::string_view what,
                const std::vector<std::string>& names) {
    if (names.empty()) {
      return;
    }
    constexpr size_t kShown = 5;
    const std::vector<MatchGroup> groups = GroupNames(names);
    std::string text = absl::StrCat(Tensors(names.size()), " ", what, ": ");
    for (size_t i = 0; i < std::min(groups.size(), kShown); ++i) {
      absl::StrAppend(&text, i == 0 ? "" : ", ", groups[i].text);
      if (groups[i].members.size() > 1) {
        absl::StrAppend(&text, " (", groups[i].members.size(), ")");
      }
    }
    if (groups.size() > kShown) {
      absl::StrAppend(&text, ", and ", groups.size() - kShown, " more kinds");
    }
    const bool is_extra_state =
        std::all_of(names.begin(), names.end(), [](const std::string& name) {
          return absl::EndsWith(name, "_extra_state");
        });
    Add(is_extra_state ? CompatIssue::kExtraState : issue, std::move(text),
        names.size());
  }

  const CompatSide& file_;
  const CompatSide& target_;
  CompatReport& report_;
};

// The tensors of the target under one start, without it.
std::vector<TensorOutline> PartOf(const std::vector<TensorOutline>& tensors,
                                  const std::string& prefix) {
  std::vector<TensorOutline> part;
  for (const TensorOutline& tensor : tensors) {
    if (absl::StartsWith(tensor.name, prefix) &&
        tensor.name.size() > prefix.size()) {
      part.push_back(tensor);
      part.back().name = tensor.name.substr(prefix.size());
    }
  }
  return part;
}

// The start of the state dict of a training checkpoint; empty if it is none.
std::string ModelPart(const CompatSide& side) {
  constexpr absl::string_view kKeys[] = {
      "state_dict.", "model_state_dict.", "model.",   "module.",
      "net.",        "network.",          "weights.", "params."};
  for (const absl::string_view key : kKeys) {
    if (std::find(side.envelopes.begin(), side.envelopes.end(), key) !=
            side.envelopes.end() &&
        std::any_of(side.tensors.begin(), side.tensors.end(),
                    [&](const TensorOutline& tensor) {
                      return absl::StartsWith(tensor.name, key);
                    })) {
      return std::string(key);
    }
  }
  return "";
}

}  // namespace

CompatReport CompareSides(const CompatSide& file, const CompatSide& target) {
  CompatReport report;
  std::vector<TensorOutline> part;
  absl::Span<const TensorOutline> wanted = target.tensors;
  report.match = MatchStateDict(file.tensors, wanted);
  if (!report.match.fits()) {
    report.target_part = ModelPart(target);
    if (!report.target_part.empty()) {
      part = PartOf(target.tensors, report.target_part);
      wanted = part;
      report.match = MatchStateDict(file.tensors, wanted);
    }
  }
  report.search = FindRules(file.tensors, wanted, file.envelopes);
  Findings(file, target, report).Collect();
  return report;
}

}  // namespace hoist
