#include "hoist/tools/ui/load_json.h"

#include <utility>

#include "absl/container/flat_hash_set.h"

namespace hoist {
namespace {

double Seconds(int64_t time_ns) { return static_cast<double>(time_ns) / 1e9; }

}  // namespace

std::vector<std::string> AllWarnings(const Catalog& catalog,
                                     const LoadReport& report) {
  std::vector<std::string> warnings = catalog.warnings;
  const absl::flat_hash_set<std::string> known(warnings.begin(),
                                               warnings.end());
  for (const std::string& warning : report.warnings) {
    if (!known.contains(warning)) {
      warnings.push_back(warning);
    }
  }
  return warnings;
}

Json IoJson(absl::Span<const LoadReport::FileIo> files) {
  Json json = Json::array();
  for (const LoadReport::FileIo& io : files) {
    Json entry;
    entry["file"] = io.path;
    entry["method"] = io.method;
    entry["reason"] = io.reason;
    json.push_back(std::move(entry));
  }
  return json;
}

Json LoadJson(const LoadReport& report, const Catalog& catalog,
              absl::string_view path) {
  Json json;
  json["schema"] = "hoist.load/1";
  json["path"] = std::string(path);
  json["format"] = std::string(FormatName(catalog.format));
  json["device"] = report.device.ToString();
  json["tensors"] = report.tensor_count;
  json["bytes"] = report.bytes;
  json["seconds"] = Seconds(report.time_ns);
  if (report.ceiling_bytes_per_second > 0) {
    json["ceiling_bytes_per_second"] = report.ceiling_bytes_per_second;
  }
  json["verified"] = std::string(VerifiedName(report.verified));
  json["peak_host_bytes"] = report.peak_host_bytes;
  json["pinned_bytes"] = report.pinned_bytes;
  json["device_bytes"] = report.device_bytes;
  json["phases"] = Json::array();
  for (const LoadReport::Phase& phase : report.phases) {
    Json entry;
    entry["name"] = phase.name;
    entry["seconds"] = Seconds(phase.time_ns);
    entry["bytes"] = phase.bytes;
    json["phases"].push_back(std::move(entry));
  }
  json["io"] = IoJson(report.io);
  json["warnings"] = AllWarnings(catalog, report);
  return json;
}

}  // namespace hoist
