#ifndef HOIST_TOOLS_UI_JSON_TEXT_H_
#define HOIST_TOOLS_UI_JSON_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace hoist {

// Keys stay in the order in which they are added.
using Json = nlohmann::ordered_json;

// One line of valid JSON, ending with "\n". What is not UTF-8 in a string
// becomes U+FFFD, byte by byte or sequence by sequence. Thread-safe.
std::string JsonText(const Json& json);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_JSON_TEXT_H_
