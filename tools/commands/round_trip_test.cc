// Every golden file through Hoist's own format, PyTorch's and that again: what
// `hoist inspect` says of it stays.

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/temp_directory.h"
#include "hoist/tools/commands/hoist_program.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr char kFolder[] = "checkpoint/testdata";

std::vector<std::string> GoldenFiles() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(kFolder)) {
    const std::string path = entry.path();
    if (std::filesystem::exists(
            std::filesystem::path(path).replace_extension("expected.json")) &&
        !absl::EndsWith(path, ".json")) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class RoundTripTest : public ::testing::TestWithParam<std::string> {
 protected:
  int Hoist(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    CommandContext context;
    context.out = &out_;
    context.err = &err_;
    return RunHoist(arguments, context);
  }
  int Convert(const std::string& from, const std::string& to,
              const std::string& format) {
    return Hoist({"convert", "-q", from, to, absl::StrCat("--to=", format)});
  }

  json Inspect(const std::string& path) {
    EXPECT_EQ(Hoist({"inspect", "--json", "--digests", path}), 0) << err_.str();
    return json::parse(out_.str());
  }
  // What does not depend on where and in what order storages lie: tensors by
  // name, with the number of the first that shares their storage.
  static json Meaning(const json& inspected) {
    json meaning;
    std::map<int, size_t> first;
    meaning["objects"] = inspected["objects"];
    for (json tensor : inspected["tensors"]) {
      if (tensor.contains("storage") && tensor["storage"].is_number()) {
        tensor["storage"] =
            first.emplace(tensor["storage"], meaning["tensors"].size())
                .first->second;
      }
      // A part of a storage may be all that is needed of it.
      tensor.erase("storage_offset");
      meaning["tensors"].push_back(tensor);
    }
    return meaning;
  }
  // All values, as text.
  std::string Values(const std::string& path) {
    EXPECT_EQ(Hoist({"inspect", "--values", path}), 0) << err_.str();
    return out_.str();
  }

  const TempDirectory folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_P(RoundTripTest, NativeTorchNative) {
  const std::string first = folder_.path("first.hoist");
  ASSERT_EQ(Convert(GetParam(), first, "native"), 0) << err_.str();
  EXPECT_EQ(Meaning(Inspect(first)), Meaning(Inspect(GetParam())));
  EXPECT_EQ(Values(first), Values(GetParam()));

  const std::string torch = folder_.path("torch.pt");
  ASSERT_EQ(Convert(first, torch, "torch"), 0) << err_.str();
  const std::string again = folder_.path("again.hoist");
  ASSERT_EQ(Convert(torch, again, "native"), 0) << err_.str();
  json before = Meaning(Inspect(first));
  if (absl::EndsWith(GetParam(), ".pt2")) {
    // Constants of a program are no part of its state dict.
    json& tensors = before["tensors"];
    tensors.erase(std::remove_if(
                      tensors.begin(), tensors.end(),
                      [](const json& tensor) { return !tensor["persistent"]; }),
                  tensors.end());
    EXPECT_EQ(Meaning(Inspect(again)), before);
    return;
  }
  json after = Meaning(Inspect(again));
  if (absl::StrContains(GetParam(), "/script_")) {
    // Which attributes are a program's state its code says, and no pickle of
    // its objects.
    for (json* const meaning : {&before, &after}) {
      for (json& tensor : (*meaning)["tensors"]) {
        tensor.erase("persistent");
      }
    }
  }
  EXPECT_EQ(after, before);
  EXPECT_EQ(Values(again), Values(first));
}

TEST_P(RoundTripTest, Safetensors) {
  const std::string file = folder_.path("a.safetensors");
  if (Convert(GetParam(), file, "safetensors") != 0) {
    EXPECT_THAT(err_.str(),
                AnyOf(HasSubstr("safetensors has no dtype"),
                      HasSubstr("that of two tensors"),
                      HasSubstr("is not UTF-8"), HasSubstr("quantized")));
    return;
  }
  std::map<std::string, json> source;
  const json inspected = Inspect(GetParam());
  for (const json& tensor : inspected["tensors"]) {
    source[tensor["name"]] = tensor;
  }
  const json written = Inspect(file);
  for (const json& tensor : written["tensors"]) {
    const json& wanted = source[tensor["name"]];
    EXPECT_EQ(tensor["dtype"], wanted["dtype"]) << tensor["name"];
    EXPECT_EQ(tensor["shape"], wanted["shape"]) << tensor["name"];
    EXPECT_EQ(tensor["sha256"], wanted["sha256"]) << tensor["name"];
  }
}

// Of a program its tensors are written, and what is not is said.
TEST(ProgramTest, SaysWhatIsLeftOut) {
  const TempDirectory folder;
  std::ostringstream out;
  std::ostringstream err;
  CommandContext context;
  context.out = &out;
  context.err = &err;
  ASSERT_EQ(RunHoist({"convert",
                      absl::StrCat(kFolder, "/torch-2.11/script_quantized.pt"),
                      folder.path("a.pt")},
                     context),
            0)
      << err.str();
  EXPECT_THAT(out.str() + err.str(),
              HasSubstr("Tensors that no state dict has are left out: "
                        "1._packed_params._packed_params.0, "
                        "1._packed_params._packed_params.1"));
}

INSTANTIATE_TEST_SUITE_P(
    Golden, RoundTripTest, ::testing::ValuesIn(GoldenFiles()),
    [](const ::testing::TestParamInfo<std::string>& info) {
      std::string name = info.param.substr(sizeof(kFolder));
      for (char& c : name) {
        c = absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_';
      }
      return name;
    });

}  // namespace
}  // namespace hoist
