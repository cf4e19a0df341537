#include "hoist/tools/commands/parse_bytes.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

TEST(ParseBytesTest, ReadsWhatPeopleWrite) {
  const std::vector<std::pair<std::string, uint64_t>> amounts = {
      {"0", 0},
      {"1000000", 1'000'000},
      {"17B", 17},
      {"28GiB", uint64_t{28} << 30},
      {"512MiB", uint64_t{512} << 20},
      {"1.5GB", 1'500'000'000},
      {"1KB", 1000},
      {"1KiB", 1024},
      {"2 MB", 2'000'000},
      {"  3 tib ", uint64_t{3} << 40},
      {"3pb", 3'000'000'000'000'000},
      {"1PiB", uint64_t{1} << 50},
      {"18EB", 18'000'000'000'000'000'000u},
      {"15EiB", uint64_t{15} << 60},
      {"1.25KiB", 1280},
      {"0.1KiB", 102},
      {"0.9999", 0},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
      {"0.9999999999999999999EiB", (uint64_t{1} << 60) - 1},
  };
  for (const auto& [text, bytes] : amounts) {
    HOIST_ASSERT_OK_AND_ASSIGN(const uint64_t parsed, ParseBytes(text));
    EXPECT_EQ(parsed, bytes) << text;
  }
}

TEST(ParseBytesTest, RefusesAllElse) {
  for (const char* text : {"",        " ",
                           "GiB",     "-1",
                           "+1",      "1.",
                           ".5GB",    "1.5.5",
                           "1,5GB",   "0x10",
                           "28G",     "28Gi",
                           "5 bytes", "1e9",
                           "1GiBs",   "16EiB",
                           "19EB",    "18446744073709551616",
                           "18.5EiB", "1.00000000000000000000KB"}) {
    const absl::Status status = ParseBytes(text).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("is no amount of memory")))
        << text;
    EXPECT_THAT(HintOf(status), HasSubstr("28GiB"));
  }
}

}  // namespace
}  // namespace hoist
