#include "hoist/core/base/stable_vector.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(StableVectorTest, KeepsAllAndMovesNone) {
  StableVector<std::string, 4> texts;
  std::vector<std::string*> places;
  for (int i = 0; i < 100; ++i) {
    places.push_back(
        &texts.push_back(std::string(50, 'a') + std::to_string(i)));
  }
  ASSERT_EQ(texts.size(), 100u);
  const auto& constant = texts;
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(&texts[i], places[i]);
    EXPECT_EQ(constant[i], std::string(50, 'a') + std::to_string(i));
  }
}

TEST(StableVectorTest, DestroysEachOnce) {
  const auto counted = std::make_shared<int>();
  {
    StableVector<std::shared_ptr<int>, 4> all;
    for (int i = 0; i < 10; ++i) {
      all.push_back(counted);
    }
    EXPECT_EQ(counted.use_count(), 11);
    StableVector<std::shared_ptr<int>, 4> moved(std::move(all));
    EXPECT_EQ(moved.size(), 10u);
    EXPECT_EQ(all.size(), 0u);
    all.push_back(counted);
    EXPECT_EQ(counted.use_count(), 12);
    all = std::move(moved);
    EXPECT_EQ(all.size(), 10u);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

}  // namespace
}  // namespace hoist
