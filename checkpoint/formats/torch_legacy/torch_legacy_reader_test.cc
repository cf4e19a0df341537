#include "hoist/checkpoint/formats/torch_legacy/torch_legacy_reader.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<Catalog> ReadBytes(absl::string_view content) {
  auto file = OpenFile(WriteTempFile("model.pt", content));
  HOIST_EXPECT_OK(file.status());
  return ReadTorchLegacy(**file);
}

const std::string kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
const std::string kNoView = "N";

std::string Number(int64_t value) {
  std::string bytes(sizeof(value), '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

// LONG1 of 8 bytes.
std::string Long(int64_t value) { return "\x8a\x08" + Number(value); }

std::string LegacyStorage(const std::string& type, const std::string& key,
                          int32_t count, const std::string& view = kNoView) {
  return Tuple({Text("storage"), Class("torch", type), Text(key), Text("cpu"),
                Int(count), view}) +
         "Q";
}

std::string View(const std::string& key, int32_t offset, int32_t size) {
  return Tuple({Text(key), Int(offset), Int(size)});
}

// A file with a tensor "w" of 2x3 floats, which tests change.
struct TestFile {
  std::string magic = kMagic;
  std::string version = Int(1001);
  std::string sys_info =
      Dict({Text("protocol_version"), Int(1001), Text("little_endian"),
            Bool(true), Text("type_sizes"), Dict({Text("int"), Int(4)})});
  std::string value =
      Dict({Text("w"),
            Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {2, 3}, {3, 1})});
  std::string keys = List({Text("10")});
  std::vector<std::pair<int64_t, std::string>> storages = {
      {6, std::string(24, 'x')}};

  std::string Pickles() const {
    return absl::StrCat(Pickle(magic), Pickle(version), Pickle(sys_info),
                        Pickle(value), Pickle(keys));
  }
  std::string Bytes() const {
    std::string bytes = Pickles();
    for (const auto& [count, content] : storages) {
      bytes += Number(count) + content;
    }
    return bytes;
  }
  absl::StatusOr<Catalog> Read() const { return ReadBytes(Bytes()); }
  absl::Status Error() const {
    const absl::Status status = Read().status();
    EXPECT_NE(HintOf(status), "") << status;
    return status;
  }
};

TEST(TorchLegacyReaderTest, GivesTensorsStoragesAndTheRest) {
  TestFile file;
  file.value = OrderedDict(
      {Text("w"),
       Parameter(
           Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {2, 3}, {3, 1})),
       Text("row"), Tensor(LegacyStorage("FloatStorage", "10", 6), 3, {3}, {1}),
       Text("n"), Tensor(LegacyStorage("LongStorage", "9", 1), 0, {}, {}),
       Text("epoch"), Int(7)});
  // Not in the order in which the object refers to them.
  file.keys = List({Text("9"), Text("10")});
  file.storages = {{1, "12345678"}, {6, std::string(24, 'x')}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format, Format::kTorchLegacy);
  EXPECT_EQ(catalog.format_version, "1001");
  EXPECT_EQ(catalog.producer, "PyTorch before 1.6 or its legacy writer");
  EXPECT_THAT(catalog.metadata, ElementsAre(Pair("protocol_version", "1001"),
                                            Pair("little_endian", "True")));
  EXPECT_TRUE(catalog.warnings.empty());
  ASSERT_EQ(catalog.storages.size(), 2u);
  EXPECT_EQ(catalog.storages[0].name, "storage 10");
  EXPECT_EQ(catalog.storages[0].size_bytes, 24u);
  EXPECT_EQ(catalog.storages[0].offset_bytes, file.Bytes().size() - 24);
  EXPECT_FALSE(catalog.storages[0].crc32.has_value());
  EXPECT_EQ(catalog.storages[0].swap_bytes, 1);
  EXPECT_EQ(catalog.storages[1].name, "storage 9");
  EXPECT_EQ(file.Bytes().substr(catalog.storages[1].offset_bytes, 8),
            "12345678");
  ASSERT_EQ(catalog.tensors.size(), 3u);
  EXPECT_EQ(catalog.tensors[0].name, "w");
  EXPECT_EQ(catalog.tensors[0].storage, 0);
  EXPECT_TRUE(catalog.tensors[0].is_parameter);
  EXPECT_EQ(catalog.tensors[1].storage, 0);
  EXPECT_EQ(catalog.tensors[1].storage_offset, 3);
  EXPECT_EQ(catalog.tensors[2].storage, 1);
  EXPECT_EQ(catalog.tensors[2].spec.dtype, DType::kInt64);
  EXPECT_EQ(catalog.root().Find("epoch")->AsInt(), 7);
  EXPECT_EQ(catalog.root().Find("n")->AsIndex(), 2);
}

TEST(TorchLegacyReaderTest, TheMagicNumberInEveryProtocol) {
  const std::string rest = TestFile().Bytes().substr(2 + kMagic.size() + 1);
  HOIST_EXPECT_OK(ReadBytes("L119547037146038801333356L\n." + rest).status());
  HOIST_EXPECT_OK(ReadBytes("\x80\x03" + kMagic + "." + rest).status());
  HOIST_EXPECT_OK(
      ReadBytes("\x80\x04\x95\x0d" + std::string(7, '\0') + kMagic + "." + rest)
          .status());
}

TEST(TorchLegacyReaderTest, StringsOfPython2) {
  const auto old_text = [](const std::string& text) {
    return absl::StrCat("U", std::string(1, static_cast<char>(text.size())),
                        text);
  };
  TestFile file;
  file.value =
      Tensor(Tuple({old_text("storage"), Class("torch", "FloatStorage"),
                    old_text("10"), old_text("cuda:1"), "L6L\n", "N"}) +
                 "Q",
             0, {6}, {1});
  file.keys = List({old_text("10")});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.tensors[0].location, "cuda:1");
}

TEST(TorchLegacyReaderTest, IdsOfFiveItems) {
  TestFile file;
  file.value = Tensor(Storage("FloatStorage", "10", 6), 0, {6}, {1});
  HOIST_EXPECT_OK(file.Read().status());
}

TEST(TorchLegacyReaderTest, TheSourceOfAModuleIsLeftOut) {
  TestFile file;
  file.value =
      Tuple({Text("module"), Class("models", "Net"), Text("net.py"),
             Text("class Net: pass")}) +
      "Q)\x81" +
      Dict({Text("_parameters"),
            Dict({Text("w"),
                  Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {6}, {1})}),
            Text("_buffers"), Dict({}), Text("_modules"), Dict({})}) +
      "b";
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.root().kind(), ValueKind::kOpaque);
  EXPECT_EQ(catalog.root().ClassName(), "models.Net");
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_EQ(catalog.tensors[0].name, "w");
}

TEST(TorchLegacyReaderTest, TensorsOfTheFirstReleases) {
  TestFile file;
  file.value = Call(Class("torch.nn.parameter", "Parameter"),
                    {Call(Class("torch", "FloatTensor"), {}) +
                     Tuple({LegacyStorage("FloatStorage", "10", 6), Int(1),
                            Ints({5}), Ints({1})}) +
                     "b"}) +
               Tuple({Bool(true), Bool(false), OrderedDict({})}) + "b";
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_EQ(catalog.tensors[0].storage_offset, 1);
  EXPECT_TRUE(catalog.tensors[0].is_parameter);
  EXPECT_TRUE(catalog.tensors[0].requires_grad);
}

TEST(TorchLegacyReaderTest, AStorageByItself) {
  TestFile file;
  file.value = Dict({Text("a"), LegacyStorage("FloatStorage", "9", 0),
                     Text("s"), LegacyStorage("FloatStorage", "10", 6)});
  file.keys = List({Text("10"), Text("9")});
  file.storages.push_back({0, ""});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  const Value storage = *catalog.root().Find("s");
  ASSERT_EQ(storage.kind(), ValueKind::kStorage);
  EXPECT_EQ(catalog.storages[storage.AsIndex()].name, "storage 10");
}

TEST(TorchLegacyReaderTest, NoStorages) {
  TestFile file;
  file.value = Dict({Text("epoch"), Int(7)});
  file.keys = List({});
  file.storages.clear();
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.root().Find("epoch")->AsInt(), 7);
}

TEST(TorchLegacyReaderTest, SysInfoMayBeAnything) {
  TestFile file;
  file.sys_info = "N";
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_TRUE(catalog.metadata.empty());
}

TEST(TorchLegacyReaderTest, WhatFollowsIsLeftAlone) {
  TestFile file;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog,
                             ReadBytes(file.Bytes() + file.Bytes()));
  EXPECT_EQ(catalog.tensors.size(), 1u);
  ASSERT_EQ(catalog.warnings.size(), 1u);
  EXPECT_THAT(catalog.warnings[0], HasSubstr("bytes follow the checkpoint"));
}

// More than the first piece that is read.
TEST(TorchLegacyReaderTest, ALargePickle) {
  TestFile file;
  file.value =
      Dict({Text("note"), Text(std::string(3'000'000, 'n')), Text("w"),
            Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {6}, {1})});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.root().Find("note")->AsString().size(), 3'000'000u);
  EXPECT_EQ(catalog.storages[0].offset_bytes, file.Bytes().size() - 24);
}

TEST(TorchLegacyReaderTest, AFileThatIsCutOffAnywhere) {
  TestFile file;
  file.value =
      List({Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {6}, {1}),
            Tensor(LegacyStorage("ByteStorage", "11", 2), 0, {2}, {1})});
  file.keys = List({Text("10"), Text("11")});
  file.storages.push_back({2, "ab"});
  const std::string bytes = file.Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::Status status = ReadBytes(bytes.substr(0, size)).status();
    ASSERT_THAT(status, StatusIs(kDataLoss, HasSubstr("is cut off"))) << size;
    EXPECT_THAT(HintOf(status), StartsWith("The file is incomplete")) << size;
  }
  HOIST_EXPECT_OK(ReadBytes(bytes).status());
}

// --- storage views -----------------------------------------------------------

TEST(TorchLegacyReaderTest, AViewIsAStorageOfItsOwn) {
  TestFile file;
  file.value = Dict(
      {Text("a"),
       Tensor(LegacyStorage("FloatStorage", "10", 6, View("20", 2, 3)), 1, {2},
              {1}),
       Text("b"), Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {6}, {1}),
       Text("c"),
       Tensor(LegacyStorage("FloatStorage", "10", 6, View("20", 2, 3)), 0, {3},
              {1})});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  ASSERT_EQ(catalog.storages.size(), 2u);
  const StorageEntry& view = catalog.storages[1];
  EXPECT_EQ(view.name, "storage 20");
  EXPECT_EQ(view.offset_bytes, catalog.storages[0].offset_bytes + 8);
  EXPECT_EQ(view.size_bytes, 12u);
  EXPECT_EQ(catalog.tensors[0].storage, 1);
  EXPECT_EQ(catalog.tensors[0].storage_offset, 1);
  EXPECT_EQ(catalog.tensors[1].storage, 0);
  EXPECT_EQ(catalog.tensors[2].storage, 1);
}

TEST(TorchLegacyReaderTest, ViewsOutOfRange) {
  for (const auto& [offset, size] : std::vector<std::pair<int, int>>{
           {4, 3}, {7, 0}, {-1, 2}, {0, -1}, {0, 7}}) {
    TestFile file;
    file.value =
        LegacyStorage("FloatStorage", "10", 6, View("20", offset, size));
    EXPECT_THAT(
        file.Error(),
        StatusIs(kDataLoss, HasSubstr("does not lie inside storage 10")));
  }
  TestFile file;
  file.value = LegacyStorage(
      "FloatStorage", "10", 6,
      Tuple({Text("20"), Long(std::numeric_limits<int64_t>::max() / 4),
             Long(std::numeric_limits<int64_t>::max() / 4)}));
  EXPECT_THAT(file.Error(),
              StatusIs(kDataLoss, HasSubstr("does not lie inside")));
  file.value = LegacyStorage("FloatStorage", "10", 6, View("20", 6, 0));
  HOIST_EXPECT_OK(file.Read().status());
}

TEST(TorchLegacyReaderTest, ATensorBeyondItsView) {
  TestFile file;
  file.value =
      Dict({Text("w"),
            Tensor(LegacyStorage("FloatStorage", "10", 6, View("20", 0, 3)), 0,
                   {4}, {1})});
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("Tensor w")));
}

TEST(TorchLegacyReaderTest, ViewsThatDisagree) {
  for (const std::string& other :
       {LegacyStorage("FloatStorage", "10", 6, View("20", 1, 3)),
        LegacyStorage("FloatStorage", "10", 6, View("20", 2, 2)),
        LegacyStorage("FloatStorage", "11", 6, View("20", 2, 3))}) {
    TestFile file;
    file.value =
        List({LegacyStorage("FloatStorage", "10", 6, View("20", 2, 3)), other});
    EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("view 20")));
  }
}

TEST(TorchLegacyReaderTest, AViewIsNoRoot) {
  const std::string view =
      LegacyStorage("FloatStorage", "10", 6, View("20", 0, 6));
  TestFile file;
  file.value = List({view, LegacyStorage("FloatStorage", "20", 6)});
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("storage 20")));
  file.value = view;
  file.keys = List({Text("20")});
  EXPECT_THAT(file.Error(),
              StatusIs(kDataLoss, HasSubstr("a part of another storage")));
}

TEST(TorchLegacyReaderTest, ViewsThatAreNone) {
  for (const std::string& view :
       {Int(1), Tuple({Text("20"), Int(1)}), Tuple({Int(20), Int(1), Int(1)}),
        Tuple({Text("20"), Text("1"), Int(1)}),
        Tuple({Text("20"), Int(1), Text("1")})}) {
    TestFile file;
    file.value = LegacyStorage("FloatStorage", "10", 6, view);
    EXPECT_THAT(file.Error(),
                StatusIs(kDataLoss, HasSubstr("(key, offset, size)")));
  }
}

// --- files that lie ----------------------------------------------------------

TEST(TorchLegacyReaderTest, OtherFirstValues) {
  TestFile file;
  file.magic = Int(3);
  EXPECT_THAT(file.Error(),
              StatusIs(kInvalidArgument, HasSubstr("pickled int")));
  file.magic = "\x8a\x0a\x6d\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  EXPECT_THAT(file.Error(), StatusIs(kInvalidArgument));
  file.magic = Text("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
  EXPECT_THAT(file.Error(), StatusIs(kInvalidArgument));
}

TEST(TorchLegacyReaderTest, OtherVersions) {
  TestFile file;
  file.version = Int(1002);
  EXPECT_THAT(file.Error(),
              StatusIs(kUnimplemented, HasSubstr("Version 1002")));
  file.version = Text("1001");
  EXPECT_THAT(file.Error(),
              StatusIs(kDataLoss, HasSubstr("offset 15 is a str")));
}

TEST(TorchLegacyReaderTest, LiesAboutTheNumberOfElements) {
  for (const int64_t count : {int64_t{5}, int64_t{7}, int64_t{0}, int64_t{24},
                              int64_t{-1}, std::numeric_limits<int64_t>::max(),
                              std::numeric_limits<int64_t>::min(),
                              // Six elements, if the product wrapped around.
                              (int64_t{1} << 62) + 6}) {
    TestFile file;
    file.storages[0].first = count;
    EXPECT_THAT(file.Error(),
                StatusIs(kDataLoss, AllOf(HasSubstr("Storage 10 has"),
                                          HasSubstr(absl::StrCat(count)),
                                          HasSubstr("6 belong to it"))));
  }
}

TEST(TorchLegacyReaderTest, AStorageWithAnAbsurdNumberOfElements) {
  for (const int64_t count : {int64_t{-1}, std::numeric_limits<int64_t>::max(),
                              (int64_t{1} << 62) + 6}) {
    TestFile file;
    file.value = Tuple({Text("storage"), Class("torch", "FloatStorage"),
                        Text("10"), Text("cpu"), Long(count), "N"}) +
                 "Q";
    EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("would have")));
  }
  // One that could be, in another file.
  TestFile file;
  file.value = Tuple({Text("storage"), Class("torch", "FloatStorage"),
                      Text("10"), Text("cpu"), Long(int64_t{1} << 60), "N"}) +
               "Q";
  file.storages[0].first = int64_t{1} << 60;
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("is cut off")));
}

TEST(TorchLegacyReaderTest, AStorageWithTwoSizes) {
  TestFile file;
  file.value = List({LegacyStorage("FloatStorage", "10", 6),
                     LegacyStorage("FloatStorage", "10", 5)});
  EXPECT_THAT(file.Error(),
              StatusIs(kDataLoss, HasSubstr("24 bytes in one place and 20")));
}

TEST(TorchLegacyReaderTest, AStorageOfTwoClassesHasTheFirst) {
  TestFile file;
  file.value = Dict(
      {Text("a"), Tensor(LegacyStorage("FloatStorage", "10", 6), 0, {6}, {1}),
       Text("b"), Tensor(LegacyStorage("IntStorage", "10", 6), 0, {6}, {1})});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.tensors[1].spec.dtype, DType::kFloat32);
}

TEST(TorchLegacyReaderTest, AnEmptyStorageMayHaveTwoClasses) {
  TestFile file;
  file.value = Dict(
      {Text("a"), Tensor(LegacyStorage("FloatStorage", "10", 0), 0, {0}, {1}),
       Text("b"), Tensor(LegacyStorage("IntStorage", "10", 0), 0, {0}, {1})});
  file.storages = {{0, ""}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.tensors[0].spec.dtype, DType::kFloat32);
  EXPECT_EQ(catalog.tensors[1].spec.dtype, DType::kInt32);
}

TEST(TorchLegacyReaderTest, KeysThatDisagree) {
  TestFile file;
  file.keys = List({});
  EXPECT_THAT(file.Error(),
              StatusIs(kDataLoss, HasSubstr("does not have storage 10")));
  file.keys = List({Text("10"), Text("11")});
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("has 11, which")));
  file.keys = List({Text("10"), Text("10")});
  file.storages.push_back(file.storages[0]);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("has 10 twice")));
  file.keys = List({Int(10)});
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("Key 0")));
  file.keys = Int(10);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("is a int")));
}

TEST(TorchLegacyReaderTest, UnknownStorageClasses) {
  TestFile file;
  file.value = LegacyStorage("NewStorage", "10", 6);
  EXPECT_THAT(file.Error(),
              StatusIs(kUnimplemented, HasSubstr("torch.NewStorage")));
}

TEST(TorchLegacyReaderTest, IdsThatAreNone) {
  for (const std::string& id :
       {Int(1), Tuple({}), Tuple({Text("other"), Int(1), Int(1), Int(1)}),
        Tuple({Text("module"), Text("Net"), "N", "N"}),
        Tuple({Text("tensor"), Class("torch", "FloatStorage"), Text("10"),
               Text("cpu"), Int(6), "N"}),
        Tuple({Text("storage"), Text("FloatStorage"), Text("10"), Text("cpu"),
               Int(6), "N"}),
        Tuple({Text("storage"), Class("torch", "FloatStorage"), Int(10),
               Text("cpu"), Int(6), "N"}),
        Tuple({Text("storage"), Class("torch", "FloatStorage"), Text("10"),
               Int(0), Int(6), "N"}),
        Tuple({Text("storage"), Class("torch", "FloatStorage"), Text("10"),
               Text("cpu"), Text("6"), "N"}),
        Tuple({Text("storage"), Class("torch", "FloatStorage"), Text("10"),
               Text("cpu"), Int(6), "N", "N"})}) {
    TestFile file;
    file.value = id + "Q";
    EXPECT_THAT(file.Error(),
                StatusIs(kDataLoss, HasSubstr("its id is not (\"storage\"")));
  }
  TestFile file;
  file.value = "P('storage', <class 'torch.FloatStorage'>, '10')\n";
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("protocol 0")));
}

TEST(TorchLegacyReaderTest, ATensorBeyondItsStorage) {
  TestFile file;
  file.value = Dict(
      {Text("w"), Tensor(LegacyStorage("FloatStorage", "10", 6), 1, {6}, {1})});
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("Tensor w")));
}

TEST(TorchLegacyReaderTest, OpcodesThatReachOutsideAreRefused) {
  TestFile file;
  file.value = "\x82\1";
  EXPECT_THAT(file.Error(), StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace hoist
