#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/store/store_records.h"
#include "hoist/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto step = hoist::ParseStepRecord(text); step.ok()) {
    const auto again = hoist::ParseStepRecord(hoist::StepRecordText(*step));
    HOIST_CHECK(again.ok() && again->step == step->step &&
                again->metrics.size() == step->metrics.size());
  }
  if (const auto latest = hoist::ParseLatestRecord(text); latest.ok()) {
    const auto again =
        hoist::ParseLatestRecord(hoist::LatestRecordText(*latest));
    HOIST_CHECK(again.ok() && *again == *latest);
  }
  (void)hoist::ParseTrainerState(text);
  return 0;
}
