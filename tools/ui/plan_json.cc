#include "hoist/tools/ui/plan_json.h"

#include <string>

#include "hoist/core/status/annotate.h"
#include "hoist/tools/ui/load_json.h"

namespace hoist {

Json PlanJson(const PlanReport& report, const Catalog& catalog,
              absl::string_view path) {
  Json json;
  json["schema"] = "hoist.load_plan/1";
  json["path"] = std::string(path);
  json["format"] = std::string(FormatName(catalog.format));
  json["device"] = report.device.ToString();
  json["tensors"] = report.tensor_count;
  json["bytes"] = report.needed_bytes;
  json["read_bytes"] = report.read_bytes;
  json["reads"] = report.read_count;
  json["peak_host_bytes"] = report.peak_host_bytes;
  json["pinned_bytes"] = report.pinned_bytes;
  json["device_bytes"] = report.device_bytes;
  json["io"] = IoJson(report.io);
  json["fits"] = report.fit.ok();
  json["problem"] = std::string(report.fit.message());
  json["hint"] = HintOf(report.fit);
  json["warnings"] = report.warnings;
  return json;
}

}  // namespace hoist
