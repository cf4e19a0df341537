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

// Declares the specializations, one a level, of a function template:
//
//   HOIST_DECLARE_CPU_LEVELS(void Loop, (const uint8_t* bytes, size_t count));
//
// They are defined by a source that cpu_level_library() compiles.
#define HOIST_DECLARE_CPU_LEVELS(result_and_name, parameters) \
  template <>                                                 \
  result_and_name<::hoist::CpuLevel::kBaseline> parameters;   \
  template <>                                                 \
  result_and_name<::hoist::CpuLevel::kAvx2> parameters;       \
  template <>                                                 \
  result_and_name<::hoist::CpuLevel::kAvx512> parameters

// The specialization for `level`.
#define HOIST_AT_CPU_LEVEL(level, name)                                      \
  ((level) == ::hoist::CpuLevel::kAvx512 ? &name<::hoist::CpuLevel::kAvx512> \
   : (level) == ::hoist::CpuLevel::kAvx2                                     \
       ? &name<::hoist::CpuLevel::kAvx2>                                     \
       : &name<::hoist::CpuLevel::kBaseline>)

// The specialization that is best on this machine.
#define HOIST_FOR_CPU_LEVEL(name) \
  HOIST_AT_CPU_LEVEL(::hoist::BestCpuLevel(), name)

#endif  // HOIST_CORE_TENSOR_OPS_CPU_LEVEL_H_
