#ifndef HOIST_BENCHMARKS_COMMAND_LINE_H_
#define HOIST_BENCHMARKS_COMMAND_LINE_H_

#include <cstdint>

namespace hoist {

// Takes --bytes=N out of the command line of a benchmark, before Google
// Benchmark sees it; `otherwise` if there is none.
uint64_t TakeBytes(int& argc, char** argv, uint64_t otherwise);

// Runs the benchmarks that were registered, as the rest of the command line
// says; returns the program's exit status.
int RunBenchmarks(int argc, char** argv);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_COMMAND_LINE_H_
