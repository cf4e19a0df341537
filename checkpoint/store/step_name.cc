#include "hoist/checkpoint/store/step_name.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace hoist {
namespace {

std::optional<int64_t> ParseNumber(absl::string_view text) {
  int64_t number = 0;
  if (text.empty() ||
      !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

// "epoch=2-step=1200-val_loss=0.25": parts between "-", of which those with a
// "=" are numbers. A minus after "=" or "e" is one of the number's.
StepName ParseLightning(absl::string_view stem) {
  StepName name;
  size_t begin = 0;
  while (begin < stem.size()) {
    size_t end = begin;
    while (end < stem.size() &&
           !(stem[end] == '-' && end > begin && stem[end - 1] != '=' &&
             !(stem[end - 1] == 'e' && end > begin + 1 &&
               absl::ascii_isdigit(stem[end - 2])))) {
      ++end;
    }
    const absl::string_view part = stem.substr(begin, end - begin);
    begin = end + 1;
    const size_t equals = part.find('=');
    if (equals == absl::string_view::npos) {
      continue;
    }
    const absl::string_view key = part.substr(0, equals);
    const absl::string_view value = part.substr(equals + 1);
    double number = 0;
    if (key == "step") {
      name.step = ParseNumber(value);
    } else if (absl::SimpleAtod(value, &number)) {
      name.metrics[std::string(key)] = number;
    }
  }
  return name;
}

}  // namespace

std::optional<StepName> ParseStepName(absl::string_view name) {
  if (name.empty() || name[0] == '.') {
    return std::nullopt;
  }
  absl::string_view stem = name;
  for (const char* const extension :
       {".hoist", ".pt", ".pth", ".ckpt", ".bin", ".safetensors"}) {
    if (absl::ConsumeSuffix(&stem, extension)) {
      break;
    }
  }
  if (absl::EndsWith(name, ".ckpt") &&
      (absl::StrContains(stem, '=') || absl::StartsWith(stem, "last"))) {
    return ParseLightning(stem);
  }
  for (const char* const word : {"global_step", "checkpoint", "step", "ckpt",
                                 "iter", "epoch", "model"}) {
    if (absl::ConsumePrefix(&stem, word)) {
      if (!stem.empty() && absl::StrContains("-_=", stem.substr(0, 1))) {
        stem.remove_prefix(1);
      }
      break;
    }
  }
  const std::optional<int64_t> step = ParseNumber(stem);
  if (!step) {
    return std::nullopt;
  }
  return StepName{.step = step};
}

}  // namespace hoist
