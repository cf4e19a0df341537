#include "hoist/checkpoint/diff/diff_checkpoints.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Floats(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()),
          numbers.size() * sizeof(float)};
}

// Of which no checksums are recorded.
TestCheckpoint Unrecorded(const std::vector<std::string>& storages) {
  TestCheckpoint checkpoint(storages);
  for (StorageEntry& storage : checkpoint.catalog.storages) {
    storage.crc32.reset();
  }
  return checkpoint;
}

DiffReport Diff(const TestCheckpoint& a, const TestCheckpoint& b,
                const DiffOptions& options = {}) {
  auto report =
      DiffCheckpoints({a.catalog, a.files}, {b.catalog, b.files}, options);
  HOIST_EXPECT_OK(report.status());
  return *std::move(report);
}

TEST(DiffCheckpointsTest, ReadsWhatNoChecksumTells) {
  const TestCheckpoint a = Unrecorded({Floats({1}), Floats({2}), Floats({3})});
  const TestCheckpoint b = Unrecorded({Floats({1}), Floats({7}), Floats({3})});
  const DiffReport structure = Diff(a, b, {.level = DiffLevel::kStructure});
  EXPECT_TRUE(IsSame(structure));
  EXPECT_EQ(structure.not_read_count, 3);
  EXPECT_EQ(structure.read_bytes, 0);
  const DiffReport report = Diff(a, b);
  ASSERT_THAT(report.changed, SizeIs(1));
  EXPECT_EQ(report.changed[0].tensors, (TensorPair{1, 1}));
  EXPECT_EQ(report.same_count, 2);
  EXPECT_EQ(report.not_read_count, 0);
  EXPECT_EQ(report.read_bytes, 24);
}

TEST(DiffCheckpointsTest, WhatChecksumsTellIsNotRead) {
  const TestCheckpoint a({Floats({1}), Floats({2})});
  TestCheckpoint b({Floats({1}), Floats({3})});
  // Nothing could be read.
  b.files = {std::make_shared<MemoryFile>("")};
  const DiffReport report = Diff(a, b);
  EXPECT_THAT(report.changed, SizeIs(1));
  EXPECT_EQ(report.read_bytes, 0);
  EXPECT_THAT(DiffCheckpoints({a.catalog, a.files}, {b.catalog, b.files},
                              {.distrust_checksums = true}),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(DiffCheckpointsTest, NumbersOfWhatChecksumsSayDiffers) {
  const TestCheckpoint a({Floats({0}), Floats({2}), Floats({5})});
  const TestCheckpoint b({Floats({-0.0f}), Floats({3}), Floats({5})});
  EXPECT_THAT(Diff(a, b).changed, SizeIs(2));
  const DiffReport report = Diff(a, b, {.level = DiffLevel::kValues});
  ASSERT_THAT(report.changed, SizeIs(1));
  EXPECT_EQ(report.changed[0].numbers->max_abs, 1);
  EXPECT_EQ(report.same_count, 2);
  for (const bool stop : {false, true}) {
    EXPECT_TRUE(IsSame(Diff(a, b,
                            {.level = DiffLevel::kValues,
                             .tolerance = {.atol = 1},
                             .stop_at_difference = stop})));
  }
}

TEST(DiffCheckpointsTest, WhatDiffersWithinTheToleranceIsARemark) {
  const TestCheckpoint a = Unrecorded({Floats({1, 2})});
  const TestCheckpoint b = Unrecorded({Floats({1, 2.5})});
  const DiffReport report =
      Diff(a, b, {.level = DiffLevel::kValues, .tolerance = {.rtol = 0.2}});
  EXPECT_TRUE(IsSame(report));
  EXPECT_THAT(report.remarks, ElementsAre(HasSubstr("tolerance: 1")));
}

TEST(DiffCheckpointsTest, OtherNamesByWhatTensorsHave) {
  const TestCheckpoint a =
      Unrecorded({Floats({1}), Floats({2}), Floats({3}), Floats({1, 2})});
  TestCheckpoint b =
      Unrecorded({Floats({2}), Floats({1}), Floats({4}), Floats({1, 2})});
  for (TensorEntry& tensor : b.catalog.tensors) {
    tensor.name = "module." + tensor.name;
  }
  const DiffReport report = Diff(a, b);
  EXPECT_THAT(report.renamed, ElementsAre(TensorPair{0, 1}, TensorPair{1, 0},
                                          TensorPair{3, 3}));
  EXPECT_THAT(report.removed, ElementsAre(2));
  EXPECT_THAT(report.added, ElementsAre(2));
  EXPECT_THAT(Diff(a, b, {.level = DiffLevel::kStructure}).renamed, IsEmpty());
}

TEST(DiffCheckpointsTest, StoragesThatAreValues) {
  const auto with_value = [](float number) {
    TestCheckpoint checkpoint = Unrecorded({Floats({number})});
    checkpoint.catalog.tensors.clear();
    auto graph = std::make_shared<ValueGraph>();
    checkpoint.catalog.root_id =
        graph->Add({.kind = ValueKind::kStorage, .data = int64_t{0}});
    checkpoint.catalog.values = graph;
    return checkpoint;
  };
  EXPECT_TRUE(IsSame(Diff(with_value(1), with_value(1))));
  EXPECT_EQ(Diff(with_value(1), with_value(2)).value_count, 1);
}

TEST(DiffCheckpointsTest, TheFirstDifferenceIsEnough) {
  const TestCheckpoint a = Unrecorded({Floats({1}), Floats({2})});
  TestCheckpoint b = a;
  b.catalog.tensors[1].name = "other";
  const DiffReport report = Diff(a, b, {.stop_at_difference = true});
  EXPECT_FALSE(IsSame(report));
  EXPECT_TRUE(report.is_partial);
  EXPECT_EQ(report.read_bytes, 0);
}

}  // namespace
}  // namespace hoist
