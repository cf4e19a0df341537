#include "hoist/checkpoint/open_dcp.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/verify/verify_checkpoint.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

namespace fs = std::filesystem;

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr char kFolder[] = "checkpoint/testdata/dcp/torch-2.11";

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> GoldenFolders() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.is_directory()) {
      names.push_back(entry.path().filename());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(GoldenFoldersTest, AreThere) { EXPECT_EQ(GoldenFolders().size(), 12u); }

// Every folder that PyTorch wrote, held against what its own reader makes of
// it.
class GoldenFolderTest : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenFolderTest()
      : path_(absl::StrCat(kFolder, "/", GetParam())),
        expected_(Json::parse(ReadFile(path_ + ".expected.json"))) {
    for (const Json& tensor : expected_["tensors"]) {
      tensors_[tensor["name"]] = tensor;
    }
  }

  const std::string path_;
  const Json expected_;
  std::map<std::string, Json> tensors_;
  ThreadPool pool_{2};
};

INSTANTIATE_TEST_SUITE_P(All, GoldenFolderTest,
                         ::testing::ValuesIn(GoldenFolders()),
                         [](const auto& info) { return info.param; });

std::string DigestOf(const Tensor& tensor) {
  Sha256 sha256;
  ForEachContiguousRun(
      tensor, [&sha256](absl::Span<const uint8_t> run) { sha256.Update(run); });
  return sha256.FinishHex();
}

TEST_P(GoldenFolderTest, TensorsAreThoseOfPyTorchBitForBit) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path_, {.pool = &pool_}));
  EXPECT_EQ(std::string(FormatName(checkpoint.catalog().format)),
            expected_["format"]);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded,
                             Load(checkpoint, {.pool = &pool_}));
  EXPECT_EQ(loaded.tensors.size(), tensors_.size());
  for (const auto& [name, tensor] : loaded.tensors) {
    ASSERT_TRUE(tensors_.contains(name)) << name;
    const Json& want = tensors_[name];
    EXPECT_EQ(std::string(DTypeName(tensor.spec().dtype)), want["dtype"]);
    EXPECT_EQ(Json(tensor.spec().shape), want["shape"]) << name;
    EXPECT_EQ(DigestOf(tensor), want["sha256"]) << name;
  }
}

TEST_P(GoldenFolderTest, DigestsAreThoseOfPyTorch) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path_));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto digests,
      TensorDigests(checkpoint.catalog(), checkpoint.files(), &pool_));
  for (size_t i = 0; i < digests.size(); ++i) {
    const std::string& name = checkpoint.catalog().tensors[i].name;
    EXPECT_EQ(*digests[i], tensors_[name]["sha256"]) << name;
  }
}

// Values under their paths.
void ListValues(Value value, const std::string& path,
                std::map<std::string, Value>& values) {
  values.emplace(path, value);
  const auto inner = [&path](const std::string& key) {
    return path.empty() ? key : absl::StrCat(path, ".", key);
  };
  if (value.kind() == ValueKind::kDict) {
    for (size_t i = 0; i < value.size(); ++i) {
      ListValues(value.value(i), inner(ValueText(value.key(i))), values);
    }
  } else if (value.kind() == ValueKind::kList ||
             value.kind() == ValueKind::kTuple) {
    for (size_t i = 0; i < value.size(); ++i) {
      ListValues(value[i], inner(absl::StrCat(i)), values);
    }
  }
}

TEST_P(GoldenFolderTest, OtherValuesAreThoseOfPyTorch) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path_));
  std::map<std::string, Value> values;
  ListValues(checkpoint.catalog().root(), "", values);
  for (const Json& object : expected_["objects"]) {
    const std::string path = object[0];
    const auto found = values.find(path);
    ASSERT_NE(found, values.end()) << path;
    const Value value = found->second;
    EXPECT_EQ(value.ClassName(), object[1]) << path;
    switch (value.kind()) {
      case ValueKind::kDict:
      case ValueKind::kList:
        EXPECT_EQ(Json(value.size()), object[2]) << path;
        break;
      case ValueKind::kInt:
      case ValueKind::kFloat:
      case ValueKind::kString:
        EXPECT_EQ(ValueText(value), object[2]) << path;
        break;
      default:
        break;
    }
  }
}

TEST_P(GoldenFolderTest, IsWhole) {
  for (const VerifyLevel level :
       {VerifyLevel::kStructure, VerifyLevel::kChecksum,
        VerifyLevel::kValues}) {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const VerifyReport report,
        VerifyPath(path_, {.level = level, .pool = &pool_}));
    EXPECT_TRUE(report.damages.empty());
    if (level == VerifyLevel::kChecksum && expected_["format"] == "dcp" &&
        !absl::StrContains(path_, "safetensors")) {
      EXPECT_TRUE(report.not_possible.empty());
      EXPECT_GT(report.compared_bytes, 0u);
    }
  }
}

// A copy of a golden folder that may be changed.
class DamagedFolderTest : public ::testing::Test {
 protected:
  std::string CopyOf(const std::string& name) {
    const fs::path path =
        fs::path(::testing::TempDir()) /
        ::testing::UnitTest::GetInstance()->current_test_info()->name() / name;
    fs::remove_all(path);
    fs::create_directories(path);
    for (const auto& entry :
         fs::directory_iterator(absl::StrCat(kFolder, "/", name))) {
      std::ofstream(path / entry.path().filename(), std::ios::binary)
          << ReadFile(entry.path());
    }
    return path;
  }

  static void Write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
};

TEST_F(DamagedFolderTest, AMissingFileIsNamed) {
  const std::string path = CopyOf("dimensions_4");
  fs::remove(fs::path(path) / "__2_0.distcp");
  const absl::Status status = Checkpoint::Open(path).status();
  EXPECT_THAT(
      status,
      StatusIs(kDataLoss,
               AllOf(HasSubstr(path), HasSubstr("1 of 4 files is not"),
                     HasSubstr("__2_0.distcp, which has \"rows.even"))));
  EXPECT_THAT(HintOf(status), HasSubstr("Copy all files"));
}

TEST_F(DamagedFolderTest, AFileThatIsCutOffIsNamed) {
  const std::string path = CopyOf("pieces_transposed");
  const fs::path file = fs::path(path) / "__1_0.distcp";
  Write(file, ReadFile(file).substr(0, 1000));
  EXPECT_THAT(Checkpoint::Open(path).status(),
              StatusIs(kDataLoss,
                       AllOf(HasSubstr("Tensor \"weight\": piece [3:6, 0:5]"),
                             HasSubstr("__1_0.distcp at byte 0"),
                             HasSubstr("not inside the file's 1000"))));
}

TEST_F(DamagedFolderTest, AFileOfAnotherSaveIsFound) {
  // Of the same size, with tensors of other shapes in the same places.
  const std::string path = CopyOf("mesh_2x2");
  fs::copy_file(fs::path(path) / "__0_0.distcp",
                fs::path(path) / "__3_0.distcp",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(Checkpoint::Open(path).status(),
              StatusIs(kDataLoss, HasSubstr("Tensor \"")));
}

TEST_F(DamagedFolderTest, WithoutMetadataItIsAnIncompleteSave) {
  const std::string path = CopyOf("dimensions_2");
  fs::remove(fs::path(path) / ".metadata");
  EXPECT_THAT(Checkpoint::Open(path).status(),
              StatusIs(kDataLoss, AllOf(HasSubstr("An incomplete save"),
                                        HasSubstr("2 .distcp files"))));
}

// Where in the file the numbers from `first` to `first` + 3 lie.
size_t FindFloats(const std::string& bytes, float first) {
  const float numbers[] = {first, first + 1, first + 2};
  return bytes.find(
      std::string(reinterpret_cast<const char*>(numbers), sizeof(numbers)));
}

TEST_F(DamagedFolderTest, ChangedBytesOfRowsAreFoundByLoading) {
  const std::string path = CopyOf("dimensions_2");
  const fs::path file = fs::path(path) / "__1_0.distcp";
  std::string bytes = ReadFile(file);
  const size_t place = FindFloats(bytes, 12);  // of rows.even
  ASSERT_NE(place, std::string::npos);
  bytes[place] ^= 1;
  Write(file, bytes);
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path));
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(kDataLoss, HasSubstr("rows.even")));
}

TEST_F(DamagedFolderTest, ChangedBytesOfColumnsAreFoundByVerifying) {
  const std::string path = CopyOf("mesh_2x2");
  const fs::path file = fs::path(path) / "__3_0.distcp";
  std::string bytes = ReadFile(file);
  const size_t place = FindFloats(bytes, 28);  // of grid
  ASSERT_NE(place, std::string::npos);
  bytes[place] ^= 1;
  Write(file, bytes);
  HOIST_ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyPath(path, {}));
  ASSERT_EQ(report.damages.size(), 1u);
  EXPECT_THAT(report.damages[0].path, HasSubstr("__3_0.distcp"));
  EXPECT_EQ(report.damages[0].place, "grid[3:6, 4:8]");
}

TEST_F(DamagedFolderTest, MetadataByItsNameIsTheFolder) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Checkpoint checkpoint,
      Checkpoint::Open(absl::StrCat(kFolder, "/mesh_2x2/.metadata")));
  EXPECT_EQ(checkpoint.catalog().tensors.size(), 7u);
}

TEST_F(DamagedFolderTest, SafetensorsPiecesThatAreMissing) {
  const std::string path = CopyOf("safetensors_sharded");
  fs::remove(fs::path(path) / "shard-00001-model-00001-of-00002.safetensors");
  EXPECT_THAT(Checkpoint::Open(path).status(),
              StatusIs(kDataLoss, HasSubstr("element [0")));
}

TEST_F(DamagedFolderTest, SafetensorsPiecesThatOverlap) {
  const std::string path = CopyOf("safetensors_sharded");
  fs::copy_file(
      fs::path(path) / "shard-00001-model-00001-of-00002.safetensors",
      fs::path(path) / "shard-00003-model-00001-of-00002.safetensors");
  EXPECT_THAT(Checkpoint::Open(path).status(),
              StatusIs(kDataLoss, HasSubstr("is in piece [0:4")));
}

TEST(OpenDcpTest, AnotherFolderIsNone) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto none, OpenDcp(kFolder, nullptr));
  EXPECT_FALSE(none.has_value());
}

}  // namespace
}  // namespace hoist
