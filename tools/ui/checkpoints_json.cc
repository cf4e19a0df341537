#include "hoist/tools/ui/checkpoints_json.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/checkpoints_view.h"

namespace hoist {

Json StepJson(const StoredStep& step, absl::string_view folder) {
  Json json;
  json["step"] = step.step;
  json["path"] = absl::StrCat(folder, "/", step.name);
  json["state"] = std::string(StepStateName(step.state));
  json["reason"] = step.reason;
  json["format"] = step.format;
  json["bytes"] = step.size_bytes;
  json["time_ns"] = step.time_ns;
  json["metrics"] = Json::object();
  for (const auto& [name, value] : step.metrics) {
    // JSON has no NaN and infinity.
    json["metrics"][name] =
        std::isfinite(value) ? Json(value) : Json(absl::StrCat(value));
  }
  json["pinned"] = step.is_pinned;
  json["own"] = step.is_own;
  return json;
}

Json CheckpointsJson(const StoreListing& listing, absl::string_view folder) {
  Json json;
  json["schema"] = "hoist.checkpoints/1";
  json["folder"] = std::string(folder);
  json["latest"] = listing.latest.index < 0
                       ? Json(nullptr)
                       : StepJson(listing.steps[listing.latest.index], folder);
  json["checkpoints"] = Json::array();
  for (const StoredStep& step : listing.steps) {
    json["checkpoints"].push_back(StepJson(step, folder));
  }
  json["warnings"] = listing.warnings;
  return json;
}

Json PruneJson(const PruneReport& report, bool is_dry_run,
               absl::string_view folder) {
  Json json;
  json["schema"] = "hoist.prune/1";
  json["folder"] = std::string(folder);
  json["dry_run"] = is_dry_run;
  json["removed_bytes"] = report.removed_bytes;
  json["checkpoints"] = Json::array();
  for (const RetentionDecision& decision : report.decisions) {
    Json entry = StepJson(report.steps[decision.index], folder);
    entry["keep"] = decision.keep;
    entry["why"] = decision.reason;
    json["checkpoints"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace hoist
