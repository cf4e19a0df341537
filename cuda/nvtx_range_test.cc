#include "hoist/cuda/nvtx_range.h"

#include <nvtx3/nvToolsExt.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

std::vector<std::string>& Calls() {
  static auto* const calls = new std::vector<std::string>;
  return *calls;
}

int Push(const char* name) {
  Calls().push_back(name);
  return 0;
}

int Pop() {
  Calls().push_back("pop");
  return 0;
}

// Does as a profiler does that is linked into the program.
int InitializeInjection(NvtxGetExportTableFunc_t get_export_table) {
  const auto* const callbacks = static_cast<const NvtxExportTableCallbacks*>(
      get_export_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned int size = 0;
  if (callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size) ==
      0) {
    return 0;
  }
  *table[NVTX_CBID_CORE_RangePushA] =
      reinterpret_cast<NvtxFunctionPointer>(&Push);
  *table[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(&Pop);
  return 1;
}

TEST(NvtxRangeTest, ShowsScopesToAProfiler) {
  InitializeInjectionNvtx2_fnptr = &InitializeInjection;
  {
    NvtxRange outer("outer");
    NvtxRange inner("inner");
  }
  EXPECT_THAT(Calls(), ElementsAre("outer", "inner", "pop", "pop"));
}

}  // namespace
}  // namespace hoist
