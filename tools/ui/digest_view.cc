#include "hoist/tools/ui/digest_view.h"

#include "absl/strings/str_cat.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {

std::string DigestView(const Catalog& catalog,
                       const std::vector<std::optional<std::string>>& digests,
                       const Terminal& terminal) {
  constexpr size_t kMaxNameWidth = 200;
  TextTable table;
  for (size_t i = 0; i < digests.size(); ++i) {
    table.AddRow(
        {{.text = digests[i].value_or("no data"), .style = TextStyle::kDim},
         {.text = DisplayText(catalog.tensors[i].name, kMaxNameWidth)}});
  }
  return absl::StrCat(
      "\n",
      Styled("SHA-256 of the elements", TextStyle::kBold, terminal.has_color),
      "\n", table.Render(terminal.has_color, 2));
}

}  // namespace hoist
