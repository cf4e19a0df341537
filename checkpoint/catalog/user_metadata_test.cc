#include "hoist/checkpoint/catalog/user_metadata.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(UserMetadataTest, KeepsTheFirstOfEachKeyAndNothingOfTheFile) {
  Catalog catalog;
  catalog.format = Format::kSafetensorsIndex;
  catalog.metadata = {{"author", "a"},
                      {"DCP_SHARDING_INFO", "{}"},
                      {"hoist.digest", "0"},
                      {"author", "b"},
                      {"DCP_VERSION", "1.0"},
                      {"format", "pt"}};
  EXPECT_THAT(UserMetadata(catalog),
              ElementsAre(Pair("author", "a"), Pair("format", "pt")));
  catalog.format = Format::kTorchZip;
  EXPECT_THAT(UserMetadata(catalog), IsEmpty());
}

}  // namespace
}  // namespace hoist
