#include "hoist/tools/ui/json_text.h"

namespace hoist {

std::string JsonText(const Json& json) {
  return json.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace) +
         "\n";
}

}  // namespace hoist
