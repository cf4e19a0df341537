#include "hoist/tools/ui/verify_json.h"

#include <string>
#include <utility>

#include "hoist/tools/ui/load_json.h"

namespace hoist {
namespace {

double Seconds(int64_t time_ns) { return static_cast<double>(time_ns) / 1e9; }

Json ValuesJson(const VerifyReport& report) {
  Json json = Json::array();
  for (const VerifyReport::Tensor& tensor : report.tensors) {
    if (!tensor.values) {
      continue;
    }
    const TensorValues& values = *tensor.values;
    Json entry;
    entry["name"] = tensor.name;
    entry["numbers"] = values.count;
    entry["nan"] = values.nan_count;
    entry["infinite"] = values.infinity_count;
    entry["all_zero"] = values.is_zero;
    entry["constant"] = values.is_constant;
    if (!values.is_finite()) {
      entry["first_bad"] = values.first_bad;
    }
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace

Json VerifyJson(const VerifyReport& report, bool is_strict) {
  Json json;
  json["schema"] = "hoist.verify/1";
  json["path"] = report.path;
  json["format"] = report.format;
  json["level"] = std::string(VerifyLevelName(report.level));
  json["verdict"] =
      std::string(VerifyVerdictName(VerdictOf(report, is_strict)));
  json["damages"] = Json::array();
  for (const Damage& damage : report.damages) {
    Json entry;
    entry["file"] = damage.path;
    entry["place"] = damage.place;
    entry["tensors"] = damage.tensors;
    entry["problem"] = damage.problem;
    json["damages"].push_back(std::move(entry));
  }
  json["warnings"] = report.warnings;
  json["not_possible"] = Json::array();
  for (const VerifyReport::NotPossible& not_possible : report.not_possible) {
    Json entry;
    entry["level"] = std::string(VerifyLevelName(not_possible.level));
    entry["reason"] = not_possible.reason;
    json["not_possible"].push_back(std::move(entry));
  }
  json["tensors"] = report.tensors.size();
  json["bad_tensors"] = BadTensorCount(report);
  json["storages"] = report.storage_count;
  json["bytes"] = report.storage_bytes;
  json["compared_bytes"] = report.compared_bytes;
  json["digested_files"] = report.digested_files;
  json["read_bytes"] = report.read_bytes;
  json["read_seconds"] = Seconds(report.read_time_ns);
  json["seconds"] = Seconds(report.time_ns);
  if (report.ceiling_bytes_per_second > 0) {
    json["ceiling_bytes_per_second"] = report.ceiling_bytes_per_second;
  }
  json["io"] = IoJson(report.io);
  if (report.level == VerifyLevel::kValues) {
    json["values"] = ValuesJson(report);
  }
  return json;
}

}  // namespace hoist
