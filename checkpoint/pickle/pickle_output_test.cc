#include "hoist/checkpoint/pickle/pickle_output.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using std::string_literals::operator""s;
using ::testing::UnorderedElementsAre;

// Without PROTO and STOP.
std::string Body(PickleOutput output) {
  const std::string bytes = std::move(output).Finish();
  EXPECT_EQ(bytes.substr(0, 2), "\x80\2");
  EXPECT_EQ(bytes.back(), '.');
  return bytes.substr(2, bytes.size() - 3);
}

std::string IntBody(int64_t value) {
  PickleOutput output;
  output.Int(value);
  return Body(std::move(output));
}

TEST(PickleOutputTest, IntegersAreAsShortAsPythonWritesThem) {
  EXPECT_EQ(IntBody(0), "K\0"s);
  EXPECT_EQ(IntBody(255), "K\xff"s);
  EXPECT_EQ(IntBody(256), "M\0\1"s);
  EXPECT_EQ(IntBody(65535), "M\xff\xff"s);
  EXPECT_EQ(IntBody(65536), "J\0\0\1\0"s);
  EXPECT_EQ(IntBody(-1), "J\xff\xff\xff\xff"s);
  EXPECT_EQ(IntBody(std::numeric_limits<int32_t>::min()), "J\0\0\0\x80"s);
  EXPECT_EQ(IntBody(int64_t{1} << 31), "\x8a\5\0\0\0\x80\0"s);
  EXPECT_EQ(IntBody(-(int64_t{1} << 31) - 1), "\x8a\5\xff\xff\xff\x7f\xff"s);
  EXPECT_EQ(IntBody(std::numeric_limits<int64_t>::min()),
            "\x8a\x8\0\0\0\0\0\0\0\x80"s);
}

TEST(PickleOutputTest, LongIntegersAreMoreThanWeightsOnlyReads) {
  PickleOutput output;
  output.BigInt(std::string(255, '\1'));
  EXPECT_THAT(output.refused(), UnorderedElementsAre());
  output.BigInt(std::string(256, '\1'));
  EXPECT_THAT(output.refused(),
              UnorderedElementsAre("an integer of 256 bytes"));
  EXPECT_EQ(Body(std::move(output)), "\x8a\xff" + std::string(255, '\1') +
                                         "\x8b\0\1\0\0"s +
                                         std::string(256, '\1'));
}

TEST(PickleOutputTest, FloatsAreBigEndian) {
  PickleOutput output;
  output.Float(-2.0);
  EXPECT_EQ(Body(std::move(output)), "G\xc0\0\0\0\0\0\0\0"s);
}

std::string TextBody(const std::string& text) {
  PickleOutput output;
  HOIST_EXPECT_OK(output.Text(text));
  return Body(std::move(output));
}

TEST(PickleOutputTest, TextThatIsNotUtf8IsThatOfPython2) {
  EXPECT_EQ(TextBody("a"), "X\1\0\0\0a"s);
  EXPECT_EQ(TextBody("\xc3\xa9"), "X\2\0\0\0\xc3\xa9"s);
  EXPECT_EQ(TextBody("\xf0\x9f\x98\x80"), "X\4\0\0\0\xf0\x9f\x98\x80"s);
  // A lone surrogate, which Python writes.
  EXPECT_EQ(TextBody("\xed\xa0\x80"), "X\3\0\0\0\xed\xa0\x80"s);
  for (const std::string text :
       {"\xe9", "\xc3", "a\xc3z", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80",
        "\xe2\x82"}) {
    EXPECT_EQ(TextBody(text),
              "U" + std::string(1, static_cast<char>(text.size())) + text);
  }
  EXPECT_EQ(TextBody(std::string(256, '\xff')),
            "T\0\1\0\0"s + std::string(256, '\xff'));
}

TEST(PickleOutputTest, WhatIsSharedIsWrittenOnce) {
  PickleOutput output;
  output.SharedText("cpu");
  output.SharedClass("builtins", "set");
  output.SharedText("cpu");
  output.SharedClass("builtins", "set");
  output.SharedClass("copyreg", "_reconstructor");
  EXPECT_EQ(Body(std::move(output)),
            "X\3\0\0\0cpuq\0c__builtin__\nset\nq\1h\0h\1"s
            "ccopy_reg\n_reconstructor\nq\2"s);
}

TEST(PickleOutputTest, NumbersOfTheMemoOutgrowAByte) {
  PickleOutput output;
  for (int i = 0; i < 256; ++i) {
    output.Put();
  }
  const size_t before = Body(output).size();
  EXPECT_EQ(output.Put(), 256u);
  output.Get(255);
  output.Get(256);
  EXPECT_EQ(Body(std::move(output)).substr(before),
            "r\0\1\0\0h\xffj\0\1\0\0"s);
}

TEST(PickleOutputTest, NamesThatWeightsOnlyRefusesAreKept) {
  PickleOutput output;
  output.Class("torch._utils", "_rebuild_tensor_v2");
  output.Class("torch", "float32");
  output.Class("torch", "FloatStorage");
  output.Class("torch.storage", "UntypedStorage");
  output.Class("builtins", "complex");
  EXPECT_THAT(output.refused(), UnorderedElementsAre());
  output.Class("argparse", "Namespace");
  output.Class("builtins", "frozenset");
  output.Class("torch", "double");
  output.Class("my.torch", "FloatStorage");
  EXPECT_THAT(output.refused(),
              UnorderedElementsAre("argparse.Namespace", "frozenset",
                                   "torch.double", "my.torch.FloatStorage"));
}

}  // namespace
}  // namespace hoist
