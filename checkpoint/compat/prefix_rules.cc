#include "hoist/checkpoint/compat/prefix_rules.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/compat/name_parts.h"

namespace hoist {
namespace {

using Kind = CompatRule::Kind;

// Parts that wrappers put into names, at their start or inside.
constexpr absl::string_view kWrappers[] = {"_orig_mod", "_fsdp_wrapped_module",
                                           "_checkpoint_wrapped_module",
                                           "_fpw_module", "module"};

// Keys that envelopes have, the likeliest to hold the model that was trained
// first. Averages of it come later: they are other weights.
constexpr absl::string_view kModelKeys[] = {
    "state_dict", "model_state_dict", "model",  "module", "net",
    "network",    "weights",          "params", "student"};
constexpr absl::string_view kOtherKeys[] = {
    "params_ema",           "ema",       "model_ema",
    "ema_state_dict",       "ema_model", "state_dict_ema",
    "model_ema_state_dict", "teacher"};

// Smaller is likelier; what is in no list has no rank.
constexpr int kNoRank = 1000;
int RankOf(absl::string_view prefix) {
  const absl::string_view key = prefix.substr(0, prefix.find('.'));
  int rank = 0;
  for (const auto keys :
       {absl::MakeConstSpan(kModelKeys), absl::MakeConstSpan(kOtherKeys)}) {
    for (const absl::string_view known : keys) {
      if (key == known) {
        return rank;
      }
      ++rank;
    }
  }
  return kNoRank;
}

// The name of `rule` is what is there of it, and `\1` of a regular expression.
std::string Quoted(absl::string_view text) {
  return absl::StrReplaceAll(text, {{".", "\\."}});
}

// A bit for each of kWrappers.
using WrapperSet = uint32_t;

// Those that are whole parts inside the name: neither its first nor its last.
WrapperSet WrappersInside(absl::string_view name) {
  WrapperSet found = 0;
  size_t start = name.find('.');
  while (start != absl::string_view::npos) {
    const size_t end = name.find('.', ++start);
    if (end == absl::string_view::npos) {
      break;
    }
    const absl::string_view part = name.substr(start, end - start);
    for (size_t i = 0; i < std::size(kWrappers); ++i) {
      found |= part == kWrappers[i] ? WrapperSet{1} << i : 0;
    }
    start = end;
  }
  return found;
}

WrapperSet WrappersInside(absl::Span<const TensorOutline> tensors) {
  WrapperSet found = 0;
  for (const TensorOutline& tensor : tensors) {
    found |= WrappersInside(tensor.name);
  }
  return found;
}

void AddWrapperRule(absl::string_view wrapper, RuleDraft& draft) {
  const std::string inside = absl::StrCat(".", wrapper, ".");
  const std::string start = absl::StrCat(wrapper, ".");
  const auto has = [&](const TensorOutline& tensor) {
    return absl::StartsWith(tensor.name, start) ||
           absl::StrContains(tensor.name, inside);
  };
  const std::vector<TensorOutline>& tensors = draft.tensors();
  if (std::any_of(draft.target().begin(), draft.target().end(), has)) {
    return;
  }
  RuleDraft::Renames renames;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!has(tensors[i])) {
      continue;
    }
    std::vector<absl::string_view> parts = absl::StrSplit(tensors[i].name, '.');
    const bool is_last = parts.back() == wrapper;
    std::erase(parts, wrapper);
    renames.emplace_back(
        i, absl::StrCat(absl::StrJoin(parts, "."),
                        is_last ? absl::StrCat(".", wrapper) : ""));
  }
  // Worth it only where that gives names that are wanted.
  const bool helps =
      std::any_of(renames.begin(), renames.end(), [&](const auto& rename) {
        absl::string_view end = rename.second;
        while (draft.Wanted(end) == nullptr) {
          const size_t dot = end.find('.');
          if (dot == absl::string_view::npos) {
            return false;
          }
          end.remove_prefix(dot + 1);
        }
        return true;
      });
  if (!helps || !draft.CanRename(renames)) {
    return;
  }
  CompatRule rule;
  rule.kind = Kind::kRename;
  rule.pattern = absl::StrCat("(^|\\.)(?:", Quoted(start), ")+");
  rule.to = "\\1";
  rule.is_regex = true;
  rule.all_places = true;
  rule.issue = CompatIssue::kPrefix;
  rule.tensors = renames.size();
  draft.Rename(renames, {rule});
}

void AddWrapperRules(RuleDraft& draft) {
  WrapperSet inside = WrappersInside(draft.tensors());
  for (size_t i = 0; i < std::size(kWrappers); ++i) {
    if ((inside >> i & 1) != 0) {
      const size_t before = draft.rules().size();
      AddWrapperRule(kWrappers[i], draft);
      if (draft.rules().size() > before) {
        inside = WrappersInside(draft.tensors());
      }
    }
  }
}

// Names that start with `from` to start with `to`.
struct Change {
  std::string from;
  std::string to;

  friend auto operator<=>(const Change&, const Change&) = default;
};

struct Candidate {
  Change change;
  int64_t votes = 0;
  int64_t gained = 0;  // names that fit then
  int64_t alike = 0;   // of these with the same shape
  int64_t lost = 0;    // names that would no longer
  int64_t score() const { return gained + alike - 2 * lost; }
};

std::string Changed(absl::string_view name, const Change& change) {
  return absl::StrCat(change.to, name.substr(change.from.size()));
}

// Changes that would make some of the missing names: those by which the longest
// ends of names that are in the file start.
std::vector<Candidate> FindCandidates(const RuleDraft& draft) {
  constexpr size_t kMaxHolders = 8;
  constexpr size_t kMaxSamples = 64;
  constexpr size_t kMaxCandidates = 16;
  const std::vector<TensorOutline>& tensors = draft.tensors();
  const std::vector<size_t> missing = draft.Missing();
  const size_t step = std::max<size_t>(1, missing.size() / kMaxSamples);
  // Who of the file has the ends of the samples' names.
  absl::flat_hash_map<absl::string_view, std::vector<size_t>> by_end;
  const auto for_each_end = [](absl::string_view name, auto&& visit) {
    for (size_t start = 0; start != absl::string_view::npos;) {
      visit(name.substr(start));
      const size_t dot = name.find('.', start);
      start = dot == absl::string_view::npos ? dot : dot + 1;
    }
  };
  for (size_t i = 0; i < missing.size(); i += step) {
    for_each_end(draft.target()[missing[i]].name,
                 [&](absl::string_view end) { by_end.try_emplace(end); });
  }
  if (by_end.empty()) {
    return {};
  }
  for (const size_t index : draft.Unexpected()) {
    for_each_end(tensors[index].name, [&](absl::string_view end) {
      const auto holders = by_end.find(end);
      if (holders != by_end.end() && holders->second.size() <= kMaxHolders) {
        holders->second.push_back(index);
      }
    });
  }
  std::map<Change, int64_t> votes;
  for (size_t i = 0; i < missing.size(); i += step) {
    const TensorOutline& wanted = draft.target()[missing[i]];
    const absl::string_view name = wanted.name;
    for (size_t start = 0; start != absl::string_view::npos;) {
      const auto holders = by_end.find(name.substr(start));
      if (!holders->second.empty()) {
        if (holders->second.size() <= kMaxHolders) {
          for (const size_t index : holders->second) {
            const absl::string_view in_file = tensors[index].name;
            const size_t end = name.size() - start;
            votes[{std::string(in_file.substr(0, in_file.size() - end)),
                   std::string(name.substr(0, start))}] +=
                tensors[index].shape == wanted.shape ? 2 : 1;
          }
        }
        break;
      }
      const size_t dot = name.find('.', start);
      start = dot == absl::string_view::npos ? dot : dot + 1;
    }
  }
  std::vector<Candidate> candidates;
  for (const auto& [change, count] : votes) {
    candidates.push_back({.change = change, .votes = count});
  }
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.votes > b.votes; });
  if (candidates.size() > kMaxCandidates) {
    candidates.resize(kMaxCandidates);
  }
  return candidates;
}

// What it does to all names.
void Evaluate(const RuleDraft& draft, Candidate& candidate) {
  RuleDraft::Renames renames;
  bool has_layers = false;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const TensorOutline& tensor = draft.tensors()[i];
    if (!absl::StartsWith(tensor.name, candidate.change.from) ||
        tensor.name.size() == candidate.change.from.size()) {
      continue;
    }
    renames.emplace_back(i, Changed(tensor.name, candidate.change));
    if (draft.WantedAs(i) != nullptr) {
      ++candidate.lost;
    }
    const TensorOutline* wanted = draft.Wanted(renames.back().second);
    if (wanted != nullptr && draft.Has(wanted->name) == nullptr) {
      ++candidate.gained;
      candidate.alike += wanted->shape == tensor.shape ? 1 : 0;
      has_layers = has_layers ||
                   absl::StrContains(absl::string_view(tensor.name)
                                         .substr(candidate.change.from.size()),
                                     '.');
    }
  }
  // One module in place of another is not told by "weight" and "bias" alone,
  // and one layer in place of another not at all: they are all alike.
  const bool is_exchange =
      !candidate.change.from.empty() && !candidate.change.to.empty();
  const bool has_numbers = !TemplateOf(candidate.change.from).numbers.empty() ||
                           !TemplateOf(candidate.change.to).numbers.empty();
  if ((is_exchange &&
       (has_numbers || !has_layers || !IsPlainName(candidate.change.from) ||
        !IsPlainName(candidate.change.to))) ||
      candidate.gained == 0 || !draft.CanRename(renames)) {
    candidate.gained = 0;
    candidate.alike = 0;
  }
}

CompatRule RuleOf(const Candidate& candidate) {
  CompatRule rule;
  const Change& change = candidate.change;
  if (change.to.empty()) {
    rule.kind = Kind::kStripPrefix;
    rule.pattern = change.from;
  } else if (change.from.empty()) {
    rule.kind = Kind::kAddPrefix;
    rule.pattern = change.to;
  } else {
    rule.kind = Kind::kRename;
    rule.pattern = absl::StrCat("^", Quoted(change.from));
    rule.to = change.to;
    rule.is_regex = true;
  }
  rule.issue = CompatIssue::kPrefix;
  return rule;
}

// Whether one is about a part of what the other is.
bool Overlap(const Change& a, const Change& b) {
  return absl::StartsWith(a.from, b.from) || absl::StartsWith(b.from, a.from);
}

std::string Described(const Change& change) {
  if (change.to.empty()) {
    return absl::StrCat("\"", change.from, "\"");
  }
  return absl::StrCat("\"", change.from, "\" as \"", change.to, "\"");
}

// Adds one rule; false if there is none to be found.
bool AddPrefixRule(const std::vector<std::string>& envelopes,
                   RuleDraft& draft) {
  std::vector<Candidate> candidates = FindCandidates(draft);
  for (Candidate& candidate : candidates) {
    Evaluate(draft, candidate);
  }
  std::erase_if(candidates,
                [](const Candidate& one) { return one.score() <= 0; });
  if (candidates.empty()) {
    return false;
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return std::pair(-a.score(), RankOf(a.change.from)) <
                            std::pair(-b.score(), RankOf(b.change.from));
                   });
  const Candidate best = candidates[0];
  for (const Candidate& other : absl::MakeSpan(candidates).subspan(1)) {
    const bool is_rival =
        other.score() == best.score() && (other.change.to != best.change.to ||
                                          !Overlap(other.change, best.change));
    if (!is_rival) {
      continue;
    }
    if (other.change.to != best.change.to ||
        RankOf(other.change.from) == RankOf(best.change.from)) {
      draft.AddNote(CompatIssue::kAmbiguous,
                    absl::StrCat("Names fit equally well under ",
                                 Described(best.change), " and under ",
                                 Described(other.change), ": none was chosen"));
      return false;
    }
    draft.AddNote(CompatIssue::kEnvelope,
                  absl::StrCat("Used ", Described(best.change),
                               "; also possible: ", Described(other.change)));
  }
  RuleDraft::Renames renames;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const std::string& name = draft.tensors()[i].name;
    if (absl::StartsWith(name, best.change.from) &&
        name.size() > best.change.from.size()) {
      renames.emplace_back(i, Changed(name, best.change));
    }
  }
  CompatRule rule = RuleOf(best);
  rule.tensors = renames.size();
  const bool is_envelope = std::any_of(
      envelopes.begin(), envelopes.end(), [&](const std::string& envelope) {
        return !envelope.empty() &&
               absl::StartsWith(best.change.from, envelope);
      });
  if (is_envelope) {
    rule.issue = CompatIssue::kEnvelope;
  }
  draft.Rename(renames, {rule});
  return true;
}

struct KnownName {
  absl::string_view file;
  absl::string_view target;
};

// Endings of names. (specs: pytorch-formats.md 10.3 and 10.4)
constexpr KnownName kKnownNames[] = {
    {".gamma", ".weight"},
    {".beta", ".bias"},
    {".weight_g", ".parametrizations.weight.original0"},
    {".weight_v", ".parametrizations.weight.original1"},
    {".moving_mean", ".running_mean"},
    {".moving_variance", ".running_var"},
};

void AddEnding(absl::string_view from, absl::string_view to, RuleDraft& draft) {
  RuleDraft::Renames renames;
  for (size_t i = 0; i < draft.tensors().size(); ++i) {
    const TensorOutline& tensor = draft.tensors()[i];
    if (!absl::EndsWith(tensor.name, from)) {
      continue;
    }
    std::string name = absl::StrCat(absl::StripSuffix(tensor.name, from), to);
    if (draft.WantedAs(i) != nullptr || draft.Wanted(name) == nullptr) {
      return;  // one name is enough against it
    }
    renames.emplace_back(i, std::move(name));
  }
  if (renames.empty() || !draft.CanRename(renames)) {
    return;
  }
  CompatRule rule;
  rule.kind = Kind::kRename;
  rule.pattern = absl::StrCat(Quoted(from), "$");
  rule.to = std::string(to);
  rule.is_regex = true;
  rule.issue = CompatIssue::kKnownName;
  rule.tensors = renames.size();
  draft.Rename(renames, {rule});
}

}  // namespace

void AddPrefixRules(const std::vector<std::string>& envelopes,
                    RuleDraft& draft) {
  AddWrapperRules(draft);
  constexpr int kMaxRules = 8;
  for (int i = 0; i < kMaxRules && AddPrefixRule(envelopes, draft); ++i) {
  }
}

void AddKnownNameRules(RuleDraft& draft) {
  for (const KnownName& known : kKnownNames) {
    AddEnding(known.file, known.target, draft);
    AddEnding(known.target, known.file, draft);
  }
}

}  // namespace hoist
