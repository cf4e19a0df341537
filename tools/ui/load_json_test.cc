#include "hoist/tools/ui/load_json.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

LoadReport Report() {
  LoadReport report;
  report.device = Device::Cuda(1);
  report.tensor_count = 2;
  report.bytes = 1000;
  report.time_ns = 310'000'000;
  report.verified = Verified::kChecksum;
  report.peak_host_bytes = 1;
  report.pinned_bytes = 2;
  report.device_bytes = 3;
  report.phases = {{.name = "read", .time_ns = 250'000'000, .bytes = 1000}};
  report.io = {{.path = "m.pt", .method = "pread", .reason = "always"}};
  report.warnings = {"b", "a"};
  return report;
}

TEST(LoadJsonTest, HasTheFieldsInTheOrderThatIsDocumented) {
  EXPECT_EQ(JsonText(LoadJson(Report(), Catalog(), "m.pt")),
            R"({"schema":"hoist.load/1","path":"m.pt","format":"torch_zip",)"
            R"("device":"cuda:1","tensors":2,"bytes":1000,"seconds":0.31,)"
            R"("verified":"checksum","peak_host_bytes":1,"pinned_bytes":2,)"
            R"("device_bytes":3,)"
            R"("phases":[{"name":"read","seconds":0.25,"bytes":1000}],)"
            R"("io":[{"file":"m.pt","method":"pread","reason":"always"}],)"
            R"("warnings":["b","a"]})"
            "\n");
}

TEST(LoadJsonTest, HasTheCeilingWhereItWasMeasured) {
  LoadReport report = Report();
  report.ceiling_bytes_per_second = 5e9;
  EXPECT_EQ(LoadJson(report, Catalog(), "m.pt")["ceiling_bytes_per_second"],
            5e9);
}

TEST(LoadJsonTest, EmptyListsAreLists) {
  const Json json = LoadJson(LoadReport(), Catalog(), "m.pt");
  EXPECT_EQ(json["phases"].dump(), "[]");
  EXPECT_EQ(json["io"].dump(), "[]");
  EXPECT_EQ(json["warnings"].dump(), "[]");
  EXPECT_EQ(json["verified"], "none");
}

TEST(AllWarningsTest, NamesEachOnce) {
  Catalog catalog;
  catalog.warnings = {"a", "c"};
  EXPECT_THAT(AllWarnings(catalog, Report()),
              ::testing::ElementsAre("a", "c", "b"));
}

}  // namespace
}  // namespace hoist
