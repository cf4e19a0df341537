#include "hoist/checkpoint/load/byte_order.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

std::vector<uint8_t> Reversed(int width) {
  std::vector<uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  ReverseByteOrder(absl::MakeSpan(bytes), width);
  return bytes;
}

TEST(ReverseByteOrderTest, ReversesEachUnit) {
  EXPECT_THAT(Reversed(1), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(Reversed(2), ElementsAre(2, 1, 4, 3, 6, 5, 8, 7));
  EXPECT_THAT(Reversed(4), ElementsAre(4, 3, 2, 1, 8, 7, 6, 5));
  EXPECT_THAT(Reversed(8), ElementsAre(8, 7, 6, 5, 4, 3, 2, 1));
}

}  // namespace
}  // namespace hoist
