#include "hoist/checkpoint/shard/shard_presets.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

struct Preset {
  absl::string_view name;
  absl::string_view text;
};

constexpr Preset kPresets[] = {
// Made of presets/*.json when this is built.
#include "hoist/checkpoint/shard/shard_presets.inc"
};

}  // namespace

std::vector<std::string> ShardPresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) {
    names.emplace_back(preset.name);
  }
  return names;
}

absl::string_view ShardPresetText(absl::string_view name) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name) {
      return preset.text;
    }
  }
  return "";
}

absl::StatusOr<ShardSpec> ShardPreset(absl::string_view name) {
  const absl::string_view text = ShardPresetText(name);
  if (text.empty()) {
    return WithHint(
        absl::NotFoundError(
            absl::StrCat("There is no shard preset \"", name, "\"")),
        absl::StrCat("Presets are ", absl::StrJoin(ShardPresetNames(), ", ")));
  }
  return ParseShardSpec(text);
}

}  // namespace hoist
