#include "hoist/checkpoint/load/digest.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

std::string DigestOf(absl::string_view bytes) {
  Sha256 sha256;
  sha256.Update({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return sha256.FinishHex();
}

class TensorDigestsTest : public ::testing::TestWithParam<bool> {
 protected:
  ThreadPool* pool() { return GetParam() ? &pool_ : nullptr; }
  ThreadPool pool_{2};
};

INSTANTIATE_TEST_SUITE_P(WithPool, TensorDigestsTest, ::testing::Bool());

TEST_P(TensorDigestsTest, AreOfTheElementsInRowMajorOrder) {
  TestCheckpoint checkpoint({"aaaabbbbccccddddeeeeffff", "zzzz"});
  checkpoint.catalog.tensors = {
      {.name = "whole",
       .spec = {DType::kFloat32, {2, 3}, {3, 1}},
       .storage = 0},
      {.name = "transposed",
       .spec = {DType::kFloat32, {3, 2}, {1, 3}},
       .storage = 0},
      {.name = "other", .spec = {DType::kFloat32, {}, {}}, .storage = 1},
      {.name = "meta", .spec = {DType::kFloat32, {2}, {1}}},
      {.name = "repeated",
       .spec = {DType::kFloat32, {2}, {0}},
       .storage = 0,
       .storage_offset = 5},
      {.name = "empty", .spec = {DType::kFloat32, {0}, {1}}, .storage = 1}};
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto digests,
      TensorDigests(checkpoint.catalog, checkpoint.files, pool()));
  ASSERT_EQ(digests.size(), 6u);
  EXPECT_EQ(digests[0], DigestOf("aaaabbbbccccddddeeeeffff"));
  EXPECT_EQ(digests[1], DigestOf("aaaaddddbbbbeeeeccccffff"));
  EXPECT_EQ(digests[2], DigestOf("zzzz"));
  EXPECT_EQ(digests[3], std::nullopt);
  EXPECT_EQ(digests[4], DigestOf("ffffffff"));
  EXPECT_EQ(digests[5], DigestOf(""));
}

TEST_P(TensorDigestsTest, WhatRepeatsWithoutEndIsRefused) {
  TestCheckpoint checkpoint({"aaaa"});
  checkpoint.catalog.tensors[0].spec = {
      DType::kFloat32, {int64_t{1} << 40}, {0}};
  EXPECT_THAT(TensorDigests(checkpoint.catalog, checkpoint.files, pool()),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_P(TensorDigestsTest, DamageIsAnError) {
  TestCheckpoint checkpoint({"aaaa", "bbbb"});
  checkpoint.catalog.storages[1].crc32 = 1;
  EXPECT_THAT(TensorDigests(checkpoint.catalog, checkpoint.files, pool()),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace hoist
