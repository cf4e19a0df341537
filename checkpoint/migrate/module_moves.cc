#include "hoist/checkpoint/migrate/module_moves.h"

#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoist {
namespace {

// What the keys inside a module say of it.
struct Votes {
  std::optional<std::string> place;
  bool is_split = false;
  bool has_gone = false;

  void Add(absl::string_view to) {
    if (!place) {
      place = std::string(to);
    } else if (*place != to) {
      is_split = true;
    }
  }
};

using VotesByModule = absl::flat_hash_map<std::string, Votes>;

// The module that has `rest` as its key where `key` is: "a.b" of "a.b.w" and
// "w".
std::optional<absl::string_view> ModuleOf(absl::string_view key,
                                          absl::string_view rest) {
  if (key == rest) {
    return "";
  }
  if (key.size() > rest.size() && absl::EndsWith(key, rest) &&
      key[key.size() - rest.size() - 1] == '.') {
    return key.substr(0, key.size() - rest.size() - 1);
  }
  return std::nullopt;
}

void AddVotes(const KeyMove& move, VotesByModule& votes) {
  const absl::string_view from = move.from;
  // Of the module that has the key itself, outwards to the root.
  bool is_inmost = true;
  size_t end = from.size();
  while (end > 0) {
    const size_t dot = from.substr(0, end).rfind('.');
    const bool is_root = dot == absl::string_view::npos;
    Votes& module = votes[from.substr(0, is_root ? 0 : dot)];
    if (!move.to) {
      module.has_gone = true;
    } else if (const auto place =
                   ModuleOf(*move.to, from.substr(is_root ? 0 : dot + 1))) {
      module.Add(*place);
    } else if (is_inmost) {
      // The key itself has another name now.
      const size_t last = move.to->rfind('.');
      module.Add(move.to->substr(0, last == std::string::npos ? 0 : last));
    }
    is_inmost = false;
    end = is_root ? 0 : dot;
  }
}

std::optional<std::string> PlaceOf(const std::string& module,
                                   const VotesByModule& votes) {
  const auto found = votes.find(module);
  if (found != votes.end()) {
    if (found->second.place) {
      return found->second.is_split ? module : found->second.place;
    }
    if (found->second.has_gone) {
      return module.empty() ? std::optional<std::string>("") : std::nullopt;
    }
  }
  if (module.empty()) {
    return "";
  }
  const size_t dot = module.rfind('.');
  const bool is_top = dot == std::string::npos;
  const std::string last = is_top ? module : module.substr(dot + 1);
  const auto parent = PlaceOf(is_top ? "" : module.substr(0, dot), votes);
  if (!parent) {
    return std::nullopt;
  }
  return parent->empty() ? last : absl::StrCat(*parent, ".", last);
}

}  // namespace

std::vector<std::optional<std::string>> MovedModules(
    absl::Span<const std::string> modules, absl::Span<const KeyMove> moves) {
  VotesByModule votes;
  for (const KeyMove& move : moves) {
    AddVotes(move, votes);
  }
  std::vector<std::optional<std::string>> places;
  places.reserve(modules.size());
  for (const std::string& module : modules) {
    places.push_back(PlaceOf(module, votes));
  }
  return places;
}

}  // namespace hoist
