#include "hoist/tools/ui/load_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LoadViewTest, ShowsWhereHowFastAndHowSure) {
  LoadReport report;
  report.tensor_count = 2;
  report.bytes = 2'000'000'000;
  report.time_ns = 1'000'000'000;
  report.verified = Verified::kChecksum;
  report.peak_host_bytes = 1 << 20;
  report.io = {{.path = "m.pt", .method = "pread", .reason = "it is small"}};
  report.phases = {
      {.name = "open", .time_ns = 500'000},
      {.name = "read", .time_ns = 800'000'000, .bytes = 2'000'000'000}};
  EXPECT_EQ(LoadView(report, "cpu (as asked)", {}),
            "Loaded to cpu (as asked)\n"
            "  2 tensors, 1.86 GiB in 1.00 s, 2.00 GB/s\n"
            "    open  500 us\n"
            "    read  800 ms  1.86 GiB  2.50 GB/s\n"
            "  read by pread: it is small\n"
            "  memory at most: 1.00 MiB host\n"
            "Verified: every byte agrees with the file's checksums\n");
}

TEST(LoadViewTest, ShowsTheShareOfTheCeilingThatWasMeasured) {
  LoadReport report;
  report.bytes = 900'000'000;
  report.time_ns = 1'000'000'000;
  EXPECT_THAT(LoadView(report, "cpu", {}), Not(HasSubstr("ceiling")));
  report.ceiling_bytes_per_second = 1e9;
  EXPECT_THAT(LoadView(report, "cpu", {}),
              HasSubstr("  90 % of the ceiling: the same bytes are read into "
                        "memory at 1.00 GB/s\n"));
}

TEST(LoadViewTest, SaysWhatWasNotVerified) {
  LoadReport report;
  report.verified = Verified::kNone;
  EXPECT_THAT(LoadView(report, "cpu", {}), HasSubstr("--verify=off"));
  report.verified = Verified::kNotRecorded;
  EXPECT_THAT(LoadView(report, "cpu", {}), HasSubstr("has no checksums of"));
  report.verified = Verified::kStructure;
  EXPECT_THAT(LoadView(report, "cpu", {}), HasSubstr("in part"));
}

}  // namespace
}  // namespace hoist
