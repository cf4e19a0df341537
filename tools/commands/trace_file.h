#ifndef HOIST_TOOLS_COMMANDS_TRACE_FILE_H_
#define HOIST_TOOLS_COMMANDS_TRACE_FILE_H_

#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/core/trace/trace_recorder.h"

namespace hoist {

// The file that a trace goes to. Opened before the work that is traced, so that
// what cannot be written is known before it. Thread-compatible.
class TraceFile {
 public:
  // Makes `path` an empty file. The errors of ErrnoStatus().
  static absl::StatusOr<TraceFile> Create(const std::string& path);

  // Writes what `recorder` has, for Perfetto (TraceJson()). Once.
  absl::Status Write(const TraceRecorder& recorder);

 private:
  TraceFile(std::string path, std::ofstream out)
      : path_(std::move(path)), out_(std::move(out)) {}

  std::string path_;
  std::ofstream out_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_TRACE_FILE_H_
