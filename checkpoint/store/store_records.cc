#include "hoist/checkpoint/store/store_records.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kStepSchema[] = "hoist.step/1";
constexpr char kLatestSchema[] = "hoist.latest/1";

// An object; kDataLoss for all else.
absl::StatusOr<Json> ParseObject(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::DataLossError("It is no JSON object");
  }
  return json;
}

absl::StatusOr<Json> ParseSchema(absl::string_view text,
                                 absl::string_view schema) {
  absl::StatusOr<Json> json = ParseObject(text);
  if (json.ok() &&
      (!json->contains("schema") || (*json)["schema"] != std::string(schema))) {
    return absl::DataLossError(absl::StrCat("It is not of schema ", schema));
  }
  return json;
}

std::optional<int64_t> FindInt(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer() ||
      (it->is_number_unsigned() &&
       it->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))) {
    return std::nullopt;
  }
  return it->get<int64_t>();
}

// JSON has no NaN and infinity: they are written as strings.
Json NumberJson(double number) {
  return std::isfinite(number) ? Json(number) : Json(absl::StrCat(number));
}
std::optional<double> NumberOf(const Json& json) {
  if (json.is_number()) {
    return json.get<double>();
  }
  double number = 0;
  if (json.is_string() &&
      absl::SimpleAtod(json.get_ref<const std::string&>(), &number)) {
    return number;
  }
  return std::nullopt;
}

std::string Text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::Status MissingError(absl::string_view key) {
  return absl::DataLossError(absl::StrCat("It has no good ", key));
}

}  // namespace

std::string StepRecordText(const StepRecord& record) {
  Json json;
  json["schema"] = kStepSchema;
  json["step"] = record.step;
  json["time_ns"] = record.time_ns;
  json["metrics"] = Json::object();
  for (const auto& [name, value] : record.metrics) {
    json["metrics"][name] = NumberJson(value);
  }
  json["pinned"] = record.is_pinned;
  return Text(json);
}

absl::StatusOr<StepRecord> ParseStepRecord(absl::string_view text) {
  absl::StatusOr<Json> json = ParseSchema(text, kStepSchema);
  if (!json.ok()) {
    return json.status();
  }
  StepRecord record;
  const std::optional<int64_t> step = FindInt(*json, "step");
  const std::optional<int64_t> time_ns = FindInt(*json, "time_ns");
  if (!step || !time_ns) {
    return MissingError("step or time");
  }
  record.step = *step;
  record.time_ns = *time_ns;
  const auto metrics = json->find("metrics");
  if (metrics == json->end() || !metrics->is_object()) {
    return MissingError("metrics");
  }
  for (const auto& [name, value] : metrics->items()) {
    const std::optional<double> number = NumberOf(value);
    if (!number) {
      return MissingError(absl::StrCat("number for ", name));
    }
    record.metrics[name] = *number;
  }
  const auto pinned = json->find("pinned");
  if (pinned == json->end() || !pinned->is_boolean()) {
    return MissingError("pinned");
  }
  record.is_pinned = pinned->get<bool>();
  return record;
}

std::string StepRecordName(absl::string_view name) {
  return absl::StrCat(name, ".json");
}

std::string LatestRecordText(const LatestRecord& record) {
  Json json;
  json["schema"] = kLatestSchema;
  json["step"] = record.step;
  json["name"] = record.name;
  json["time_ns"] = record.time_ns;
  return Text(json);
}

absl::StatusOr<LatestRecord> ParseLatestRecord(absl::string_view text) {
  absl::StatusOr<Json> json = ParseSchema(text, kLatestSchema);
  if (!json.ok()) {
    return json.status();
  }
  const std::optional<int64_t> step = FindInt(*json, "step");
  const std::optional<int64_t> time_ns = FindInt(*json, "time_ns");
  const auto name = json->find("name");
  if (!step || !time_ns || name == json->end() || !name->is_string()) {
    return MissingError("step, time or name");
  }
  return LatestRecord{
      .step = *step, .name = name->get<std::string>(), .time_ns = *time_ns};
}

absl::StatusOr<TrainerState> ParseTrainerState(absl::string_view text) {
  absl::StatusOr<Json> json = ParseObject(text);
  if (!json.ok()) {
    return json.status();
  }
  const std::optional<int64_t> step = FindInt(*json, "global_step");
  if (!step) {
    return MissingError("global_step");
  }
  TrainerState state = {.step = *step};
  const auto history = json->find("log_history");
  if (history != json->end() && history->is_array()) {
    for (const Json& entry : *history) {
      if (!entry.is_object() || FindInt(entry, "step") != step) {
        continue;
      }
      for (const auto& [name, value] : entry.items()) {
        if (value.is_number() && name != "step") {
          state.metrics[name] = value.get<double>();
        }
      }
    }
  }
  return state;
}

}  // namespace hoist
