#include "hoist/tools/ui/text_table.h"

#include "gtest/gtest.h"

namespace hoist {
namespace {

TEST(TextTableTest, AlignsColumns) {
  TextTable table;
  table.AddRow({{"a"}, {"1", TextStyle::kPlain, true}, {"x"}});
  table.AddRow({{"重み"}, {"100", TextStyle::kPlain, true}, {""}});
  EXPECT_EQ(table.Render(false), "a       1  x\n重み  100\n");
  EXPECT_EQ(table.Render(false, 2), "  a       1  x\n  重み  100\n");
}

TEST(TextTableTest, WideCellsDoNotWidenTheirColumn) {
  TextTable table;
  table.AddRow({{"long title", TextStyle::kPlain, false, true}});
  table.AddRow({{"a"}, {"b"}});
  table.AddRow({{"longer", TextStyle::kPlain, false, true}, {"b"}});
  EXPECT_EQ(table.Render(false), "long title\na  b\nlonger  b\n");
}

TEST(TextTableTest, ColumnsWithoutTextTakeNoRoom) {
  TextTable table;
  table.AddRow({{"a"}, {""}, {"b"}});
  EXPECT_EQ(table.Render(false), "a  b\n");
}

TEST(TextTableTest, ColorsDoNotCountAsWidth) {
  TextTable table;
  table.AddRow({{"a", TextStyle::kBold}, {"b"}});
  table.AddRow({{"aa"}, {"b"}});
  EXPECT_EQ(table.Render(true), "\x1b[1ma\x1b[0m   b\naa  b\n");
}

}  // namespace
}  // namespace hoist
