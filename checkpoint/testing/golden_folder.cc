#include "hoist/checkpoint/testing/golden_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "gtest/gtest.h"
#include "hoist/core/hash/sha256.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using Json = nlohmann::json;

constexpr char kExpected[] = ".expected.json";

// What expected.json says of each tensor, by name.
std::map<std::string, Json> ExpectedTensors(const std::string& folder) {
  std::ifstream in(folder + kExpected);
  const Json expected = Json::parse(in);
  std::map<std::string, Json> tensors;
  for (const Json& tensor : expected["tensors"]) {
    tensors[tensor["name"]] = tensor;
  }
  return tensors;
}

}  // namespace

std::vector<std::string> GoldenFolders() {
  std::vector<std::string> folders;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator("checkpoint/testdata")) {
    const std::string path = entry.path();
    if (entry.is_directory() && std::filesystem::exists(path + kExpected)) {
      folders.push_back(path);
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

void ExpectElementsOfLibrary(const std::string& folder, const Catalog& catalog,
                             absl::Span<const std::string> elements) {
  const std::map<std::string, Json> expected = ExpectedTensors(folder);
  ASSERT_EQ(catalog.tensors.size(), expected.size());
  ASSERT_EQ(elements.size(), expected.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    const auto want = expected.find(tensor.name);
    ASSERT_NE(want, expected.end()) << tensor.name;
    EXPECT_EQ(Json(tensor.spec.shape), want->second["shape"]) << tensor.name;
    Sha256 sha256;
    sha256.Update({reinterpret_cast<const uint8_t*>(elements[i].data()),
                   elements[i].size()});
    EXPECT_EQ(sha256.FinishHex(), want->second["sha256"]) << tensor.name;
  }
}

void ExpectTensorsOfLibrary(const std::string& folder,
                            const StateDict& tensors) {
  const std::map<std::string, Json> expected = ExpectedTensors(folder);
  ASSERT_EQ(tensors.size(), expected.size());
  for (const auto& [name, tensor] : tensors) {
    const auto want = expected.find(name);
    ASSERT_NE(want, expected.end()) << name;
    EXPECT_EQ(std::string(DTypeName(tensor.spec().dtype)),
              want->second["dtype"])
        << name;
    EXPECT_EQ(Json(tensor.spec().shape), want->second["shape"]) << name;
    Sha256 sha256;
    ForEachContiguousRun(tensor, [&sha256](absl::Span<const uint8_t> run) {
      sha256.Update(run);
    });
    EXPECT_EQ(sha256.FinishHex(), want->second["sha256"]) << name;
  }
}

}  // namespace hoist
