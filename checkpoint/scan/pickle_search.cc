#include "hoist/checkpoint/scan/pickle_search.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/scan/global_classes.h"

namespace hoist {
namespace {

constexpr uint8_t kProto = 0x80;
constexpr uint8_t kNewestProtocol = 5;
// Opcodes after which chance is no explanation.
constexpr uint64_t kConvincingOpcodes = 5;
constexpr size_t kMaxGlobals = 200'000;
constexpr size_t kMaxProblems = 20;
// Steps of walks that lead nowhere: a start, and some for each byte.
constexpr uint64_t kFreeSteps = 20'000'000;
constexpr uint64_t kBytesPerStep = 16;
constexpr uint64_t kStepsPerWalk = 10;

// Whether `text` can be what Python calls a module or what is in it.
bool IsPlausibleName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isalnum(byte) || byte >= 0x80 || c == '_' || c == '.' ||
           c == '-' || c == '<' || c == '>';
  });
}

// Names that are made while the pickle runs say nothing by themselves: a few
// bytes of a tensor make one by chance.
bool IsPlausible(const PickleGlobal& global, const PickleWalk& walk) {
  return global.is_known
             ? IsPlausibleName(global.module) && IsPlausibleName(global.name)
             : walk.is_complete() && walk.has_sound_call;
}

bool HasPlausibleGlobals(const PickleWalk& walk) {
  const auto end =
      walk.globals.begin() + static_cast<ptrdiff_t>(walk.sound_globals);
  return walk.sound_globals > 0 &&
         std::all_of(walk.globals.begin(), end,
                     [&walk](const PickleGlobal& global) {
                       return IsPlausible(global, walk);
                     });
}

bool IsDangerous(const PickleGlobal& global) {
  return !global.is_known ||
         ClassifyGlobal(global.module, global.name) == GlobalClass::kDangerous;
}

class Searcher {
 public:
  Searcher(const RandomAccessFile& file, uint64_t start,
           PickleExpectation expectation)
      : start_(start),
        expectation_(expectation),
        window_(file),
        search_window_(file),
        budget_(kFreeSteps + file.size_bytes() / kBytesPerStep) {}

  PickleSearch Run();

 private:
  // Takes pickles that follow each other; returns where they end.
  uint64_t TakeStack(uint64_t at);
  bool IsPickle(const PickleWalk& walk, uint64_t at) const;
  // Where a protocol is declared from `at` on.
  std::optional<uint64_t> FindProto(uint64_t at);
  bool IsProtoAt(uint64_t at);
  void Take(PickleWalk walk, uint64_t at, size_t globals);
  void AddProblem(std::string problem) {
    if (result_.problems.size() < kMaxProblems) {
      result_.problems.push_back(std::move(problem));
    }
  }

  const uint64_t start_;
  const PickleExpectation expectation_;
  ByteWindow window_;
  ByteWindow search_window_;
  uint64_t budget_;
  PickleSearch result_;
};

PickleSearch Searcher::Run() {
  uint64_t at = TakeStack(start_);
  while (const auto proto = FindProto(at)) {
    at = *proto;
    PickleWalk walk = WalkPickle(
        window_, at, {.stops_at_damage = true, .max_steps = budget_});
    const size_t sound = walk.sound_globals;
    if (HasPlausibleGlobals(walk)) {
      const uint64_t end = walk.end;
      const bool has_stop = walk.is_complete();
      Take(std::move(walk), at, sound);
      at = has_stop ? TakeStack(end) : std::max(end, at + 2);
      continue;
    }
    if (walk.steps >= budget_) {
      AddProblem(absl::StrCat(
          "Too much looks like pickles; not read from offset ", at, " on"));
      break;
    }
    budget_ -= walk.steps;
    // What is declared again at once was just walked over.
    do {
      at += 2;
    } while (IsProtoAt(at));
  }
  for (const ByteWindow* window : {&window_, &search_window_}) {
    if (!window->status().ok()) {
      AddProblem(std::string(window->status().message()));
      break;
    }
  }
  return std::move(result_);
}

uint64_t Searcher::TakeStack(uint64_t at) {
  while (at < window_.size_bytes()) {
    // The first walk may take as long as the file; the others share a budget.
    PickleWalk walk = WalkPickle(
        window_, at,
        {.stops_at_damage = at != start_ && !IsProtoAt(at),
         .max_steps =
             at == start_ ? std::numeric_limits<uint64_t>::max() : budget_});
    if (at != start_) {
      const bool is_over = walk.steps >= budget_;
      budget_ -= std::min(budget_, walk.steps + kStepsPerWalk);
      if (is_over) {
        AddProblem(absl::StrCat(
            "Too much looks like pickles; not read from offset ", at, " on"));
      }
    }
    if (!IsPickle(walk, at)) {
      if (at == start_ && expectation_ == PickleExpectation::kPossible &&
          (walk.sound_opcodes > 0 || walk.is_cut_off)) {
        AddProblem(absl::StrCat(
            "It is named as a pickle and begins as one, but at offset ",
            walk.damage_position, " ", walk.damage));
      }
      return at;
    }
    const uint64_t end = walk.end;
    const bool is_complete = walk.is_complete();
    const size_t globals =
        walk.has_protocol ? walk.globals.size() : walk.sound_globals;
    Take(std::move(walk), at, globals);
    if (!is_complete) {
      return std::max(end, at + 1);
    }
    at = end;
  }
  return at;
}

bool Searcher::IsPickle(const PickleWalk& walk, uint64_t at) const {
  if (walk.is_complete()) {
    return true;
  }
  if (at == start_ && expectation_ == PickleExpectation::kCertain) {
    return true;
  }
  if (walk.has_protocol) {
    return walk.sound_opcodes >= kConvincingOpcodes || walk.sound_globals > 0 ||
           (at == start_ && expectation_ != PickleExpectation::kNone);
  }
  const auto end =
      walk.globals.begin() + static_cast<ptrdiff_t>(walk.sound_globals);
  if (!HasPlausibleGlobals(walk)) {
    return false;
  }
  return walk.has_sound_call || walk.is_cut_off ||
         std::any_of(walk.globals.begin(), end, IsDangerous);
}

std::optional<uint64_t> Searcher::FindProto(uint64_t at) {
  while (at < search_window_.size_bytes()) {
    const auto bytes = search_window_.At(
        at, static_cast<size_t>(std::min<uint64_t>(
                search_window_.size_bytes() - at, ByteWindow::kMaxBytes)));
    if (bytes.size() < 2) {
      return std::nullopt;
    }
    const uint8_t* from = bytes.data();
    const uint8_t* const end = bytes.data() + bytes.size() - 1;
    while (from < end) {
      const auto* const found = static_cast<const uint8_t*>(
          std::memchr(from, kProto, static_cast<size_t>(end - from)));
      if (found == nullptr) {
        break;
      }
      if (found[1] <= kNewestProtocol) {
        return at + static_cast<uint64_t>(found - bytes.data());
      }
      from = found + 1;
    }
    // The last byte may be the first of the two.
    at += bytes.size() - 1;
  }
  return std::nullopt;
}

bool Searcher::IsProtoAt(uint64_t at) {
  const auto bytes = window_.At(at, 2);
  return bytes.size() == 2 && bytes[0] == kProto && bytes[1] <= kNewestProtocol;
}

void Searcher::Take(PickleWalk walk, uint64_t at, size_t globals) {
  if (!walk.is_complete()) {
    AddProblem(absl::StrCat("The pickle at offset ", at,
                            " cannot be read to its end: at offset ",
                            walk.damage_position, " ", walk.damage));
  }
  if (globals > kMaxGlobals - result_.globals.size()) {
    AddProblem("Too many names are imported");
    globals = kMaxGlobals - result_.globals.size();
  }
  const auto end = walk.globals.begin() + static_cast<ptrdiff_t>(globals);
  std::move(walk.globals.begin(), end, std::back_inserter(result_.globals));
}

}  // namespace

PickleSearch FindPickles(const RandomAccessFile& file, uint64_t start,
                         PickleExpectation expectation) {
  return Searcher(file, start, expectation).Run();
}

}  // namespace hoist
