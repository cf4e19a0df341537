#include "hoist/tools/ui/scan_json.h"

#include <string>
#include <utility>

#include "hoist/tools/ui/scan_view.h"

namespace hoist {

Json ScanJson(const ScanReport& report, absl::string_view path,
              bool is_strict) {
  Json json;
  json["path"] = std::string(path);
  json["verdict"] = std::string(ScanVerdictName(VerdictOf(report, is_strict)));
  json["names"] = Json::array();
  for (const ScanFinding& finding : report.findings) {
    Json name;
    name["class"] = std::string(GlobalClassName(finding.global_class));
    name["module"] = finding.module;
    name["name"] = finding.name;
    name["member"] = finding.member;
    name["position"] = finding.position;
    json["names"].push_back(std::move(name));
  }
  json["problems"] = Json::array();
  for (const ScanProblem& problem : report.problems) {
    Json entry;
    entry["member"] = problem.member;
    entry["message"] = problem.message;
    json["problems"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace hoist
