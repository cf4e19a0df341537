#include "hoist/checkpoint/formats/torch_legacy/old_formats.h"

#include "absl/strings/string_view.h"
#include "hoist/core/status/annotate.h"

namespace hoist {

absl::Status WithOldFormatHint(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return status;
    case absl::StatusCode::kDataLoss:
      return WithHint(status,
                      "The file is damaged: download or copy it again, or save "
                      "it again");
    case absl::StatusCode::kPermissionDenied:
      return WithHint(status,
                      "Do not load the file with other tools either, unless "
                      "you trust who made it");
    default:
      return WithHint(status,
                      "Save it again with torch 1.6 or later: "
                      "torch.save(torch.load(path), new_path)");
  }
}

void AddSysInfo(Value sys_info, Catalog& catalog) {
  for (const absl::string_view key : {"protocol_version", "little_endian"}) {
    const auto value = sys_info.Find(key);
    if (value && (value->kind() == ValueKind::kInt ||
                  value->kind() == ValueKind::kBool)) {
      catalog.metadata.emplace_back(key, ValueText(*value));
    }
  }
}

}  // namespace hoist
