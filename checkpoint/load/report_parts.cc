#include "hoist/checkpoint/load/report_parts.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/piece_checksums.h"
#include "hoist/core/io/read_method.h"

namespace hoist {

Verified VerifiedByChecksums(const Catalog& catalog, const LoadPlan& plan) {
  bool has_some = false;
  bool lacks_some = false;
  for (const LoadPlan::Storage& storage : plan.storages) {
    if (storage.need.size_bytes == 0) {
      continue;
    }
    if (PieceChecksums::IsVerifiable(catalog, storage)) {
      has_some = true;
    } else {
      lacks_some = true;
    }
  }
  if (!has_some) {
    return Verified::kNotRecorded;
  }
  return lacks_some ? Verified::kStructure : Verified::kChecksum;
}

std::vector<LoadReport::FileIo> FileIoOf(
    const Catalog& catalog, absl::Span<const ReadChoice> reads,
    absl::Span<const std::unique_ptr<ReadPath>> paths) {
  std::vector<LoadReport::FileIo> io;
  for (size_t i = 0; i < catalog.files.size(); ++i) {
    // What is in memory is no file of the user's.
    if (catalog.files[i].content == nullptr) {
      const std::string note = paths[i]->Note();
      io.push_back({.path = catalog.files[i].path,
                    .method = std::string(ReadMethodName(reads[i].method)),
                    .reason = absl::StrCat(reads[i].reason,
                                           note.empty() ? "" : "; ", note)});
    }
  }
  return io;
}

}  // namespace hoist
