#ifndef HOIST_CORE_TENSOR_OPS_CPU_LEVEL_H_
#define HOIST_CORE_TENSOR_OPS_CPU_LEVEL_H_

#include <vector>

namespace hoist {

// The instruction sets that the operations' loops are compiled for, each
// including the ones before. See cpu_levels.bzl. Thread-safe, like all here.
enum class CpuLevel {
  kBaseline,  // what every machine of the architecture has
  kAvx2,
  kAvx512,  // F, BW, DQ and VL
};

// The best that this machine has.
CpuLevel BestCpuLevel();

// Those that this machine has, from kBaseline to the best: for tests.
std::vector<CpuLevel> SupportedCpuLevels();

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_CPU_LEVEL_H_
