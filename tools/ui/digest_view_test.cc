#include "hoist/tools/ui/digest_view.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(DigestViewTest, HasALineForEveryTensor) {
  Catalog catalog;
  catalog.tensors.resize(2);
  catalog.tensors[0].name = "a\x1b";
  catalog.tensors[1].name = "b";
  EXPECT_EQ(DigestView(catalog, {"0123456789", std::nullopt}, {}),
            "\nSHA-256 of the elements\n"
            "  0123456789  a\\x1b\n"
            "  no data     b\n");
}

}  // namespace
}  // namespace hoist
