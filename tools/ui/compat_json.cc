#include "hoist/tools/ui/compat_json.h"

#include <string>
#include <utility>

namespace hoist {
namespace {

Json MatchJson(const StateDictMatch& match) {
  Json json;
  json["fits"] = match.fits();
  json["matched"] = match.matched;
  json["missing"] = match.missing;
  json["unexpected"] = match.unexpected;
  json["shapes"] = Json::array();
  for (const auto& shape : match.shapes) {
    Json entry;
    entry["name"] = shape.name;
    entry["file"] = shape.in_file;
    entry["target"] = shape.in_target;
    json["shapes"].push_back(std::move(entry));
  }
  json["dtypes"] = Json::array();
  for (const auto& dtype : match.dtypes) {
    Json entry;
    entry["name"] = dtype.name;
    entry["file"] = std::string(DTypeName(dtype.in_file));
    entry["target"] = std::string(DTypeName(dtype.in_target));
    json["dtypes"].push_back(std::move(entry));
  }
  return json;
}

Json LimitsJson(const std::vector<TorchReleases::Limit>& limits) {
  Json json = Json::array();
  for (const TorchReleases::Limit& limit : limits) {
    Json entry;
    entry["what"] = limit.what;
    entry["since"] = TorchReleaseText(limit.since);
    entry["certain"] = limit.is_certain;
    entry["source"] = limit.source;
    json.push_back(std::move(entry));
  }
  return json;
}

Json ReleasesJson(const CompatAnswer& answer) {
  const TorchReleases& releases = answer.releases;
  Json json;
  json["reader"] = releases.reader;
  json["since"] = TorchReleaseText(releases.first);
  json["limits"] = LimitsJson(releases.limits);
  json["weights_only_since"] =
      releases.first_safe ? Json(TorchReleaseText(*releases.first_safe))
                          : Json(nullptr);
  json["weights_only_limits"] = LimitsJson(releases.safe_limits);
  json["weights_only_refusals"] = releases.refusals;
  json["remarks"] = releases.remarks;
  if (answer.release) {
    json["release"] = TorchReleaseText(*answer.release);
    json["verdict"] =
        std::string(CompatVerdictName(VerdictOf(releases, *answer.release)));
  }
  return json;
}

}  // namespace

Json CompatJson(const CompatAnswer& answer) {
  Json json;
  json["schema"] = "hoist.compat/1";
  json["path"] = answer.path;
  json["target"] = answer.report ? Json(answer.target) : Json(nullptr);
  json["verdict"] = std::string(CompatVerdictName(VerdictOf(answer)));
  if (answer.report) {
    const CompatReport& report = *answer.report;
    json["target_part"] = report.target_part;
    json["match"] = MatchJson(report.match);
    json["findings"] = Json::array();
    for (const CompatFinding& finding : report.findings) {
      Json entry;
      entry["issue"] = std::string(CompatIssueName(finding.issue));
      entry["text"] = finding.text;
      entry["tensors"] = finding.tensors;
      entry["mended"] = finding.is_mended;
      json["findings"].push_back(std::move(entry));
    }
    json["rules"] = Json::array();
    for (const CompatRule& rule : report.search.rules) {
      json["rules"].push_back(Json::parse(CompatRuleJson(rule)));
    }
    json["match_after_rules"] = MatchJson(report.search.match);
  }
  json["torch"] = ReleasesJson(answer);
  json["producer_steps"] = Json::array();
  for (const ProducerFinding& finding : answer.producer_steps) {
    Json entry;
    entry["step"] = std::string(finding.step->name);
    entry["to_version"] = finding.step->to_version;
    entry["by_default"] = finding.step->by_default;
    entry["modules"] = finding.modules;
    json["producer_steps"].push_back(std::move(entry));
  }
  json["absent_devices"] = answer.absent_devices;
  return json;
}

}  // namespace hoist
