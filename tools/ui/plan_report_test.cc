#include "hoist/tools/ui/plan_report.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file of two storages, and one that is in memory only; a tensor of each, and
// one without data.
Catalog SomeCatalog() {
  Catalog catalog;
  catalog.files = {{.path = "m.pt", .size_bytes = 1000},
                   {.path = "m.pt",
                    .size_bytes = 10,
                    .content = std::make_shared<MemoryFile>("0123456789")}};
  catalog.storages.resize(3);
  catalog.tensors = {
      {.name = "a", .storage = 0}, {.name = "b"}, {.name = "c", .storage = 2}};
  catalog.warnings = {"careful"};
  return catalog;
}

PlannedLoad SomePlan() {
  PlannedLoad planned;
  planned.plan.needed_bytes = 900;
  planned.plan.read_bytes = 950;
  planned.plan.chunks.resize(7);
  planned.reads = {{.method = ReadMethod::kDirect, .reason = "why"},
                   {.reason = "in memory"}};
  planned.host_bytes = 1;
  planned.pinned_bytes = 2;
  planned.device_bytes = 3;
  return planned;
}

TEST(ReportPlanTest, SaysWhatWouldBeDone) {
  const PlanReport report =
      ReportPlan(SomeCatalog(), SomePlan(), {.device = Device::Cuda(1)});
  EXPECT_EQ(report.device, Device::Cuda(1));
  EXPECT_EQ(report.tensor_count, 2);
  EXPECT_EQ(report.needed_bytes, 900u);
  EXPECT_EQ(report.read_bytes, 950u);
  EXPECT_EQ(report.read_count, 7);
  EXPECT_EQ(report.peak_host_bytes, 1u);
  EXPECT_EQ(report.pinned_bytes, 2u);
  EXPECT_EQ(report.device_bytes, 3u);
  ASSERT_EQ(report.io.size(), 1u);
  EXPECT_EQ(report.io[0].path, "m.pt");
  EXPECT_EQ(report.io[0].method, "direct");
  EXPECT_EQ(report.io[0].reason, "why");
  EXPECT_THAT(report.fit, IsOk());
  EXPECT_THAT(report.warnings, ElementsAre("careful"));
}

TEST(ReportPlanTest, SaysWhetherItFits) {
  EXPECT_THAT(ReportPlan(SomeCatalog(), SomePlan(), {.max_host_bytes = 2}).fit,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("2 are allowed")));
}

}  // namespace
}  // namespace hoist
