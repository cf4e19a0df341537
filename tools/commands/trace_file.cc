#include "hoist/tools/commands/trace_file.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/trace/trace_json.h"

namespace hoist {
namespace {

absl::Status Failed(const std::string& path) {
  return ErrnoStatus(errno, absl::StrCat("Writing the trace to ", path));
}

}  // namespace

absl::StatusOr<TraceFile> TraceFile::Create(const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  if (!out) {
    return Failed(path);
  }
  return TraceFile(path, std::move(out));
}

absl::Status TraceFile::Write(const TraceRecorder& recorder) {
  out_ << TraceJson(recorder.events());
  out_.close();
  return out_ ? absl::OkStatus() : Failed(path_);
}

}  // namespace hoist
