#include "hoist/checkpoint/compat/fused_rules.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/compat/name_groups.h"
#include "hoist/checkpoint/compat/name_parts.h"
#include "hoist/checkpoint/compat/projection_role.h"

namespace hoist {
namespace {

using Kind = CompatRule::Kind;
using Role = ProjectionRole;
using Shape = absl::Span<const int64_t>;

// Names that are alike but for numbers, and have a part with a role.
struct Place {
  std::string text;    // the template
  std::string before;  // that part
  std::string behind;  // "weight"
  Role role = Role::kQ;
  std::vector<NameGroup::Member> members;
};

// torch.nn.MultiheadAttention writes in_proj_weight in the place of
// in_proj.weight.
std::string WithDots(absl::string_view name) {
  return absl::StrReplaceAll(
      name, {{"_proj_weight", "_proj.weight"}, {"_proj_bias", "_proj.bias"}});
}

std::vector<Place> FindPlaces(absl::Span<const TensorOutline> tensors,
                              const std::vector<size_t>& which) {
  std::vector<Place> places;
  for (NameGroup& group : GroupsByTemplate(tensors, which)) {
    const std::string dotted = WithDots(group.text);
    const std::vector<absl::string_view> parts = absl::StrSplit(dotted, '.');
    for (size_t i = parts.size(); i-- > 0;) {
      if (const auto role = ProjectionRoleOf(parts[i])) {
        Place place;
        place.before = absl::StrJoin(parts.begin(), parts.begin() + i, ".");
        place.behind = absl::StrJoin(parts.begin() + i + 1, parts.end(), ".");
        place.role = *role;
        place.text = std::move(group.text);
        place.members = std::move(group.members);
        places.push_back(std::move(place));
        break;
      }
    }
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.text < b.text; });
  return places;
}

// The sizes of the parts, if the whole is them along dimension 0.
std::optional<std::vector<int64_t>> SizesOf(Shape whole,
                                            const std::vector<Shape>& parts) {
  std::vector<int64_t> sizes;
  int64_t rest = whole.empty() ? -1 : whole[0];
  for (const Shape part : parts) {
    if (part.size() != whole.size() || rest < 0 ||
        part.subspan(1) != whole.subspan(1)) {
      return std::nullopt;
    }
    rest -= part[0];
    sizes.push_back(part[0]);
  }
  return rest == 0 ? std::optional(std::move(sizes)) : std::nullopt;
}

// The sizes of the parts in all layers; nullopt where they do not add up.
std::optional<std::vector<int64_t>> CommonSizes(
    const Place& whole, const std::vector<const Place*>& parts,
    bool is_transposed) {
  for (const Place* const part : parts) {
    if (part->members.size() != whole.members.size()) {
      return std::nullopt;
    }
  }
  std::optional<std::vector<int64_t>> common;
  for (size_t i = 0; i < whole.members.size(); ++i) {
    const auto& [numbers, shape] = whole.members[i];
    auto turned = shape;
    if (is_transposed) {
      if (shape.size() != 2 || shape[0] == shape[1]) {
        return std::nullopt;
      }
      std::swap(turned[0], turned[1]);
    }
    std::vector<Shape> shapes;
    for (const Place* const part : parts) {
      if (part->members[i].numbers != numbers) {
        return std::nullopt;
      }
      shapes.push_back(part->members[i].shape);
    }
    auto sizes = SizesOf(turned, shapes);
    if (!sizes || (common && *common != *sizes)) {
      return std::nullopt;
    }
    common = *std::move(sizes);
  }
  return common;
}

std::string Anchored(const std::string& text) {
  return absl::StrCat("^", TemplateRegex(text), "$");
}

void AddTranspose(const Place& whole, RuleDraft& draft) {
  for (const auto& [numbers, shape] : whole.members) {
    draft.SetShape(draft.IndexOf(TemplateName(whole.text, numbers)),
                   {shape[1], shape[0]});
  }
  CompatRule rule;
  rule.kind = Kind::kTranspose;
  rule.pattern = Anchored(whole.text);
  rule.is_regex = true;
  rule.issue = CompatIssue::kTransposed;
  rule.tensors = whole.members.size();
  draft.AddRule(std::move(rule));
}

void Split(const Place& whole, const std::vector<const Place*>& parts,
           const std::vector<int64_t>& sizes, RuleDraft& draft) {
  CompatRule rule;
  rule.kind = Kind::kSplit;
  rule.pattern = Anchored(whole.text);
  rule.is_regex = true;
  rule.sizes = sizes;
  rule.issue = CompatIssue::kFused;
  rule.tensors = whole.members.size();
  std::vector<size_t> gone;
  std::vector<TensorOutline> added;
  for (const Place* const part : parts) {
    rule.parts.push_back(TemplateFill(part->text));
  }
  for (size_t i = 0; i < whole.members.size(); ++i) {
    const LayerNumbers& numbers = whole.members[i].numbers;
    gone.push_back(draft.IndexOf(TemplateName(whole.text, numbers)));
    const DType dtype = draft.tensors()[gone.back()].dtype;
    for (const Place* const part : parts) {
      const Shape shape = part->members[i].shape;
      added.push_back({TemplateName(part->text, numbers),
                       dtype,
                       {shape.begin(), shape.end()}});
    }
  }
  draft.Replace(gone, std::move(added), {std::move(rule)});
}

void Join(const Place& whole, const std::vector<const Place*>& parts,
          const std::vector<int64_t>& sizes, RuleDraft& draft) {
  CompatRule rule;
  rule.kind = Kind::kConcat;
  rule.is_regex = true;
  rule.to = TemplateFill(whole.text);
  rule.sizes = sizes;
  rule.issue = CompatIssue::kSplit;
  rule.tensors = whole.members.size() * parts.size();
  std::vector<size_t> gone;
  std::vector<TensorOutline> added;
  for (const Place* const part : parts) {
    rule.parts.push_back(Anchored(part->text));
  }
  for (const auto& [numbers, shape] : whole.members) {
    DType dtype = DType::kFloat32;
    for (const Place* const part : parts) {
      gone.push_back(draft.IndexOf(TemplateName(part->text, numbers)));
      dtype = draft.tensors()[gone.back()].dtype;
    }
    added.push_back({TemplateName(whole.text, numbers),
                     dtype,
                     {shape.begin(), shape.end()}});
  }
  draft.Replace(gone, std::move(added), {std::move(rule)});
}

// The places of the parts of `whole`, if each role has one: beside it, or
// anywhere where nothing lies beside.
std::vector<const Place*> FindParts(const Place& whole,
                                    const std::vector<Place>& places,
                                    bool is_beside) {
  std::vector<const Place*> result;
  for (const Role role : PartsOf(whole.role)) {
    const Place* found = nullptr;
    for (const Place& place : places) {
      if (place.role == role && place.behind == whole.behind &&
          (!is_beside || place.before == whole.before)) {
        if (found != nullptr) {
          return {};
        }
        found = &place;
      }
    }
    if (found == nullptr) {
      return {};
    }
    result.push_back(found);
  }
  return result;
}

// What a tensor could be split into, or joined from.
struct Candidate {
  const Place* whole;
  std::vector<const Place*> parts;
  std::vector<int64_t> sizes;
  bool is_transposed = false;  // before it is split
};

std::optional<Candidate> CandidateOf(const Place& whole,
                                     const std::vector<Place>& places,
                                     bool is_split) {
  Candidate candidate = {.whole = &whole,
                         .parts = FindParts(whole, places, true)};
  if (candidate.parts.empty()) {
    candidate.parts = FindParts(whole, places, false);
  }
  if (candidate.parts.empty()) {
    return std::nullopt;
  }
  auto sizes = CommonSizes(whole, candidate.parts, false);
  if (!sizes && is_split) {
    candidate.is_transposed = true;
    sizes = CommonSizes(whole, candidate.parts, true);
  }
  if (!sizes) {
    return std::nullopt;
  }
  candidate.sizes = *std::move(sizes);
  return candidate;
}

void AddRule(const Candidate& candidate, bool is_split, RuleDraft& draft) {
  const Place& whole = *candidate.whole;
  if (whole.role == Role::kMixedQkv) {
    draft.AddNote(
        CompatIssue::kAmbiguous,
        absl::StrCat(whole.text,
                     " holds query, key and value, and models with that name "
                     "mix them head by head in several ways: how, no name and "
                     "no shape says"));
    return;
  }
  if (candidate.is_transposed) {
    AddTranspose(whole, draft);
  }
  if (is_split) {
    Split(whole, candidate.parts, candidate.sizes, draft);
  } else {
    Join(whole, candidate.parts, candidate.sizes, draft);
  }
}

// Splits those of `wholes` into those of `places`, or joins them from these;
// not where two would have the same part.
void AddRules(const std::vector<Place>& wholes,
              const std::vector<Place>& places, bool is_split,
              RuleDraft& draft) {
  std::vector<Candidate> candidates;
  std::map<const Place*, int> claims;  // by part
  for (const Place& whole : wholes) {
    if (PartsOf(whole.role).empty()) {
      continue;
    }
    if (auto candidate = CandidateOf(whole, places, is_split)) {
      for (const Place* const part : candidate->parts) {
        ++claims[part];
      }
      candidates.push_back(*std::move(candidate));
    }
  }
  for (const Candidate& candidate : candidates) {
    const auto shared =
        std::find_if(candidate.parts.begin(), candidate.parts.end(),
                     [&](const Place* part) { return claims[part] > 1; });
    if (shared == candidate.parts.end()) {
      AddRule(candidate, is_split, draft);
    } else {
      draft.AddNote(
          CompatIssue::kAmbiguous,
          absl::StrCat("Not only ", candidate.whole->text, " could hold ",
                       (*shared)->text,
                       ": which one does, no name and no shape says"));
    }
  }
}

}  // namespace

void AddFusedRules(RuleDraft& draft) {
  const std::vector<Place> file =
      FindPlaces(draft.tensors(), draft.Unexpected());
  const std::vector<Place> target = FindPlaces(draft.target(), draft.Missing());
  AddRules(file, target, /*is_split=*/true, draft);
  AddRules(target, file, /*is_split=*/false, draft);
}

}  // namespace hoist
