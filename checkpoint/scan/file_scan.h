#ifndef HOIST_CHECKPOINT_SCAN_FILE_SCAN_H_
#define HOIST_CHECKPOINT_SCAN_FILE_SCAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/scan/scan_report.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Reports every name that a pickle in the file imports, and everything that
// keeps this from being all. What a file is, its bytes say: pickles of any
// protocol, one or several after another and before other bytes (what
// torch.save wrote before 1.6), zip and tar archives and what is in them, in
// each other up to four deep, numpy arrays of objects. Other files hold no
// pickle, and are complete, but for those whose name says that they are one,
// and for compressed ones, which are not looked into. Nothing is executed.
//
// An error only if the file cannot be opened; one that cannot be read is a
// report that is not complete. Takes time in proportion to the bytes, also to
// those that archives hold compressed, up to a limit beyond which it is not
// complete; at most some 400 MiB of memory. Blocks. Thread-safe.
absl::StatusOr<ScanReport> ScanFile(const std::string& path);

// The same for a file that is open.
ScanReport ScanOpenFile(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_FILE_SCAN_H_
