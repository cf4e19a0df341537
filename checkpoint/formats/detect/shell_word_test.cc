#include "hoist/checkpoint/formats/detect/shell_word.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(ShellWordTest, QuotesWhatIsNotPlain) {
  EXPECT_EQ(ShellWord("runs/model-1_2.pt"), "runs/model-1_2.pt");
  EXPECT_EQ(ShellWord("it's mine.pt"), "'it'\\''s mine.pt'");
  EXPECT_EQ(ShellWord("$(rm)"), "'$(rm)'");
  EXPECT_EQ(ShellWord(""), "''");
}

TEST(ShellWordTest, FileNameIsTheEndOfThePath) {
  EXPECT_EQ(FileName("a/b.pt"), "b.pt");
  EXPECT_EQ(FileName("b.pt"), "b.pt");
}

}  // namespace
}  // namespace hoist
