#ifndef HOIST_TOOLS_UI_TEXT_TABLE_H_
#define HOIST_TOOLS_UI_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoist {

enum class TextStyle { kPlain, kBold, kDim, kGreen, kYellow, kRed };

// `text` with the escape sequences for `style` around it, if `has_color`.
std::string Styled(absl::string_view text, TextStyle style, bool has_color);

// Lines of cells in columns as wide as their widest cell, two spaces apart.
// Thread-compatible.
class TextTable {
 public:
  struct Cell {
    std::string text;  // safe to show: see DisplayText
    TextStyle style = TextStyle::kPlain;
    bool align_right = false;
    // Does not make its column wider: may run over into empty cells.
    bool is_wide = false;
  };

  void AddRow(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  size_t size() const { return rows_.size(); }

  // Every line starts with `indent` spaces and ends with "\n", without blanks
  // before it.
  std::string Render(bool has_color, size_t indent = 0) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_TEXT_TABLE_H_
