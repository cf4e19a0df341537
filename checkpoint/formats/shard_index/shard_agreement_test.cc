#include "hoist/checkpoint/formats/shard_index/shard_agreement.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/shard_index/shard_number.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = ShardFinding::Kind;

// A file with float32 tensors of one element.
Shard ShardOf(std::string file, const std::vector<std::string>& tensors) {
  Shard shard{.file = std::move(file)};
  for (const std::string& name : tensors) {
    shard.catalog.tensors.push_back(
        {.name = name, .spec = {DType::kFloat32, {1}, {1}}});
  }
  return shard;
}

Shard Broken(std::string file, absl::Status status) {
  return {.file = std::move(file), .status = std::move(status)};
}

ShardIndex IndexOf(
    std::vector<std::pair<std::string, std::string>> weight_map) {
  return {.weight_map = std::move(weight_map)};
}

auto Finding(Kind kind, bool is_error, const std::string& text) {
  return AllOf(Field(&ShardFinding::kind, kind),
               Field(&ShardFinding::is_error, is_error),
               Field(&ShardFinding::text, HasSubstr(text)));
}

TEST(ShardAgreementTest, NothingToSayOfWhatAgrees) {
  ShardIndex index = IndexOf({{"a", "1"}, {"b", "2"}, {"c", "2"}});
  index.total_size_bytes = 12;
  EXPECT_THAT(CompareShards(
                  &index, {ShardOf("1", {"a"}), ShardOf("2", {"c", "b"})}, {}),
              IsEmpty());
}

TEST(ShardAgreementTest, AMissingShard) {
  const ShardIndex index = IndexOf({{"a", "1"}, {"b", "2"}, {"c", "2"}});
  const auto findings = CompareShards(
      &index,
      {ShardOf("1", {"a"}), Broken("2", absl::NotFoundError("no such file"))},
      {});
  EXPECT_THAT(findings,
              ElementsAre(Finding(
                  Kind::kMissingShard, true,
                  "The index names 2 files, 1 is missing: 2 (2 tensors)")));
  EXPECT_EQ(findings[0].code, absl::StatusCode::kNotFound);
}

TEST(ShardAgreementTest, AShardThatCannotBeRead) {
  const ShardIndex index = IndexOf({{"a", "1"}});
  EXPECT_THAT(
      CompareShards(&index, {Broken("1", absl::DataLossError("cut off"))}, {}),
      ElementsAre(Finding(Kind::kUnreadableShard, true, "1: cut off")));
}

TEST(ShardAgreementTest, ATensorThatItsShardDoesNotHave) {
  // One is nowhere, one in another file than the index says.
  const ShardIndex index =
      IndexOf({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "2"}});
  EXPECT_THAT(
      CompareShards(&index, {ShardOf("1", {"a"}), ShardOf("2", {"c", "d"})},
                    {}),
      ElementsAre(Finding(Kind::kMissingTensor, true,
                          "The index has \"b\" and 1 more in 1, which does "
                          "not have them")));
}

TEST(ShardAgreementTest, ATensorThatTheIndexDoesNotHave) {
  const ShardIndex index = IndexOf({{"a", "1"}});
  EXPECT_THAT(CompareShards(&index, {ShardOf("1", {"a", "b", "c"})}, {}),
              ElementsAre(Finding(Kind::kUnlistedTensor, true,
                                  "1 has \"b\" and 1 more")));
}

TEST(ShardAgreementTest, ATensorInTwoShards) {
  EXPECT_THAT(CompareShards(
                  nullptr, {ShardOf("1", {"a", "b"}), ShardOf("2", {"b"})}, {}),
              ElementsAre(Finding(Kind::kRepeatedTensor, true,
                                  "\"b\" is in 1 and in 2")));
}

TEST(ShardAgreementTest, ANumberThatIsNotThere) {
  EXPECT_THAT(CompareShards(nullptr,
                            {ShardOf("m-00001-of-00003.bin", {"a"}),
                             ShardOf("m-00003-of-00003.bin", {"b"})},
                            {}),
              ElementsAre(Finding(
                  Kind::kMissingNumber, true,
                  "By their names there are 3 files m-*.bin, and here are 2")));
}

TEST(ShardAgreementTest, NumbersThatThereAreNot) {
  EXPECT_THAT(
      CompareShards(nullptr,
                    {ShardOf("m-00000-of-00002.bin", {"a"}),
                     ShardOf("m-00001-of-00002.bin", {"b"}),
                     ShardOf("m-00003-of-00002.bin", {"c"})},
                    {}),
      ElementsAre(
          Finding(Kind::kWrongNumber, true, "There is no number 0 of 2"),
          Finding(Kind::kWrongNumber, true, "There is no number 3 of 2"),
          Finding(Kind::kMissingNumber, true,
                  "2 files m-*.bin, and here are "
                  "1")));
}

TEST(ShardAgreementTest, TwoCountsAreTwoRevisions) {
  const ShardIndex index =
      IndexOf({{"a", "m-00001-of-00002.bin"}, {"b", "m-00002-of-00003.bin"}});
  EXPECT_THAT(CompareShards(&index,
                            {ShardOf("m-00001-of-00002.bin", {"a"}),
                             ShardOf("m-00002-of-00003.bin", {"b"})},
                            {}),
              ElementsAre(Finding(Kind::kMissingNumber, true, "2 files"),
                          Finding(Kind::kMissingNumber, true, "3 files")));
}

TEST(ShardAgreementTest, FindingsHaveAllTensors) {
  const ShardIndex index =
      IndexOf({{"a", "1"}, {"b", "1"}, {"c", "2"}, {"d", "3"}, {"e", "3"}});
  const auto findings =
      CompareShards(&index,
                    {ShardOf("1", {"x", "y"}), ShardOf("2", {"c", "x", "y"}),
                     Broken("3", absl::NotFoundError("no such file"))},
                    {});
  ASSERT_EQ(findings.size(), 5);
  EXPECT_THAT(findings[0].tensors, ElementsAre("d", "e"));
  EXPECT_THAT(findings[1], Finding(Kind::kRepeatedTensor, true,
                                   "Tensors \"x\" and 1 more are in 1 and in "
                                   "2"));
  EXPECT_THAT(findings[1].tensors, ElementsAre("x", "y"));
  EXPECT_EQ(findings[2].file, "1");
  EXPECT_THAT(findings[2].tensors, ElementsAre("a", "b"));
  EXPECT_THAT(findings[3].tensors, ElementsAre("x", "y"));
  EXPECT_THAT(findings[4].tensors, ElementsAre("x", "y"));
}

TEST(ShardAgreementTest, OtherFilesAndTotalsAreNotesBehindErrors) {
  ShardIndex index = IndexOf({{"a", "1"}, {"b", "1"}});
  index.total_size_bytes = 5;
  EXPECT_THAT(CompareShards(&index, {ShardOf("1", {"a"})}, {"x.bin", "y.bin"}),
              ElementsAre(Finding(Kind::kMissingTensor, true, "\"b\""),
                          Finding(Kind::kTotalSize, false,
                                  "counts 5 bytes of tensors, and there are 4"),
                          Finding(Kind::kOtherFile, false,
                                  "2 files are not in the index, and ignored: "
                                  "x.bin, y.bin")));
}

TEST(ShardNumberTest, ReadsNames) {
  const auto number = ParseShardNumber("a-of-b/model-00002-of-00007.fp16.bin");
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(number->number, 2);
  EXPECT_EQ(number->count, 7);
  EXPECT_EQ(number->around, "a-of-b/model-*.fp16.bin");
  for (const std::string name :
       {"model.bin", "model-of-.bin", "x-1-of-.bin", "x-a-of-2.bin",
        "x-99999999999999999999-of-2.bin"}) {
    EXPECT_FALSE(ParseShardNumber(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace hoist
