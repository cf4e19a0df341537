#include "hoist/tools/ui/text_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"

namespace hoist {
namespace {

constexpr size_t kGap = 2;

absl::string_view EscapeSequence(TextStyle style) {
  switch (style) {
    case TextStyle::kPlain:
      return "";
    case TextStyle::kBold:
      return "\x1b[1m";
    case TextStyle::kDim:
      return "\x1b[2m";
    case TextStyle::kGreen:
      return "\x1b[32m";
    case TextStyle::kYellow:
      return "\x1b[33m";
    case TextStyle::kRed:
      return "\x1b[1;31m";
  }
  return "";
}

}  // namespace

std::string Styled(absl::string_view text, TextStyle style, bool has_color) {
  if (!has_color || style == TextStyle::kPlain || text.empty()) {
    return std::string(text);
  }
  return absl::StrCat(EscapeSequence(style), text, "\x1b[0m");
}

std::string TextTable::Render(bool has_color, size_t indent) const {
  std::vector<size_t> widths;
  for (const std::vector<Cell>& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t column = 0; column < row.size(); ++column) {
      if (!row[column].is_wide) {
        widths[column] =
            std::max(widths[column], DisplayWidth(row[column].text));
      }
    }
  }
  std::string text;
  for (const std::vector<Cell>& row : rows_) {
    size_t line_width = 0;    // columns written
    size_t column_start = 0;  // where the cell's column is
    std::string line;
    for (size_t column = 0; column < row.size(); ++column) {
      const Cell& cell = row[column];
      if (!cell.text.empty()) {
        const size_t width = DisplayWidth(cell.text);
        size_t start = column_start;
        if (cell.align_right && width < widths[column]) {
          start += widths[column] - width;
        }
        // After a cell that ran over.
        if (start < line_width + (line_width > 0 ? kGap : 0)) {
          start = line_width + kGap;
        }
        line.append(start - line_width, ' ');
        line += Styled(cell.text, cell.style, has_color);
        line_width = start + width;
      }
      if (widths[column] > 0) {
        column_start += widths[column] + kGap;
      }
    }
    if (!line.empty()) {
      text.append(indent, ' ');
    }
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

}  // namespace hoist
