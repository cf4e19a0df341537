// Every file that the real libraries wrote into testdata/, held against what
// the same libraries say is in it, bit for bit.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using Json = nlohmann::json;

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

class GoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenTest() {
    std::ifstream in(
        std::filesystem::path(GetParam()).replace_extension("expected.json"));
    expected_ = Json::parse(in);
  }

  // What expected.json says of a value that is no tensor of torch's; null if
  // nothing.
  Json ObjectAt(const std::string& path) const {
    for (const Json& object : expected_.value("objects", Json::array())) {
      if (object[0] == path) {
        return object;
      }
    }
    return nullptr;
  }

  // Whether a tensor is one that the library does not list: an array of
  // numpy's, the scales of a quantized tensor, inside an object that it did not
  // look into, or a module's buffer outside of its state dict.
  bool IsExtra(const Catalog& catalog, const std::string& name) const {
    for (const TensorEntry& tensor : catalog.tensors) {
      if (tensor.name == name && !tensor.is_persistent) {
        return true;
      }
    }
    if (const Json object = ObjectAt(name);
        !object.is_null() && object[1] == "numpy.ndarray") {
      return true;
    }
    for (const Json& tensor : expected_["tensors"]) {
      const std::string dtype = tensor["dtype"];
      const std::string prefix = absl::StrCat(std::string(tensor["name"]), ".");
      if (absl::StartsWith(dtype, "q") && absl::StartsWith(name, prefix)) {
        return true;
      }
    }
    if (!expected_.contains("opaque")) {
      return false;
    }
    for (const Json& opaque : expected_["opaque"]) {
      const std::string path = opaque["path"];
      if (name == path || absl::StartsWith(name, path + ".")) {
        return true;
      }
    }
    return false;
  }

  Json expected_;
  ThreadPool pool_{2};
};

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, ::testing::ValuesIn(GoldenFiles()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             c = std::isalnum(static_cast<unsigned char>(c))
                                     ? c
                                     : '_';
                           }
                           return name;
                         });

TEST(GoldenFilesTest, AreThere) { EXPECT_GE(GoldenFiles().size(), 51u); }

std::string DigestOf(const Tensor& tensor) {
  Sha256 sha256;
  ForEachContiguousRun(
      tensor, [&sha256](absl::Span<const uint8_t> run) { sha256.Update(run); });
  return sha256.FinishHex();
}

// Names as JSON has them: what is not UTF-8 replaced.
std::string JsonName(const std::string& name) {
  return Json::parse(
      Json(name).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json JsonOf(const TensorEntry& tensor,
            const std::optional<std::string>& digest) {
  return {{"dtype", std::string(DTypeName(tensor.spec.dtype))},
          {"shape", tensor.spec.shape},
          {"strides", tensor.spec.strides},
          {"nbytes", *LogicalBytes(tensor.spec)},
          {"storage_offset", tensor.storage_offset},
          {"requires_grad", tensor.requires_grad},
          {"location", tensor.location},
          {"sha256", digest ? Json(*digest) : Json(nullptr)}};
}

TEST_P(GoldenTest, TensorsAreThoseThatTheLibrarySees) {
  const auto checkpoint = Checkpoint::Open(GetParam());
  HOIST_ASSERT_OK(checkpoint.status());
  const Catalog& catalog = checkpoint->catalog();
  EXPECT_EQ(std::string(FormatName(catalog.format)), expected_["format"]);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto digests, TensorDigests(catalog, checkpoint->files(), &pool_));
  size_t next = 0;
  const Json& tensors = expected_["tensors"];
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    const bool is_next =
        next < tensors.size() && JsonName(tensor.name) == tensors[next]["name"];
    if (!is_next && IsExtra(catalog, tensor.name)) {
      continue;
    }
    ASSERT_LT(next, tensors.size()) << "not expected: " << tensor.name;
    Json want = tensors[next++];
    EXPECT_EQ(JsonName(tensor.name), want["name"]);
    want.erase("name");
    EXPECT_EQ(JsonOf(tensor, digests[i]), want) << tensor.name;
  }
  EXPECT_EQ(next, tensors.size());
}

TEST_P(GoldenTest, LoadedBytesAreThoseOfTheLibrary) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(GetParam()));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                             Load(checkpoint, {.pool = &pool_}));
  size_t next = 0;
  const Json& tensors = expected_["tensors"];
  for (const auto& [name, tensor] : result.tensors) {
    // Those without data are not loaded.
    while (next < tensors.size() && tensors[next]["sha256"].is_null()) {
      ++next;
    }
    const bool is_next =
        next < tensors.size() && JsonName(name) == tensors[next]["name"];
    if (!is_next && IsExtra(checkpoint.catalog(), name)) {
      continue;
    }
    ASSERT_LT(next, tensors.size()) << "not expected: " << name;
    EXPECT_EQ(DigestOf(tensor), tensors[next]["sha256"]) << name;
    ++next;
  }
}

// The numbers of a tensor, row by row.
std::vector<double> NumbersOf(const Tensor& tensor) {
  const auto element_bytes =
      static_cast<size_t>(DTypeBits(tensor.spec().dtype) / 8);
  std::vector<double> numbers;
  ForEachContiguousRun(tensor, [&](absl::Span<const uint8_t> run) {
    for (size_t at = 0; at < run.size(); at += element_bytes) {
      const ElementValue value =
          DecodeElement(tensor.spec().dtype, run.data() + at);
      if (const auto* integer = std::get_if<int64_t>(&value)) {
        numbers.push_back(static_cast<double>(*integer));
      } else {
        numbers.push_back(std::get<double>(value));
      }
    }
  });
  return numbers;
}

void AppendNumbers(const Json& values, std::vector<double>& numbers) {
  if (!values.is_array()) {
    numbers.push_back(values);
    return;
  }
  for (const Json& value : values) {
    AppendNumbers(value, numbers);
  }
}

TEST_P(GoldenTest, NumpyArraysAreLoadedAsTensors) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(GetParam()));
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                             Load(checkpoint, {.pool = &pool_}));
  for (const Json& object : expected_.value("objects", Json::array())) {
    if (object[1] != "numpy.ndarray") {
      continue;
    }
    const std::string path = object[0];
    const Tensor* const tensor = result.tensors.Find(path);
    ASSERT_NE(tensor, nullptr) << path;
    std::vector<int64_t> shape = object[2]["shape"];
    const bool is_text =
        absl::StrContains(std::string(object[2]["dtype"]), 'U');
    if (is_text) {
      // Characters of four bytes.
      shape.push_back(4 * std::stoi(std::string(object[2]["dtype"]).substr(2)));
      EXPECT_EQ(tensor->spec().dtype, DType::kUint8) << path;
    } else {
      std::vector<double> numbers;
      AppendNumbers(object[2]["values"], numbers);
      EXPECT_EQ(NumbersOf(*tensor), numbers) << path;
    }
    EXPECT_EQ(tensor->spec().shape, shape) << path;
  }
}

// Values under their paths, the first of each, as expected.json names them.
void ListValues(Value value, const std::string& path, int depth,
                std::map<std::string, Value>& values) {
  if (depth > 20 || !values.emplace(path, value).second) {
    return;
  }
  const auto inner = [&path, depth](const std::string& key) {
    return depth == 0 ? key : absl::StrCat(path, ".", key);
  };
  switch (value.kind()) {
    case ValueKind::kDict:
      for (size_t i = 0; i < value.size(); ++i) {
        ListValues(value.value(i), inner(ValueText(value.key(i))), depth + 1,
                   values);
      }
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      for (size_t i = 0; i < value.size(); ++i) {
        ListValues(value[i], inner(absl::StrCat(i)), depth + 1, values);
      }
      break;
    default:
      break;
  }
}

// A value as expected.json shows it.
Json JsonOf(Value value) {
  switch (value.kind()) {
    case ValueKind::kNone:
      return nullptr;
    case ValueKind::kBool:
      return value.AsBool();
    case ValueKind::kString:
      return std::string(value.AsString());
    case ValueKind::kBytes:
      return absl::BytesToHexString(value.AsString());
    case ValueKind::kTuple:
      if (value.ClassName() == "torch.Size") {
        std::vector<int64_t> sizes;
        for (size_t i = 0; i < value.size(); ++i) {
          sizes.push_back(value[i].AsInt());
        }
        return absl::StrCat("torch.Size(", ShapeString(sizes), ")");
      }
      return value.size();
    case ValueKind::kList:
    case ValueKind::kDict:
    case ValueKind::kSet:
      return value.size();
    default:
      return ValueText(value);
  }
}

TEST_P(GoldenTest, OtherValuesAreThoseThatTheLibrarySees) {
  if (!expected_.contains("objects")) {
    return;
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(GetParam()));
  std::map<std::string, Value> values;
  ListValues(checkpoint.catalog().root(), "", 0, values);
  for (const Json& object : expected_["objects"]) {
    const std::string path = object[0];
    const auto found = values.find(path);
    if (found == values.end()) {
      // Below a key that expected.json writes otherwise, or inside an object.
      continue;
    }
    const Value value = found->second;
    if (value.kind() == ValueKind::kOpaque ||
        value.kind() == ValueKind::kClass) {
      continue;
    }
    EXPECT_EQ(value.ClassName(), object[1]) << path;
    if (absl::StartsWith(value.ClassName(), "numpy.") &&
        !object[2].is_object()) {
      EXPECT_EQ(ValueText(value), object[2]) << path;
    } else if (!object[2].is_object()) {
      EXPECT_EQ(JsonOf(value), object[2]) << path;
    }
  }
}

}  // namespace
}  // namespace hoist
