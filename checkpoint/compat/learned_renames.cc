#include "hoist/checkpoint/compat/learned_renames.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
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

using Parts = std::vector<std::string>;
using Members = std::vector<NameGroup::Member>;

struct Group {
  std::string text;  // the template
  Parts parts;
  Members members;
};

std::vector<Group> FindGroups(absl::Span<const TensorOutline> tensors,
                              const std::vector<size_t>& which) {
  std::vector<Group> groups;
  for (NameGroup& group : GroupsByTemplate(tensors, which)) {
    Parts parts = absl::StrSplit(group.text, '.');
    groups.push_back({.text = std::move(group.text),
                      .parts = std::move(parts),
                      .members = std::move(group.members)});
  }
  return groups;
}

// The numbers of all members, and the sizes of each without order and without
// those of 1: what stays of a shape when it is transposed or reshaped to have
// other dimensions of size 1. Bytes that only equal ones have.
std::string SignatureOf(const Group& group) {
  std::string signature;
  const auto append = [&signature](absl::Span<const int64_t> numbers) {
    const auto count = static_cast<int64_t>(numbers.size());
    signature.append(reinterpret_cast<const char*>(&count), sizeof(count));
    signature.append(reinterpret_cast<const char*>(numbers.data()),
                     numbers.size() * sizeof(int64_t));
  };
  absl::InlinedVector<int64_t, 4> folded;
  for (const auto& [numbers, shape] : group.members) {
    append(numbers);
    folded.clear();
    std::copy_if(shape.begin(), shape.end(), std::back_inserter(folded),
                 [](int64_t size) { return size != 1; });
    std::sort(folded.begin(), folded.end());
    append(folded);
  }
  return signature;
}

// The number at the end of a part: "1" of "ln_1" and "norm1".
absl::string_view NumberAtEnd(absl::string_view part) {
  size_t start = part.size();
  while (start > 0 &&
         absl::ascii_isdigit(static_cast<unsigned char>(part[start - 1]))) {
    --start;
  }
  return part.substr(start);
}

// How alike two parts are: 1 for the same, 0 for words that have nothing to do
// with each other, less where they contradict. Words that merely share letters
// say nothing: attention_norm is input_layernorm, and no
// post_attention_layernorm.
double LikenessOfParts(const std::string& a, const std::string& b) {
  constexpr double kSlip = 0.9;
  constexpr double kSameNumber = 0.5;
  constexpr size_t kSlipLetters = 2;
  constexpr size_t kShortWord = 4;
  if (a == b) {
    return 1;
  }
  const auto role = ProjectionRoleOf(a);
  const auto other = ProjectionRoleOf(b);
  if (role && other) {
    return role == other ? 1 : -1;
  }
  const absl::string_view number = NumberAtEnd(a);
  const absl::string_view other_number = NumberAtEnd(b);
  if (!number.empty() && !other_number.empty()) {
    return number == other_number ? kSameNumber : -1;
  }
  return std::min(a.size(), b.size()) > kShortWord &&
                 EditDistance(a, b, kSlipLetters) <= kSlipLetters
             ? kSlip
             : 0;
}

// How alike two names are: parts from the front and from the back that are the
// same, and what is between them.
double Likeness(const Group& a, const Group& b) {
  const size_t shorter = std::min(a.parts.size(), b.parts.size());
  size_t front = 0;
  while (front < shorter && a.parts[front] == b.parts[front]) {
    ++front;
  }
  size_t back = 0;
  while (back < shorter - front && a.parts[a.parts.size() - 1 - back] ==
                                       b.parts[b.parts.size() - 1 - back]) {
    ++back;
  }
  const size_t middle_a = a.parts.size() - front - back;
  const size_t middle_b = b.parts.size() - front - back;
  double middle = 0;
  for (size_t i = 0; i < std::min(middle_a, middle_b); ++i) {
    middle += LikenessOfParts(a.parts[a.parts.size() - back - 1 - i],
                              b.parts[b.parts.size() - back - 1 - i]);
  }
  return (static_cast<double>(front + back) + middle) /
         static_cast<double>(std::max(a.parts.size(), b.parts.size()));
}

// The last part says what a parameter is to its module: no weight is a bias.
bool CanBe(const Group& a, const Group& b) {
  static constexpr absl::string_view kFixed[] = {
      "weight", "bias", "running_mean",       "running_var",
      "gamma",  "beta", "num_batches_tracked"};
  const auto is_fixed = [](const std::string& part) {
    return std::find(std::begin(kFixed), std::end(kFixed), part) !=
           std::end(kFixed);
  };
  const std::string& last_a = a.parts.back();
  const std::string& last_b = b.parts.back();
  return last_a == last_b || !is_fixed(last_a) || !is_fixed(last_b);
}

// Llama's own files have the rows of these two in another order than those of
// the transformers library, where rotary embeddings turn halves and no
// neighbours: names and shapes are right then, and the weights are wrong.
bool IsRotary(const Group& a, const Group& b) {
  const auto has = [](const Group& group, absl::string_view first,
                      absl::string_view second) {
    return std::any_of(group.parts.begin(), group.parts.end(),
                       [&](const std::string& part) {
                         return part == first || part == second;
                       });
  };
  return (has(a, "wq", "wk") && has(b, "q_proj", "k_proj")) ||
         (has(b, "wq", "wk") && has(a, "q_proj", "k_proj"));
}

struct Pair {
  size_t file = 0;
  size_t target = 0;
};

// Each group's partner, where that is clear; what is not is in `unclear`.
std::vector<Pair> FindPairs(const std::vector<Group>& file,
                            const std::vector<Group>& target,
                            std::vector<std::string>& unclear) {
  constexpr size_t kMaxAlike = 64;
  constexpr double kClearly = 0.08;
  absl::flat_hash_map<std::string,
                      std::pair<std::vector<size_t>, std::vector<size_t>>>
      by_signature;
  for (size_t i = 0; i < file.size(); ++i) {
    by_signature[SignatureOf(file[i])].first.push_back(i);
  }
  for (size_t i = 0; i < target.size(); ++i) {
    by_signature[SignatureOf(target[i])].second.push_back(i);
  }
  // The best partner and by how much, of each side.
  struct Best {
    std::optional<size_t> partner;
    double likeness = 0;
    double second = -2;
    size_t count = 0;
    void Add(size_t other, double value) {
      ++count;
      if (!partner || value > likeness) {
        second = partner ? likeness : second;
        partner = other;
        likeness = value;
      } else {
        second = std::max(second, value);
      }
    }
    bool is_clear() const { return likeness - second >= kClearly; }
  };
  std::vector<Best> of_file(file.size());
  std::vector<Best> of_target(target.size());
  for (const auto& [signature, sides] : by_signature) {
    if (sides.first.size() > kMaxAlike || sides.second.size() > kMaxAlike) {
      continue;
    }
    for (const size_t a : sides.first) {
      for (const size_t b : sides.second) {
        if (CanBe(file[a], target[b])) {
          const double likeness = Likeness(file[a], target[b]);
          of_file[a].Add(b, likeness);
          of_target[b].Add(a, likeness);
        }
      }
    }
  }
  std::vector<Pair> pairs;
  for (size_t a = 0; a < file.size(); ++a) {
    const Best& best = of_file[a];
    if (!best.partner) {
      continue;
    }
    const Best& back = of_target[*best.partner];
    if (IsRotary(file[a], target[*best.partner])) {
      unclear.push_back(absl::StrCat(
          file[a].text, " and ", target[*best.partner].text,
          ": Llama's own files (wq, wk) have rows in another order than the "
          "transformers library's (q_proj, k_proj): which of them this is, "
          "names and shapes do not say"));
    } else if (back.partner == a && best.is_clear() && back.is_clear()) {
      pairs.push_back({a, *best.partner});
    } else if (best.count > 1 || back.count > 1) {
      unclear.push_back(absl::StrCat(
          file[a].text, " has the shapes of ", best.count,
          best.count == 1 ? " tensor" : " tensors", " that the target lacks (",
          target[*best.partner].text, best.count == 1 ? ")" : ", ...)",
          back.count > 1 ? ", which others have, too" : "",
          ": names do not say which"));
    }
  }
  return pairs;
}

// Parts that stand in the place of others.
struct Exchange {
  Parts from;
  Parts to;
  friend auto operator<=>(const Exchange&, const Exchange&) = default;
};

// Of a pair, without the parts that both have at front and back, but for one
// where nothing would be left.
Exchange ExchangeOf(const Parts& a, const Parts& b) {
  const size_t shorter = std::min(a.size(), b.size());
  size_t front = 0;
  while (front < shorter && a[front] == b[front]) {
    ++front;
  }
  size_t back = 0;
  while (back < shorter - front &&
         a[a.size() - 1 - back] == b[b.size() - 1 - back]) {
    ++back;
  }
  if (front + back == shorter) {
    if (back > 0) {
      --back;
    } else if (front > 0) {
      --front;
    }
  }
  return {Parts(a.begin() + front, a.end() - back),
          Parts(b.begin() + front, b.end() - back)};
}

size_t Count(const Parts& parts) {
  return static_cast<size_t>(std::count(parts.begin(), parts.end(), "*"));
}

// Exchanges the first place where `from` stands as whole parts.
std::optional<Parts> Exchanged(const Parts& parts, const Exchange& exchange) {
  const auto found = std::search(parts.begin(), parts.end(),
                                 exchange.from.begin(), exchange.from.end());
  if (found == parts.end()) {
    return std::nullopt;
  }
  Parts result(parts.begin(), found);
  result.insert(result.end(), exchange.to.begin(), exchange.to.end());
  result.insert(result.end(),
                found + static_cast<std::ptrdiff_t>(exchange.from.size()),
                parts.end());
  return result;
}

void AddRenames(const std::vector<const Group*>& from,
                const std::vector<std::string>& to, CompatRule rule,
                RuleDraft& draft) {
  RuleDraft::Renames renames;
  for (size_t i = 0; i < from.size(); ++i) {
    for (const auto& [numbers, shape] : from[i]->members) {
      renames.emplace_back(draft.IndexOf(TemplateName(from[i]->text, numbers)),
                           TemplateName(to[i], numbers));
    }
  }
  if (!draft.CanRename(renames)) {
    return;
  }
  rule.kind = CompatRule::Kind::kRename;
  rule.tensors = renames.size();
  draft.Rename(renames, {std::move(rule)});
}

// What it is that `from` is not called `to`, which `exchange` makes of it.
CompatIssue IssueOf(const Exchange& exchange, const Group& from,
                    const Group& to) {
  constexpr size_t kSlip = 2;
  constexpr size_t kLongPart = 3;
  const bool is_slip =
      from.members.size() == 1 && exchange.from.size() == 1 &&
      exchange.to.size() == 1 && exchange.from[0].size() > kLongPart &&
      from.text != to.text &&
      EditDistance(exchange.from[0], exchange.to[0], kSlip) <= kSlip;
  return is_slip ? CompatIssue::kTypo : CompatIssue::kRenamed;
}

// One rule for all pairs that differ in the same parts, if it means no other
// name of the file; then one for each that is left.
void AddRules(const std::vector<Group>& file, const std::vector<Group>& target,
              const std::vector<Pair>& pairs, RuleDraft& draft) {
  std::map<Exchange, std::vector<Pair>> exchanges;
  for (const Pair& pair : pairs) {
    exchanges[ExchangeOf(file[pair.file].parts, target[pair.target].parts)]
        .push_back(pair);
  }
  std::vector<std::pair<Exchange, std::vector<Pair>>> ordered(exchanges.begin(),
                                                              exchanges.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) {
                     return a.second.size() > b.second.size();
                   });
  for (const auto& [exchange, members] : ordered) {
    std::set<std::string> meant;
    std::vector<const Group*> from;
    std::vector<std::string> to;
    bool does_all = Count(exchange.from) == Count(exchange.to);
    for (const Pair& pair : members) {
      const auto made = Exchanged(file[pair.file].parts, exchange);
      does_all = does_all && made && *made == target[pair.target].parts;
      meant.insert(file[pair.file].text);
      from.push_back(&file[pair.file]);
      to.push_back(target[pair.target].text);
    }
    for (const TensorOutline& tensor : draft.tensors()) {
      if (!does_all) {
        break;
      }
      if (!absl::StrContains(tensor.name, exchange.from[0]) &&
          exchange.from[0] != "*") {
        continue;
      }
      const NameTemplate name = TemplateOf(tensor.name);
      does_all = meant.contains(name.text) ||
                 !Exchanged(absl::StrSplit(name.text, '.'), exchange);
    }
    if (members.size() > 1 && does_all) {
      CompatRule rule;
      rule.pattern = absl::StrCat(
          "(^|\\.)", TemplateRegex(absl::StrJoin(exchange.from, ".")),
          "(\\.|$)");
      rule.to =
          absl::StrCat("\\1", TemplateFill(absl::StrJoin(exchange.to, "."), 2),
                       "\\", Count(exchange.from) + 2);
      rule.is_regex = true;
      rule.issue = IssueOf(exchange, *from[0], *from[0]);
      AddRenames(from, to, std::move(rule), draft);
      continue;
    }
    for (size_t i = 0; i < from.size(); ++i) {
      CompatRule rule;
      rule.issue = IssueOf(exchange, *from[i], target[members[i].target]);
      if (absl::StrContains(from[i]->text, '*')) {
        rule.pattern = absl::StrCat("^", TemplateRegex(from[i]->text), "$");
        rule.to = TemplateFill(to[i], 1);
        rule.is_regex = true;
      } else {
        rule.pattern = from[i]->text;
        rule.to = to[i];
      }
      AddRenames({from[i]}, {to[i]}, std::move(rule), draft);
    }
  }
}

}  // namespace

void AddLearnedRenames(RuleDraft& draft) {
  // What is clear leaves less to be confused with.
  constexpr int kMaxRounds = 4;
  for (int round = 0; round < kMaxRounds; ++round) {
    const std::vector<Group> file =
        FindGroups(draft.tensors(), draft.Unexpected());
    const std::vector<Group> target =
        FindGroups(draft.target(), draft.Missing());
    // Beyond as many there is more in disorder than names.
    constexpr size_t kMaxGroups = 4096;
    if (file.empty() || target.empty() || file.size() > kMaxGroups ||
        target.size() > kMaxGroups) {
      return;
    }
    std::vector<std::string> unclear;
    const std::vector<Pair> pairs = FindPairs(file, target, unclear);
    const size_t before = draft.rules().size();
    AddRules(file, target, pairs, draft);
    if (draft.rules().size() == before) {
      for (std::string& text : unclear) {
        draft.AddNote(CompatIssue::kAmbiguous, std::move(text));
      }
      return;
    }
  }
}

}  // namespace hoist
