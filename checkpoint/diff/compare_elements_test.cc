#include "hoist/checkpoint/diff/compare_elements.h"

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Floats(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()),
          numbers.size() * sizeof(float)};
}

// The tensors of both in their order, all of which have data.
absl::StatusOr<ComparedElements> Compare(
    const TestCheckpoint& a, const TestCheckpoint& b,
    const CompareElementsOptions& options = {}) {
  std::vector<ElementPair> pairs;
  for (size_t i = 0; i < a.catalog.tensors.size(); ++i) {
    pairs.push_back({&a.catalog.tensors[i], &b.catalog.tensors[i]});
  }
  return CompareElements({a.catalog, a.files}, {b.catalog, b.files}, pairs,
                         options);
}

TEST(CompareElementsTest, SaysOfEachWhetherItIsTheSame) {
  const TestCheckpoint a({Floats({1, 2}), Floats({3}), TestBytes(9 << 20, 1)});
  std::string large = TestBytes(9 << 20, 1);
  large.back() = static_cast<char>(large.back() ^ 1);
  const TestCheckpoint b({Floats({1, 2}), Floats({4}), large});
  ThreadPool pool(3);
  for (ThreadPool* const threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
    uint64_t done = 0;
    Mutex mu;
    HOIST_ASSERT_OK_AND_ASSIGN(
        const ComparedElements compared,
        Compare(
            a, b,
            {.pool = threads, .on_progress = [&](uint64_t bytes, uint64_t all) {
               const MutexLock lock(&mu);
               done = std::max(done, bytes);
               EXPECT_LE(bytes, all);
             }}));
    EXPECT_THAT(compared.is_same, ElementsAre(true, false, false));
    EXPECT_EQ(compared.read_bytes, 2 * ((9 << 20) + 12));
    EXPECT_EQ(done, compared.read_bytes);
    EXPECT_FALSE(compared.is_partial);
  }
}

TEST(CompareElementsTest, MeasuresNumbers) {
  TestCheckpoint a({Floats({1, 2, 3, 4})});
  TestCheckpoint b({Floats({1, 2.5, 3, 4})});
  for (TestCheckpoint* const checkpoint : {&a, &b}) {
    checkpoint->catalog.tensors[0].spec = {DType::kFloat32, {2, 2}, {2, 1}};
  }
  const auto numbers = [&](double atol) {
    auto compared =
        Compare(a, b, {.as_numbers = true, .tolerance = {.atol = atol}});
    HOIST_EXPECT_OK(compared.status());
    EXPECT_EQ(compared->is_same[0], atol >= 0.5);
    return *compared->numbers[0];
  };
  EXPECT_EQ(numbers(0).count, 4);
  EXPECT_EQ(numbers(0).differing, 1);
  EXPECT_EQ(numbers(0).max_abs, 0.5);
  EXPECT_THAT(numbers(0).max_abs_at, ElementsAre(0, 1));
  EXPECT_EQ(numbers(0.5).differing, 1);
  EXPECT_EQ(numbers(0.5).beyond, 0);
}

TEST(CompareElementsTest, GapsAreNotLookedAt) {
  TestCheckpoint a({Floats({1, 7, 2, 7})});
  TestCheckpoint b({Floats({1, 8, 2, 9})});
  for (TestCheckpoint* const checkpoint : {&a, &b}) {
    checkpoint->catalog.tensors[0].spec = {DType::kFloat32, {2}, {2}};
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements compared, Compare(a, b));
  EXPECT_THAT(compared.is_same, ElementsAre(true));
}

TEST(CompareElementsTest, OtherStridesAndDtypes) {
  TestCheckpoint a({Floats({1, 2, 3, 4, 5, 6})});
  TestCheckpoint b({Floats({1, 4, 2, 5, 3, 6.5})});
  a.catalog.tensors[0].spec = {DType::kFloat32, {2, 3}, {3, 1}};
  b.catalog.tensors[0].spec = {DType::kFloat32, {2, 3}, {1, 2}};
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements compared,
                             Compare(a, b, {.as_numbers = true}));
  EXPECT_EQ(compared.numbers[0]->differing, 1);
  EXPECT_THAT(compared.numbers[0]->max_abs_at, ElementsAre(1, 2));

  TestCheckpoint halves({std::string("\x80\x3F\x00\x40", 4)});
  halves.catalog.tensors[0].spec = {DType::kBfloat16, {2}, {1}};
  const TestCheckpoint floats({Floats({1, 2})});
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements numbers,
                             Compare(halves, floats, {.as_numbers = true}));
  EXPECT_THAT(numbers.is_same, ElementsAre(true));
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements bytes,
                             Compare(halves, floats));
  EXPECT_THAT(bytes.is_same, ElementsAre(false));
}

TEST(CompareElementsTest, WhatIsNegatedLazilyIsAnotherNumber) {
  TestCheckpoint a({Floats({1})});
  const TestCheckpoint same({Floats({1})});
  const TestCheckpoint negative({Floats({-1})});
  a.catalog.tensors[0].is_negative = true;
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements differ, Compare(a, same));
  EXPECT_THAT(differ.is_same, ElementsAre(false));
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements equal,
                             Compare(a, negative));
  EXPECT_THAT(equal.is_same, ElementsAre(true));
}

TEST(CompareElementsTest, RepeatedElementsCostNothing) {
  TestCheckpoint a({Floats({1})});
  TestCheckpoint b({Floats({2})});
  for (TestCheckpoint* const checkpoint : {&a, &b}) {
    checkpoint->catalog.tensors[0].spec = {
        DType::kFloat32, {1 << 20, 1 << 20}, {0, 0}};
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements compared,
                             Compare(a, b, {.as_numbers = true}));
  EXPECT_EQ(compared.numbers[0]->differing, uint64_t{1} << 40);
  a = b = TestCheckpoint({std::string(4 << 20, '\0')});
  a.catalog.tensors[0].spec = {DType::kFloat32, {1 << 20, 1 << 20}, {0, 1}};
  b.catalog.tensors[0].spec = {DType::kFloat32, {1 << 20, 1 << 20}, {1, 0}};
  EXPECT_THAT(Compare(a, b), StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("Tensor t0")));
}

TEST(CompareElementsTest, StopsAtADifference) {
  const TestCheckpoint a({Floats({1}), TestBytes(8 << 20, 1)});
  const TestCheckpoint b({Floats({2}), TestBytes(8 << 20, 1)});
  HOIST_ASSERT_OK_AND_ASSIGN(const ComparedElements compared,
                             Compare(a, b, {.stop_at_difference = true}));
  EXPECT_FALSE(compared.is_same[0]);
  EXPECT_TRUE(compared.is_partial);
  EXPECT_LT(compared.read_bytes, 100);
}

TEST(CompareElementsTest, DamageIsAnError) {
  const TestCheckpoint a({Floats({1, 2})});
  TestCheckpoint b({Floats({1, 3})});
  *b.catalog.storages[0].crc32 ^= 1;
  EXPECT_THAT(Compare(a, b),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("data/0"), HasSubstr("t0"))));
  b.files = {std::make_shared<MemoryFile>("head")};
  EXPECT_THAT(Compare(a, b), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(CompareElementsTest, CanBeCancelled) {
  const TestCheckpoint a({Floats({1, 2})});
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_THAT(Compare(a, a, {.cancel = &cancel}),
              StatusIs(absl::StatusCode::kCancelled));
}

// The tensors of `checkpoint` that have data, each one after the other in a
// storage of its own.
struct FlatCopy {
  Catalog catalog;
  std::vector<std::string> elements;
  std::vector<const TensorEntry*> originals;

  explicit FlatCopy(const RandomCheckpoint& checkpoint) {
    const auto all = NaiveLoad(checkpoint.catalog(), checkpoint.files());
    for (size_t i = 0; i < all.size(); ++i) {
      const TensorEntry& tensor = checkpoint.catalog().tensors[i];
      if (tensor.storage) {
        TensorEntry copy = tensor;
        copy.spec.strides = *ContiguousStrides(copy.spec.shape);
        copy.storage = static_cast<int>(elements.size());
        copy.storage_offset = 0;
        catalog.tensors.push_back(copy);
        elements.push_back(all[i]);
        originals.push_back(&tensor);
      }
    }
  }

  std::vector<std::shared_ptr<const RandomAccessFile>> MakeFile() {
    std::string content;
    catalog.storages.clear();
    for (const std::string& bytes : elements) {
      catalog.storages.push_back(
          {.offset_bytes = content.size(), .size_bytes = bytes.size()});
      content += bytes;
    }
    return {std::make_shared<MemoryFile>(content)};
  }
};

TEST(CompareElementsTest, RandomCheckpointsAreLikeTheirCopies) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  ThreadPool pool(2);
  int changed_count = 0;
  for (int round = 0; round < 60; ++round) {
    const RandomCheckpoint checkpoint(random, {.max_storage_bytes = 4096});
    FlatCopy copy(checkpoint);
    const auto compare = [&](bool as_numbers) {
      const auto files = copy.MakeFile();
      std::vector<ElementPair> pairs;
      for (size_t i = 0; i < copy.originals.size(); ++i) {
        pairs.push_back({copy.originals[i], &copy.catalog.tensors[i]});
      }
      auto compared = CompareElements(
          {checkpoint.catalog(), checkpoint.files()}, {copy.catalog, files},
          pairs,
          {.as_numbers = as_numbers, .pool = round % 2 == 0 ? &pool : nullptr});
      HOIST_EXPECT_OK(compared.status());
      return *std::move(compared);
    };
    std::vector<bool> same(copy.originals.size(), true);
    EXPECT_EQ(compare(false).is_same, same);
    EXPECT_EQ(compare(true).is_same, same);
    if (copy.elements.empty()) {
      continue;
    }
    const size_t changed = Below(random, copy.elements.size());
    std::string& bytes = copy.elements[changed];
    if (!bytes.empty()) {
      bytes[Below(random, bytes.size())] ^= 1;
      same[changed] = false;
      ++changed_count;
    }
    EXPECT_EQ(compare(false).is_same, same);
  }
  EXPECT_GT(changed_count, 20);
}

}  // namespace
}  // namespace hoist
