#include "hoist/tools/ui/write_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

WriteReport Report() {
  return {.tensor_count = 3,
          .tensor_bytes = 4 << 20,
          .file_bytes = (4 << 20) + 1000,
          .files = {"a.pt"},
          .time_ns = 1'000'000,
          .warnings = {"a note\nof two lines"}};
}

TEST(WriteViewTest, SaysHowMuchHowFastAndWhatIsLost) {
  EXPECT_EQ(WriteView(Report(), "a.pt", {}),
            "Wrote a.pt\n"
            "  3 tensors, 4.00 MiB, written and verified in 1.00 ms, 4.19 GB/s\n"
            "Warning: a note\\nof two lines\n");
}

TEST(WriteViewTest, SaysHowSmallItBecameAndInHowManyFiles) {
  WriteReport report = Report();
  report.file_bytes = 1 << 20;
  report.files = {"a/1", "a/2"};
  EXPECT_THAT(WriteView(report, "a", {}),
              HasSubstr("3 tensors, 4.00 MiB in 1.00 MiB, 2 files, written"));
}

TEST(WriteViewTest, Json) {
  const Json json = WriteJson(Report(), "hoist.convert/1", "a.pt");
  EXPECT_EQ(json["schema"], "hoist.convert/1");
  EXPECT_EQ(json["path"], "a.pt");
  EXPECT_EQ(json["tensors"], 3);
  EXPECT_EQ(json["tensor_bytes"], 4 << 20);
  EXPECT_EQ(json["file_bytes"], (4 << 20) + 1000);
  EXPECT_EQ(json["files"][0], "a.pt");
  EXPECT_EQ(json["seconds"], 0.001);
  EXPECT_EQ(json["warnings"][0], "a note\nof two lines");
}

}  // namespace
}  // namespace hoist
