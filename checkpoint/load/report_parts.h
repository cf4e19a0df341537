#ifndef HOIST_CHECKPOINT_LOAD_REPORT_PARTS_H_
#define HOIST_CHECKPOINT_LOAD_REPORT_PARTS_H_

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/checkpoint/plan/read_choice.h"
#include "hoist/core/io/read_path.h"

namespace hoist {

// What a load of `plan` proves that compares checksums where the file has them:
// kNotRecorded, kStructure or kChecksum. Thread-safe, as all here.
Verified VerifiedByChecksums(const Catalog& catalog, const LoadPlan& plan);

// How the files of the user's were read; `reads` and `paths` are by file.
std::vector<LoadReport::FileIo> FileIoOf(
    const Catalog& catalog, absl::Span<const ReadChoice> reads,
    absl::Span<const std::unique_ptr<ReadPath>> paths);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_REPORT_PARTS_H_
