#ifndef HOIST_TOOLS_COMMANDS_COMMAND_TEST_H_
#define HOIST_TOOLS_COMMANDS_COMMAND_TEST_H_

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/temp_directory.h"
#include "hoist/tools/commands/hoist_program.h"
#include "nlohmann/json.hpp"

namespace hoist {

// A safetensors file with uint8 tensors of one element.
inline std::string Safetensors(const std::vector<std::string>& names) {
  std::string header = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StrAppend(&header, i == 0 ? "" : ",", "\"", names[i],
                    R"(":{"dtype":"U8","shape":[1],"data_offsets":[)", i, ",",
                    i + 1, "]}");
  }
  header += "}";
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  length[1] = static_cast<char>(header.size() >> 8);
  return length + header + std::string(names.size(), 'x');
}

// What tests of commands have in common: hoist run inside of the test, a folder
// for its files, and what it has printed.
class CommandTest : public ::testing::Test {
 protected:
  // The checkpoint that comes with the program.
  static constexpr char kSample[] = "tools/sample/digits.pt";

  CommandTest() {
    context_.out = &out_;
    context_.err = &err_;
  }

  int Hoist(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunHoist(arguments, context_);
  }
  // Of the last run.
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  nlohmann::json Inspect(const std::string& path) {
    EXPECT_EQ(Hoist({"inspect", "--json", "--digests", path}), 0) << err();
    return nlohmann::json::parse(out());
  }
  // By name: dtype and digest of the elements.
  std::map<std::string, std::string> Tensors(const std::string& path) {
    std::map<std::string, std::string> tensors;
    const nlohmann::json inspected = Inspect(path);
    for (const nlohmann::json& tensor : inspected["tensors"]) {
      tensors[tensor["name"]] =
          absl::StrCat(tensor["dtype"].get<std::string>(), " ",
                       tensor["sha256"].get<std::string>());
    }
    return tensors;
  }

  const TempDirectory folder_;
  std::ostringstream out_;
  std::ostringstream err_;
  CommandContext context_;
};

}  // namespace hoist

#endif  // HOIST_TOOLS_COMMANDS_COMMAND_TEST_H_
