#include "hoist/tools/ui/plan_json.h"

#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

TEST(PlanJsonTest, HasTheFieldsInTheOrderThatIsDocumented) {
  PlanReport report;
  report.device = Device::Cuda(1);
  report.tensor_count = 2;
  report.needed_bytes = 1000;
  report.read_bytes = 1010;
  report.read_count = 4;
  report.peak_host_bytes = 1;
  report.pinned_bytes = 2;
  report.device_bytes = 3;
  report.io = {{.path = "m.pt", .method = "pread", .reason = "always"}};
  report.warnings = {"careful"};
  EXPECT_EQ(
      JsonText(PlanJson(report, Catalog(), "m.pt")),
      R"({"schema":"hoist.load_plan/1","path":"m.pt","format":"torch_zip",)"
      R"("device":"cuda:1","tensors":2,"bytes":1000,"read_bytes":1010,)"
      R"("reads":4,"peak_host_bytes":1,"pinned_bytes":2,"device_bytes":3,)"
      R"("io":[{"file":"m.pt","method":"pread","reason":"always"}],)"
      R"("fits":true,"problem":"","hint":"","warnings":["careful"]})"
      "\n");
}

TEST(PlanJsonTest, SaysWhyItDoesNotFit) {
  PlanReport report;
  report.fit = WithHint(absl::ResourceExhaustedError("Too much"), "Add");
  const Json json = PlanJson(report, Catalog(), "m.pt");
  EXPECT_EQ(json["fits"], false);
  EXPECT_EQ(json["problem"], "Too much");
  EXPECT_EQ(json["hint"], "Add");
  EXPECT_EQ(json["io"].dump(), "[]");
}

}  // namespace
}  // namespace hoist
