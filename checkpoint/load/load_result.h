#ifndef HOIST_CHECKPOINT_LOAD_LOAD_RESULT_H_
#define HOIST_CHECKPOINT_LOAD_LOAD_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/checkpoint/shard/rank_report.h"
#include "hoist/core/tensor/device.h"

namespace hoist {

// How far the loaded bytes were proved to be those that were written.
enum class Verified {
  kNone,         // it was not asked for
  kNotRecorded,  // the file records no checksums of what was loaded
  kStructure,    // of some bytes there is none; sizes and places were checked
  kChecksum,     // every byte, against the file's checksums
  kDevice,       // every byte on the device, against what was read; and that
                 // against the file's checksums, as far as it has some
};

// "none", "not_recorded", "structure", "checksum", "device".
absl::string_view VerifiedName(Verified verified);

// What a load did, and how long it took.
struct LoadReport {
  struct Phase {
    // "open", "plan", "allocate", "read", "verify", "convert", "upload", "wait"
    // (a thread had nothing left to do, and others had), "finish"; "place"
    // (into tensors that existed before)
    std::string name;
    // Time on the clock; where several threads work in a phase, while they do
    // other things too, the mean of their times in it. So all phases sum to the
    // time of the load.
    int64_t time_ns = 0;
    uint64_t bytes = 0;  // before any cast; of "upload" after it
  };
  struct FileIo {
    std::string path;
    std::string method;  // "pread", "mmap", "direct"
    std::string reason;  // why that one
  };

  Device device;
  int64_t tensor_count = 0;
  // Bytes of storages that were brought from the files, each once: before any
  // cast.
  uint64_t bytes = 0;
  // From before the file was opened until every byte was in its place.
  int64_t time_ns = 0;
  // What ReadCeiling() has measured; 0 if nobody has asked it.
  double ceiling_bytes_per_second = 0;
  Verified verified = Verified::kNone;
  // The most memory that the load itself held at once, in bytes; host memory
  // without what is pinned.
  uint64_t peak_host_bytes = 0;
  uint64_t pinned_bytes = 0;
  uint64_t device_bytes = 0;
  std::vector<Phase> phases;
  std::vector<FileIo> io;
  // Also of numbers that a cast made infinite, or that are NaN, where it was to
  // a dtype of smaller range. They are counted in whole storages, each once.
  std::vector<std::string> warnings;
  // Of LoadOptions::rank, if that was given.
  std::optional<RankReport> rank;
};

struct LoadResult {
  StateDict tensors;
  LoadReport report;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_LOAD_RESULT_H_
