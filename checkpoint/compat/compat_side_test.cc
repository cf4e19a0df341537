#include "hoist/checkpoint/compat/compat_side.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string Manifest(absl::string_view entries) {
  return "{\"schema\": \"hoist.manifest/1\", \"tensors\": [" +
         std::string(entries) + "]}";
}

TEST(ModelManifestTest, RoundTrips) {
  CompatSide side;
  side.tensors = {{"a.\"b\"", DType::kBfloat16, {2, 0}},
                  {"c", DType::kInt64, {}},
                  {.name = "d._extra_state", .is_tensor = false},
                  {"e", DType::kBfloat16, {2, 0}}};
  side.ties = {{"e", "a.\"b\""}};
  const std::string text = ModelManifestText(side);
  EXPECT_TRUE(IsModelManifest(text));
  const auto parsed = ParseModelManifest(text);
  HOIST_ASSERT_OK(parsed.status());
  EXPECT_EQ(parsed->tensors, side.tensors);
  EXPECT_EQ(parsed->ties, side.ties);
}

TEST(ModelManifestTest, WhatAPersonWrites) {
  const auto parsed = ParseModelManifest(
      Manifest(R"({"shape": [3], "name": "w", "dtype": "half", "note": 1})"));
  HOIST_ASSERT_OK(parsed.status());
  EXPECT_THAT(parsed->tensors,
              ElementsAre(TensorOutline{"w", DType::kFloat16, {3}}));
}

TEST(ModelManifestTest, RefusesWhatIsNone) {
  const std::pair<std::string, const char*> cases[] = {
      {"{", "is not valid JSON"},
      {"[]", "is not valid JSON"},
      {R"({"schema": "hoist.manifest/2", "tensors": []})", "another schema"},
      {R"({"schema": "hoist.manifest/1"})", "no array \"tensors\""},
      {Manifest("1"), "no name in tensors[0]"},
      {Manifest(R"({"name": "w", "dtype": "f", "shape": []})"),
       "no dtype of PyTorch in tensors[0] (w)"},
      {Manifest(R"({"name": "w", "dtype": "float32"})"), "has no shape"},
      {Manifest(R"({"name": "w", "dtype": "float32", "shape": [-1]})"),
       "a size that is none"},
      {Manifest(R"({"name": "w", "dtype": "float32", "shape": [1.5]})"),
       "a size that is none"},
      {Manifest(
           R"({"name": "w", "dtype": "float32",
               "shape": [4294967296, 4294967296, 4294967296]})"),
       "absurd shape"},
      {Manifest(R"({"name": "w"}, {"name": "w"})"), "a name twice: w"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = ParseModelManifest(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(parsed.status().message(), HasSubstr(message)) << text;
  }
}

TEST(SideOfTest, AnEnvelopeAndItsTies) {
  const auto envelope = Checkpoint::Open(
      "checkpoint/compat/testdata/torch-2.11/envelope.file.pt");
  HOIST_ASSERT_OK(envelope.status());
  EXPECT_THAT(SideOf(envelope->catalog()).envelopes, Contains("state_dict."));
  const auto tied = Checkpoint::Open(
      "checkpoint/compat/testdata/torch-2.11/tied_head.target.pt");
  HOIST_ASSERT_OK(tied.status());
  EXPECT_THAT(SideOf(tied->catalog()).ties,
              ElementsAre(Pair("lm_head.weight", "wte.weight")));
}

TEST(SideOfTest, ExtraStateIsAPartOfAStateDict) {
  const auto file = Checkpoint::Open(
      "checkpoint/compat/testdata/torch-2.11/extra_state.file.pt");
  HOIST_ASSERT_OK(file.status());
  EXPECT_THAT(
      SideOf(file->catalog()).tensors,
      Contains(TensorOutline{.name = "0._extra_state", .is_tensor = false}));
}

}  // namespace
}  // namespace hoist
