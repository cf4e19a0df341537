#include "hoist/tools/commands/process_context.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "absl/status/status.h"
#include "hoist/core/status/annotate.h"
#include "tools/cpp/runfiles/runfiles.h"

namespace hoist {
namespace {

absl::StatusOr<std::string> FindSample(const std::string& argv0) {
  using ::bazel::tools::cpp::runfiles::Runfiles;
  constexpr char kSample[] = "hoist/tools/sample/digits.pt";
  std::string error;
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(argv0, &error));
  const std::string path =
      runfiles == nullptr ? "" : runfiles->Rlocation(kSample);
  if (path.empty() || access(path.c_str(), R_OK) != 0) {
    return WithHint(
        absl::NotFoundError("The sample checkpoint is not beside the program"),
        "Name a checkpoint: hoist load PATH");
  }
  return path;
}

}  // namespace

CommandContext ProcessContext(const std::string& argv0) {
  CommandContext context;
  context.out_terminal = DetectTerminal(STDOUT_FILENO);
  context.err_terminal = DetectTerminal(STDERR_FILENO);
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  context.working_directory = directory == nullptr ? "" : directory;
  context.environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  context.find_sample = [argv0] { return FindSample(argv0); };
  return context;
}

}  // namespace hoist
