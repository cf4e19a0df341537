#include "hoist/tools/ui/write_view.h"

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {

std::string WriteView(const WriteReport& report, absl::string_view path,
                      const Terminal& terminal) {
  std::string text = absl::StrCat(
      Styled("Wrote", TextStyle::kBold, terminal.has_color), " ",
      DisplayText(path), "\n  ", CountText(report.tensor_count, "tensor"), ", ",
      HumanBytes(report.tensor_bytes));
  if (report.file_bytes < report.tensor_bytes) {
    absl::StrAppend(&text, " in ", HumanBytes(report.file_bytes));
  }
  if (report.files.size() > 1) {
    absl::StrAppend(
        &text, ", ",
        CountText(static_cast<int64_t>(report.files.size()), "file"));
  }
  const std::string rate = HumanRate(report.tensor_bytes, report.time_ns);
  absl::StrAppend(&text, ", written and verified in ",
                  HumanTime(report.time_ns), rate.empty() ? "" : ", ", rate,
                  "\n");
  for (const std::string& warning : report.warnings) {
    absl::StrAppend(&text,
                    Styled("Warning", TextStyle::kYellow, terminal.has_color),
                    ": ", DisplayText(warning), "\n");
  }
  return text;
}

Json WriteJson(const WriteReport& report, absl::string_view schema,
               absl::string_view path) {
  Json json;
  json["schema"] = std::string(schema);
  json["path"] = std::string(path);
  json["tensors"] = report.tensor_count;
  json["tensor_bytes"] = report.tensor_bytes;
  json["file_bytes"] = report.file_bytes;
  json["files"] = report.files;
  json["seconds"] = static_cast<double>(report.time_ns) / 1e9;
  json["warnings"] = report.warnings;
  return json;
}

}  // namespace hoist
