#ifndef HOIST_CHECKPOINT_STORE_STORE_RECORDS_H_
#define HOIST_CHECKPOINT_STORE_STORE_RECORDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

// The small JSON files of a store. Reading them returns kDataLoss for what is
// none. Thread-safe, all of it.

// Beside each checkpoint that Hoist has written: "step-1200.hoist.json".
struct StepRecord {
  int64_t step = 0;
  int64_t time_ns = 0;  // of the wall clock
  std::map<std::string, double> metrics;
  bool is_pinned = false;

  friend bool operator==(const StepRecord&, const StepRecord&) = default;
};
std::string StepRecordText(const StepRecord& record);
absl::StatusOr<StepRecord> ParseStepRecord(absl::string_view text);

// The name of the record of the checkpoint `name`.
std::string StepRecordName(absl::string_view name);

// Which checkpoint was saved last: "latest.json".
inline constexpr char kLatestName[] = "latest.json";
struct LatestRecord {
  int64_t step = 0;
  std::string name;
  int64_t time_ns = 0;  // when it was recorded

  friend bool operator==(const LatestRecord&, const LatestRecord&) = default;
};
std::string LatestRecordText(const LatestRecord& record);
absl::StatusOr<LatestRecord> ParseLatestRecord(absl::string_view text);

// What transformers' Trainer says in "trainer_state.json" of its checkpoint.
struct TrainerState {
  int64_t step = 0;
  std::map<std::string, double> metrics;  // logged at that very step
};
absl::StatusOr<TrainerState> ParseTrainerState(absl::string_view text);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_STORE_RECORDS_H_
