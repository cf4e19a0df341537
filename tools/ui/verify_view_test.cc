#include "hoist/tools/ui/verify_view.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/tools/ui/verify_json.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

VerifyReport Report() {
  return {.path = "model.pt",
          .format = "torch_zip",
          .level = VerifyLevel::kValues,
          .tensors = {{"a\nb", TensorValues{.count = 4, .is_zero = true}},
                      {"w",
                       TensorValues{
                           .count = 6, .nan_count = 2, .first_bad = {1, 0}}}},
          .storage_count = 2,
          .storage_bytes = 40,
          .compared_bytes = 40};
}

TEST(VerifyViewTest, NamesTensorsWithNumbersThatAreNone) {
  const std::string text = VerifyView(Report(), false, {});
  EXPECT_THAT(text, HasSubstr("model.pt  NOT GOOD"));
  EXPECT_THAT(text, HasSubstr("1 of 2 tensors have NaN"));
  EXPECT_THAT(text, HasSubstr("w  2 NaN  0 infinite  of 6, first at [1, 0]"));
  EXPECT_THAT(text, HasSubstr("1 are all zero, 0 of one other"));
}

TEST(VerifyViewTest, NamesDamageSafely) {
  VerifyReport report = Report();
  report.damages = {
      {"model.pt", "data/0", {"a\nb", "w"}, "its checksum is wrong"},
      {"other", "", {}, "it is missing"}};
  const std::string text = VerifyView(report, false, {});
  EXPECT_THAT(text, HasSubstr("model.pt  DAMAGED"));
  EXPECT_THAT(text,
              HasSubstr("data/0 (tensors a\\nb, w): its checksum is wrong\n"));
  EXPECT_THAT(text, HasSubstr("other: it is missing\n"));
  for (int i = 0; i < 20; ++i) {
    report.damages[0].tensors.push_back("more");
  }
  EXPECT_THAT(VerifyView(report, false, {}), HasSubstr("more and 12 more)"));
  const Json json = VerifyJson(report, false);
  EXPECT_EQ(json["damages"][0]["tensors"].size(), 22u);
  EXPECT_EQ(json["verdict"], "damaged");
}

TEST(VerifyViewTest, SaysWhatIsNotPossible) {
  VerifyReport report = {.path = "m",
                         .format = "safetensors",
                         .level = VerifyLevel::kChecksum,
                         .not_possible = {{VerifyLevel::kChecksum, "none"}}};
  EXPECT_THAT(VerifyView(report, false, {}), HasSubstr("m  good\n"));
  EXPECT_THAT(VerifyView(report, false, {}),
              HasSubstr("not possible  checksum: none\n"));
  EXPECT_THAT(VerifyView(report, true, {}), HasSubstr("NOT VERIFIED"));
  EXPECT_EQ(VerifyJson(report, true)["verdict"], "incomplete");
  EXPECT_THAT(VerifyView(report, true, {}), Not(HasSubstr("values  ")));
}

}  // namespace
}  // namespace hoist
