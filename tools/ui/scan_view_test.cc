#include "hoist/tools/ui/scan_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/tools/ui/scan_json.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

ScanReport Found(GlobalClass global_class) {
  return {.findings = {{.member = "m/data.pkl",
                        .position = 17,
                        .module = "some",
                        .name = "thing\x1b[2J",
                        .global_class = global_class}}};
}

TEST(ScanViewTest, SaysWhatIsWhere) {
  ScanReport report = Found(GlobalClass::kDangerous);
  report.findings.push_back({.position = 4, .module = "my", .name = "Net"});
  report.problems.push_back({.member = "m/x", .message = "It is encrypted"});
  EXPECT_EQ(ScanView(report, "model.pt", {}, {}),
            "model.pt  DANGEROUS  (2 names imported: 1 dangerous, 1 unknown)\n"
            "  dangerous  some.thing\\x1b[2J  byte 17 of m/data.pkl\n"
            "  unknown    my.Net             byte 4\n"
            "  not read  m/x: It is encrypted\n");
}

TEST(ScanViewTest, HarmlessNamesOnlyIfAsked) {
  const ScanReport report = Found(GlobalClass::kHarmless);
  EXPECT_EQ(ScanView(report, "a.pt", {}, {}),
            "a.pt  clean  (1 name imported: 1 harmless)\n");
  EXPECT_THAT(ScanView(report, "a.pt", {.shows_all = true}, {}),
              HasSubstr("some.thing"));
  EXPECT_EQ(ScanView({}, "a.bin", {}, {}),
            "a.bin  clean  (no names imported)\n");
}

TEST(ScanViewTest, WhatIsNotAllReadIsNotClean) {
  const ScanReport report{.problems = {{.member = "", .message = "Cut off"}}};
  EXPECT_THAT(ScanView(report, "a.pt", {}, {}),
              HasSubstr("NOT CLEAN: it could not all be read"));
}

TEST(ScanViewTest, StrictTakesUnknownForDangerous) {
  const ScanReport report = Found(GlobalClass::kUnknown);
  EXPECT_THAT(ScanView(report, "a.pt", {}, {}), HasSubstr("  clean  "));
  EXPECT_THAT(ScanView(report, "a.pt", {.is_strict = true}, {}),
              HasSubstr("DANGEROUS"));
  EXPECT_EQ(ScanJson(report, "a.pt", true)["verdict"], "dangerous");
}

TEST(ScanJsonTest, HasEverything) {
  ScanReport report = Found(GlobalClass::kUnknown);
  report.problems.push_back({.member = "m/x", .message = "It is encrypted"});
  EXPECT_EQ(ScanJson(report, "a.pt", false),
            Json::parse(R"({"path": "a.pt", "verdict": "incomplete", "names": [
        {"class": "unknown", "module": "some", "name": "thing\u001b[2J",
         "member": "m/data.pkl", "position": 17}],
        "problems": [{"member": "m/x", "message": "It is encrypted"}]})"));
}

}  // namespace
}  // namespace hoist
