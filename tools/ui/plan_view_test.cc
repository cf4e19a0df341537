#include "hoist/tools/ui/plan_view.h"

#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

PlanReport Report() {
  PlanReport report;
  report.tensor_count = 143;
  report.needed_bytes = 224 << 10;
  report.read_bytes = 230 << 10;
  report.read_count = 1;
  report.peak_host_bytes = 224 << 10;
  report.pinned_bytes = 128 << 20;
  report.io = {{.path = "m.pt", .method = "pread", .reason = "it is small"}};
  return report;
}

TEST(PlanViewTest, SaysWhatWouldBeDone) {
  EXPECT_EQ(PlanView(Report(), "cpu, as no GPU is usable", {}),
            "Would load to cpu, as no GPU is usable\n"
            "  143 tensors, 224 KiB; reads 230 KiB in 1 read\n"
            "  read by pread: it is small\n"
            "  memory at most: 224 KiB host, 128 MiB pinned\n"
            "It fits\n");
}

TEST(PlanViewTest, SaysWhatWouldMakeItFit) {
  PlanReport report;
  report.fit = WithHint(absl::ResourceExhaustedError("Too much\x1b"), "Add");
  report.warnings = {"careful\x1b"};
  EXPECT_EQ(PlanView(report, "cpu", {}),
            "warning: careful\\x1b\n"
            "Would load to cpu\n"
            "  0 tensors, 0 B; reads 0 B in 0 reads\n"
            "It does not fit: Too much\\x1b\n"
            "  hint: Add\n");
}

}  // namespace
}  // namespace hoist
