// Puts a file into the page cache or out of it, and proves that it is so.
//
//   bazel run //benchmarks:page_cache -- evict|warm|residency PATH
//
// Prints the share of the file that is in the page cache then, from 0 to 1.
// Exits with 1 where that is not what was asked for.

#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "hoist/benchmarks/evict.h"
#include "hoist/benchmarks/working_directory.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

absl::StatusOr<double> Run(const std::string& verb, const std::string& path) {
  if (verb == "evict") {
    HOIST_RETURN_IF_ERROR(EvictFromPageCache(path));
  } else if (verb == "warm") {
    HOIST_RETURN_IF_ERROR(WarmPageCache(path));
  } else if (verb != "residency") {
    return absl::InvalidArgumentError("evict, warm or residency is wanted");
  }
  return ResidentShare(path);
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: page_cache evict|warm|residency PATH\n";
    return 2;
  }
  EnterUsersWorkingDirectory();
  const absl::StatusOr<double> share = Run(argv[1], argv[2]);
  if (!share.ok()) {
    std::cerr << share.status() << "\n";
    return 1;
  }
  std::cout << *share << "\n";
  return 0;
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
