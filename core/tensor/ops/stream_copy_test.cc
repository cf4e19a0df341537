#include "hoist/core/tensor/ops/stream_copy.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(StreamCopyTest, CopiesAllOfItAndNothingElse) {
  std::vector<uint8_t> source(600);
  for (size_t i = 0; i < source.size(); ++i) {
    source[i] = static_cast<uint8_t>(i * 7 + 1);
  }
  for (const size_t offset : {0, 1, 16, 63}) {
    for (const size_t size : {0, 1, 63, 64, 65, 127, 128, 400}) {
      std::vector<uint8_t> destination(600, 0xEE);
      StreamCopy(source.data() + 3, destination.data() + offset, size);
      StreamFence();
      std::vector<uint8_t> expected(600, 0xEE);
      std::copy_n(source.begin() + 3, size,
                  expected.begin() + static_cast<ptrdiff_t>(offset));
      EXPECT_EQ(destination, expected) << offset << ", " << size;
    }
  }
}

}  // namespace
}  // namespace hoist
