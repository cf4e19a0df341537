#include "hoist/benchmarks/command_line.h"

#include <benchmark/benchmark.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace hoist {

uint64_t TakeBytes(int& argc, char** argv, uint64_t otherwise) {
  uint64_t bytes = otherwise;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    constexpr absl::string_view kFlag = "--bytes=";
    const absl::string_view argument = argv[i];
    if (!absl::StartsWith(argument, kFlag) ||
        !absl::SimpleAtoi(argument.substr(kFlag.size()), &bytes)) {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return bytes;
}

int RunBenchmarks(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace hoist
