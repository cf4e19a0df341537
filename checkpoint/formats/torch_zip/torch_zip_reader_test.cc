#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

absl::StatusOr<Catalog> ReadBytes(absl::string_view content) {
  auto file = OpenFile(WriteTempFile("model.pt", content));
  HOIST_EXPECT_OK(file.status());
  return ReadTorchZip(**file);
}

const std::string kSixFloats(24, 'x');

// A file with one tensor "w" of 2x3 floats, which tests change.
struct TestFile {
  std::string prefix = "model/";
  std::string value = Dict(
      {Text("w"), Tensor(Storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1})});
  std::vector<std::pair<std::string, std::string>> records = {
      {"data/0", kSixFloats}, {"version", "3\n"}};
  ZipBuilder::MemberOptions storage_options;

  std::string Bytes() const {
    ZipBuilder zip;
    zip.Add(prefix + "data.pkl", Pickle(value));
    for (const auto& [name, content] : records) {
      zip.Add(prefix + name, content,
              name == "data/0" ? storage_options : ZipBuilder::MemberOptions());
    }
    return zip.Finish();
  }
  absl::StatusOr<Catalog> Read() const { return ReadBytes(Bytes()); }
};

TEST(TorchZipReaderTest, GivesTensorsStoragesAndTheRest) {
  TestFile file;
  file.value = OrderedDict(
      {Text("w"),
       Parameter(Tensor(Storage("FloatStorage", "0", 6, "cuda:0"), 0, {2, 3},
                        {3, 1})),
       Text("row"),
       Tensor(Storage("FloatStorage", "0", 6, "cuda:0"), 3, {3}, {1}),
       Text("epoch"), Int(7)});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format, Format::kTorchZip);
  EXPECT_EQ(catalog.format_version, "3");
  ASSERT_EQ(catalog.storages.size(), 1u);
  EXPECT_EQ(catalog.storages[0].name, "data/0");
  EXPECT_EQ(catalog.storages[0].size_bytes, 24u);
  EXPECT_EQ(file.Bytes().substr(catalog.storages[0].offset_bytes, 24),
            kSixFloats);
  EXPECT_TRUE(catalog.storages[0].crc32.has_value());
  ASSERT_EQ(catalog.tensors.size(), 2u);
  EXPECT_EQ(catalog.tensors[0].name, "w");
  EXPECT_EQ(catalog.tensors[0].storage, 0);
  EXPECT_EQ(catalog.tensors[0].location, "cuda:0");
  EXPECT_TRUE(catalog.tensors[0].is_parameter);
  EXPECT_EQ(catalog.tensors[1].storage, 0);
  EXPECT_EQ(catalog.tensors[1].storage_offset, 3);
  EXPECT_EQ(catalog.root().ClassName(), "collections.OrderedDict");
  EXPECT_EQ(catalog.root().Find("epoch")->AsInt(), 7);
  EXPECT_EQ(catalog.root().Find("row")->AsIndex(), 1);
}

// The members' headers are read beside the pickle then.
TEST(TorchZipReaderTest, ThreadsReadTheSame) {
  ThreadPool pool(2);
  TestFile file;
  // Nobody's, and damaged: of no matter, until it is a storage.
  file.records.push_back({"data/1", kSixFloats});
  const auto read = [&pool, &file](absl::string_view damaged) {
    std::string bytes = file.Bytes();
    const size_t name = bytes.find(absl::StrCat(file.prefix, damaged));
    bytes[name] ^= 1;
    auto opened = OpenFile(WriteTempFile("model.pt", bytes));
    HOIST_EXPECT_OK(opened.status());
    return ReadTorchZip(**opened, &pool);
  };
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, read("data/1"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog alone, file.Read());
  ASSERT_EQ(catalog.storages.size(), 1u);
  EXPECT_EQ(catalog.storages[0].offset_bytes, alone.storages[0].offset_bytes);
  EXPECT_EQ(catalog.tensors[0].name, "w");
  EXPECT_THAT(read("data/0").status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("model/data/0 has another name")));
}

TEST(TorchZipReaderTest, TheFolderMayHaveAnyName) {
  TestFile file;
  file.prefix = "some other name/";
  HOIST_EXPECT_OK(file.Read().status());
}

TEST(TorchZipReaderTest, FoldersWithoutAPickleDoNotMatter) {
  ZipBuilder zip;
  zip.Add("__MACOSX/._data.pkl", "junk");
  zip.Add("m/", "");
  zip.Add("m/data.pkl", Pickle(Dict({Text("a"), Int(1)})));
  zip.Add("m/version", "3\n");
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, ReadBytes(zip.Finish()));
  EXPECT_EQ(catalog.root().Find("a")->AsInt(), 1);
}

TEST(TorchZipReaderTest, SeveralCheckpointsInOneArchiveAreRefused) {
  ZipBuilder zip;
  for (const std::string prefix : {"a/", "b/"}) {
    zip.Add(prefix + "data.pkl", Pickle("N"));
    zip.Add(prefix + "version", "3\n");
  }
  EXPECT_THAT(ReadBytes(zip.Finish()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("several checkpoints")));
}

TEST(TorchZipReaderTest, TellsTheProducerByTheRecords) {
  TestFile file;
  EXPECT_EQ(file.Read()->producer, "PyTorch 1.6 to 2.0");
  file.records.push_back({"byteorder", "little"});
  EXPECT_EQ(file.Read()->producer, "PyTorch 2.1 to 2.6");
  file.records.push_back({".format_version", "1"});
  EXPECT_EQ(file.Read()->producer, "PyTorch 2.7");
  file.records.push_back({".storage_alignment", "64"});
  file.records.push_back({".data/serialization_id", "1234"});
  EXPECT_EQ(file.Read()->producer, "PyTorch 2.8 or later");
  EXPECT_THAT(
      file.Read()->metadata,
      ElementsAre(Pair("byteorder", "little"), Pair("format_version", "1"),
                  Pair("storage_alignment", "64"),
                  Pair("serialization_id", "1234")));
}

TEST(TorchZipReaderTest, VersionsThatAreNotKnownAreRefused) {
  for (const auto& [text, code] :
       std::vector<std::pair<std::string, absl::StatusCode>>{
           {"1", absl::StatusCode::kOk},
           {"10\n", absl::StatusCode::kOk},
           {"0", absl::StatusCode::kUnimplemented},
           {"11", absl::StatusCode::kUnimplemented},
           {"", absl::StatusCode::kDataLoss},
           {"x", absl::StatusCode::kDataLoss}}) {
    TestFile file;
    file.records[1].second = text;
    EXPECT_EQ(file.Read().status().code(), code) << text;
  }
  TestFile file;
  file.records.pop_back();
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("version")));
}

TEST(TorchZipReaderTest, ByteOrder) {
  TestFile file;
  file.records.push_back({"byteorder", "big"});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.storages[0].swap_bytes, 4);
  EXPECT_TRUE(catalog.warnings.empty());
  file.records.back().second = "middle";
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("middle")));
}

std::string TensorV3(const std::string& dtype, int32_t count) {
  return Call(Class("torch._utils", "_rebuild_tensor_v3"),
              {Storage("UntypedStorage", "0", 24), Int(0), Ints({count}),
               Ints({1}), Bool(false), OrderedDict({}), Class("torch", dtype)});
}

TEST(TorchZipReaderTest, UntypedStoragesAreSwappedAsTheirTensorsAreSeen) {
  TestFile file;
  file.records.push_back({"byteorder", "big"});
  file.value = Dict({Text("w"), TensorV3("uint16", 12)});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.storages[0].swap_bytes, 2);
  EXPECT_THAT(catalog.warnings, ElementsAre(HasSubstr("uint16")));
  file.value = Dict(
      {Text("w"), TensorV3("uint16", 12), Text("v"), TensorV3("uint32", 6)});
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("v")));
}

TEST(TorchZipReaderTest, AChecksumOfZeroIsNotRecorded) {
  TestFile file;
  file.storage_options.crc32 = 0;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_FALSE(catalog.storages[0].crc32.has_value());
}

TEST(TorchZipReaderTest, DeflatedStoragesAreRead) {
  TestFile file;
  file.storage_options = {.method = 8, .stored = RawDeflate(kSixFloats)};
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.storages[0].size_bytes, 24u);
  EXPECT_EQ(catalog.storages[0].deflated_bytes, RawDeflate(kSixFloats).size());
  file.storage_options = {.method = 12};
  EXPECT_THAT(file.Read().status(), StatusIs(absl::StatusCode::kUnimplemented,
                                             HasSubstr("method 12")));
}

// Each byte of a pickle may take 60 in memory, and deflate makes 1000 of one.
TEST(TorchZipReaderTest, DeflatedPicklesAreBounded) {
  constexpr size_t kFreeBytes = size_t{4} << 20;
  const auto read = [](size_t size, uint16_t method) {
    const std::string pickle = Pickle("(" + std::string(size - 5, 'N') + "t");
    ZipBuilder zip;
    ZipBuilder::MemberOptions options{.method = method};
    if (method == 8) {
      options.stored = RawDeflate(pickle, 9);
    }
    zip.Add("m/data.pkl", pickle, options);
    zip.Add("m/version", "3\n");
    return ReadBytes(zip.Finish()).status();
  };
  HOIST_EXPECT_OK(read(kFreeBytes, 8));
  const absl::Status status = read(2 * kFreeBytes, 8);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("m/data.pkl has 8388608 bytes")));
  EXPECT_THAT(HintOf(status), HasSubstr("zip -0 -r"));
  HOIST_EXPECT_OK(read(2 * kFreeBytes, 0));
}

// What a damaged or hostile pickle can say of a storage.
TEST(TorchZipReaderTest, StoragesAreHeldAgainstTheirRecords) {
  const auto tensor = [](const std::string& storage) {
    return Dict({Text("w"), Tensor(storage, 0, {2, 3}, {3, 1})});
  };
  for (const auto& [value, text] :
       std::vector<std::pair<std::string, std::string>>{
           {tensor(Storage("FloatStorage", "1", 6)), "no record data/1"},
           {tensor(Storage("FloatStorage", "../0", 6)), "no record data/../0"},
           {tensor(Storage("FloatStorage", "0", 5)), "24 bytes, and 20"},
           {tensor(Storage("FloatStorage", "0", 7)), "24 bytes, and 28"},
           {tensor(Storage("FloatStorage", "0", -1)), "-1 elements"},
           {tensor(Tuple({Text("module"), Int(1)}) + "Q"), "its id"},
           {List({tensor(Storage("FloatStorage", "0", 6)),
                  tensor(Storage("DoubleStorage", "0", 6))}),
            "24 bytes in one place and 48 in another"}}) {
    TestFile file;
    file.value = value;
    EXPECT_THAT(file.Read().status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(text)));
  }
  TestFile file;
  file.value = tensor(Storage("NewStorage", "0", 6));
  EXPECT_THAT(file.Read().status(), StatusIs(absl::StatusCode::kUnimplemented,
                                             HasSubstr("NewStorage")));
}

TEST(TorchZipReaderTest, TensorsAreHeldAgainstTheirStorages) {
  TestFile file;
  file.value = Dict(
      {Text("w"), Tensor(Storage("FloatStorage", "0", 6), 1, {2, 3}, {3, 1})});
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("takes 28 bytes, and storage data/0 has 24")));
}

TEST(TorchZipReaderTest, SaysThatThePickleIsDamaged) {
  ZipBuilder zip;
  zip.Add("m/data.pkl", Pickle("K"));
  zip.Add("m/version", "3\n");
  EXPECT_THAT(ReadBytes(zip.Finish()).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("data.pkl: ")));
  ZipBuilder damaged;
  damaged.Add("m/data.pkl", Pickle("N"), {.crc32 = 1});
  damaged.Add("m/version", "3\n");
  EXPECT_THAT(ReadBytes(damaged.Finish()).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checksum")));
}

TEST(TorchZipReaderTest, OtherArchivesAreNamed) {
  for (const auto& [member, text] :
       std::vector<std::pair<std::string, std::string>>{
           {"m/.data/version", "torch.package"},
           {"MAR-INF/MANIFEST.json", "TorchServe"},
           {"word/document.xml", "no checkpoint"}}) {
    ZipBuilder zip;
    zip.Add(member, "x");
    const absl::Status status = ReadBytes(zip.Finish()).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_NE(HintOf(status), "") << member;
  }
  EXPECT_THAT(ReadBytes(ZipBuilder().Finish()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
}

TEST(TorchZipReaderTest, EveryTruncationIsAnError) {
  const std::string whole = TestFile().Bytes();
  HOIST_ASSERT_OK(ReadBytes(whole).status());
  for (size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_THAT(ReadBytes(absl::string_view(whole).substr(0, size)).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

}  // namespace
}  // namespace hoist
