#include "hoist/checkpoint/compat/torch_releases.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TorchUse Plain() {
  return {.format = Format::kTorchZip,
          .container_version = "3",
          .pickle_protocol = 2,
          .globals = {{"collections", "OrderedDict"},
                      {"torch._utils", "_rebuild_tensor_v2"},
                      {"torch", "FloatStorage"}},
          .dtypes = {DType::kFloat32}};
}

std::string Text(std::optional<TorchRelease> release) {
  return release ? TorchReleaseText(*release) : "none";
}

TEST(TorchReleaseTest, Parses) {
  EXPECT_EQ(Text(*ParseTorchRelease("1.13")), "1.13");
  EXPECT_EQ(Text(*ParseTorchRelease("2.4.1")), "2.4");
  EXPECT_EQ(Text(*ParseTorchRelease("2.1.0+cu118")), "2.1");
  EXPECT_EQ(Text(*ParseTorchRelease("2.11a0")), "2.11");
  for (const char* const text : {"", "2", "two.one", "2.", ".1", "-1.2"}) {
    EXPECT_FALSE(ParseTorchRelease(text).ok()) << text;
  }
  EXPECT_LT((TorchRelease{2, 4}), (TorchRelease{2, 11}));
}

TEST(TorchReleasesTest, APlainStateDict) {
  const TorchReleases releases = FindTorchReleases(Plain());
  EXPECT_EQ(releases.reader, "torch.load");
  EXPECT_EQ(Text(releases.first), "1.6");
  EXPECT_EQ(Text(releases.first_safe), "1.13");
  EXPECT_THAT(releases.refusals, IsEmpty());
}

// Row by row: a file that asks for nothing newer than the row's.
TEST(TorchReleasesTest, EveryDType) {
  int rows = 0;
  for (const TorchFact& fact : TorchFacts()) {
    if (fact.kind != TorchFact::Kind::kDType) {
      continue;
    }
    ++rows;
    TorchUse use = Plain();
    ASSERT_TRUE(DTypeFromName(fact.name)) << fact.name;
    use.dtypes.push_back(*DTypeFromName(fact.name));
    EXPECT_EQ(FindTorchReleases(use).first,
              std::max(fact.since, TorchRelease{1, 6}))
        << fact.name;
  }
  EXPECT_GE(rows, 20);
}

TEST(TorchReleasesTest, EveryGlobal) {
  for (const TorchFact& fact : TorchFacts()) {
    if (fact.kind != TorchFact::Kind::kGlobal &&
        fact.kind != TorchFact::Kind::kSafeGlobal) {
      continue;
    }
    TorchUse use = Plain();
    const size_t dot = fact.name.rfind('.');
    use.globals.emplace_back(fact.name.substr(0, dot),
                             fact.name.substr(dot + 1));
    const TorchReleases releases = FindTorchReleases(use);
    if (fact.kind == TorchFact::Kind::kGlobal) {
      EXPECT_EQ(releases.first, std::max(fact.since, TorchRelease{1, 6}))
          << fact.name;
    } else {
      ASSERT_TRUE(releases.first_safe) << fact.name;
      EXPECT_GE(*releases.first_safe, fact.since) << fact.name;
    }
  }
}

TEST(TorchReleasesTest, SaysWhatStopsOlderOnes) {
  TorchUse use = Plain();
  use.dtypes.push_back(DType::kFloat8E4m3fn);
  const TorchReleases releases = FindTorchReleases(use);
  EXPECT_EQ(releases.limits[0].what, "dtype float8_e4m3fn");
  EXPECT_THAT(releases.limits[0].source, HasSubstr("3.4"));
}

TEST(TorchReleasesTest, WhatWeightsOnlyRefuses) {
  TorchUse use = Plain();
  use.globals.emplace_back("numpy._core.multiarray", "scalar");
  const TorchReleases numpy = FindTorchReleases(use);
  EXPECT_EQ(Text(numpy.first), "1.6");
  EXPECT_EQ(Text(numpy.first_safe), "none");
  EXPECT_THAT(numpy.refusals,
              Contains(HasSubstr("numpy._core.multiarray.scalar")));
  EXPECT_THAT(numpy.remarks, Contains(HasSubstr("numpy 2")));

  use = Plain();
  use.pickle_protocol = 4;
  EXPECT_EQ(Text(FindTorchReleases(use).first_safe), "none");
  use.pickle_protocol = 0;
  EXPECT_EQ(Text(FindTorchReleases(use).first_safe), "none");
}

TEST(TorchReleasesTest, OtherFormats) {
  const auto of = [](Format format) {
    return FindTorchReleases({.format = format});
  };
  EXPECT_EQ(Text(of(Format::kTorchTar).first), "0.1");
  EXPECT_EQ(Text(of(Format::kTorchTar).first_safe), "none");
  EXPECT_EQ(of(Format::kTorchScript).reader, "torch.jit.load");
  EXPECT_EQ(Text(of(Format::kTorchScript).first_safe), "none");
  EXPECT_EQ(of(Format::kSafetensors).reader, "safetensors.torch.load_file");
  EXPECT_NE(Text(of(Format::kSafetensors).first_safe), "none");
}

}  // namespace
}  // namespace hoist
