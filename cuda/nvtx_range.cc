#include "hoist/cuda/nvtx_range.h"

#include <nvtx3/nvToolsExt.h>

namespace hoist {

NvtxRange::NvtxRange(const char* name) {
  // By itself, NVTX looks for a profiler in the first call of each function,
  // while other threads may call it.
  static const bool initialized = [] {
    nvtxInitialize(nullptr);
    return true;
  }();
  static_cast<void>(initialized);
  nvtxRangePushA(name);
}

NvtxRange::~NvtxRange() { nvtxRangePop(); }

}  // namespace hoist
