#ifndef HOIST_CHECKPOINT_VERIFY_VERIFY_REPORT_H_
#define HOIST_CHECKPOINT_VERIFY_VERIFY_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/load/load_result.h"
#include "hoist/checkpoint/verify/tensor_scans.h"

namespace hoist {

// How closely a checkpoint is looked at; each level has those before it.
enum class VerifyLevel {
  kStructure,  // what can be told without reading tensors
  kChecksum,   // every byte, against checksums that are recorded
  kValues,     // the numbers themselves
};

// "structure", "checksum", "values".
absl::string_view VerifyLevelName(VerifyLevel level);
// The level of that name; none of any other text.
std::optional<VerifyLevel> VerifyLevelFromName(absl::string_view name);

// Something that is not as it was written.
struct Damage {
  std::string path;   // of the file
  std::string place;  // the storage or the member; empty: the file as a whole
  std::vector<std::string> tensors;  // all whose bytes it may concern
  std::string problem;
};

struct VerifyReport {
  struct Tensor {
    std::string name;
    std::optional<TensorValues> values;  // of the level kValues
  };
  struct NotPossible {
    VerifyLevel level = VerifyLevel::kChecksum;
    std::string reason;
  };
  std::string path;
  std::string format;  // as of FormatName(); empty if it could not be opened
  VerifyLevel level = VerifyLevel::kStructure;  // that was asked for
  std::vector<Damage> damages;
  // What is no damage and worth to know: files that are ignored, and all that
  // the catalog warns of.
  std::vector<std::string> warnings;
  // What of the level could not be done, and why: checksums that are not
  // recorded.
  std::vector<NotPossible> not_possible;
  std::vector<Tensor> tensors;  // as in the catalog
  int64_t storage_count = 0;
  // Of storages, as they are decompressed.
  uint64_t storage_bytes = 0;
  uint64_t compared_bytes = 0;  // with a checksum
  // Files that a manifest's digests were compared with, damaged or not.
  int64_t digested_files = 0;
  uint64_t read_bytes = 0;
  int64_t read_time_ns = 0;  // of the reading and comparing alone
  int64_t time_ns = 0;
  // What ReadCeiling() has measured; 0 if nobody has asked it.
  double ceiling_bytes_per_second = 0;
  std::vector<LoadReport::FileIo> io;
};

// How many tensors have NaN or infinity.
int64_t BadTensorCount(const VerifyReport& report);

enum class VerifyVerdict {
  kGood,        // nothing is wrong with it
  kDamaged,     // something is, or numbers are NaN or infinite
  kIncomplete,  // nothing was found, but not all could be looked at
};

// "good", "damaged", "incomplete".
absl::string_view VerifyVerdictName(VerifyVerdict verdict);

// What `report` comes to; if not `is_strict`, what is not possible is no
// fault. Thread-safe, like all here.
VerifyVerdict VerdictOf(const VerifyReport& report, bool is_strict);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_VERIFY_VERIFY_REPORT_H_
