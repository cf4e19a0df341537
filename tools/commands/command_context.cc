#include "hoist/tools/commands/command_context.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hoist {

std::string ResolvePath(const CommandContext& context, absl::string_view path) {
  if (context.working_directory.empty() || absl::StartsWith(path, "/")) {
    return std::string(path);
  }
  return absl::StrCat(context.working_directory, "/", path);
}

}  // namespace hoist
