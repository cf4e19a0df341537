#include "hoist/checkpoint/formats/detect/pickle_files.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using namespace std::string_literals;  // NOLINT: zeros in literals

bool IsPickle(const std::string& content) {
  const MemoryFile file(content);
  const auto is_pickle = IsBarePickle(file, content.substr(0, 4096));
  HOIST_EXPECT_OK(is_pickle.status());
  return is_pickle.ok() && *is_pickle;
}

// So long that it is not read as a whole.
const std::string kLong(100'000, 'x');

TEST(IsBarePickleTest, ProtocolsThatSaySo) {
  for (char protocol = 0; protocol <= 5; ++protocol) {
    EXPECT_TRUE(IsPickle("\x80"s + protocol + kLong));
  }
  EXPECT_FALSE(IsPickle("\x80\x06" + kLong));
  EXPECT_FALSE(IsPickle("\x80\xff" + kLong));
}

TEST(IsBarePickleTest, OlderOnesByHowTheyBegin) {
  EXPECT_TRUE(IsPickle("(dp0\n" + kLong));
  EXPECT_TRUE(IsPickle("(lp12\n" + kLong));
  EXPECT_TRUE(IsPickle("}q\0"s + kLong));
  EXPECT_TRUE(IsPickle("]q\0"s + kLong));
  EXPECT_TRUE(IsPickle("ccollections\nOrderedDict\np0\n" + kLong));
  EXPECT_TRUE(IsPickle("ccopy_reg\n_reconstructor\n(" + kLong));
}

TEST(IsBarePickleTest, TextThatBeginsAlikeIsNone) {
  EXPECT_FALSE(IsPickle("(dplyr)\n" + kLong));
  EXPECT_FALSE(IsPickle("class A:\n  pass\n" + kLong));
  EXPECT_FALSE(IsPickle("clusters\nfound\nnone\n" + kLong));
  EXPECT_FALSE(IsPickle("c\n\n(" + kLong));
  EXPECT_FALSE(IsPickle("cos\nsystem\n"));
  EXPECT_FALSE(IsPickle("cos\nsystem"));
  EXPECT_FALSE(IsPickle("c"));
  EXPECT_FALSE(IsPickle(kLong));
}

TEST(IsBarePickleTest, SmallOnesByBeingWhole) {
  EXPECT_TRUE(IsPickle("(I1\nS'two'\nt."));
  EXPECT_TRUE(IsPickle("N."));
  // The machine has no result, a byte too many, an opcode that is none.
  EXPECT_FALSE(IsPickle("."));
  EXPECT_FALSE(IsPickle("(I1\nS'two'\nt.\n"));
  EXPECT_FALSE(IsPickle("(I1\nS'two'\nt"));
  EXPECT_FALSE(IsPickle("N{."));
  EXPECT_FALSE(IsPickle("Never."));
}

}  // namespace
}  // namespace hoist
