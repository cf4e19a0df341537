#include "hoist/checkpoint/formats/pickle/pickle_reader.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using namespace std::string_literals;  // NOLINT: zeros in literals
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<Catalog> Read(const std::string& content) {
  return ReadBarePickle(MemoryFile(content));
}

// What torch.save writes of a storage of `count` elements.
std::string LegacyFile(const std::string& type, int32_t count,
                       const std::string& bytes) {
  std::string size(8, '\0');
  StoreLittleEndian(int64_t{count}, size.data());
  const std::string id = Tuple({Text("storage"), Class("torch", type),
                                Text("7"), Text("cuda:2"), Int(count), "N"}) +
                         "Q";
  return Pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") +
         Pickle(Int(1001)) + Pickle(Dict({})) + Pickle(id) +
         Pickle(List({Text("7")})) + size + bytes;
}

std::string Embedded(const std::string& content) {
  return Call(Class("torch.storage", "_load_from_bytes"), {Bytes(content)});
}

std::string BytesOf(const Catalog& catalog, const TensorEntry& tensor) {
  const StorageEntry& storage =
      catalog.storages[static_cast<size_t>(*tensor.storage)];
  const FileEntry& file = catalog.files[static_cast<size_t>(storage.file)];
  std::string bytes(storage.size_bytes, '\0');
  HOIST_EXPECT_OK(file.content->ReadAt(
      storage.offset_bytes,
      absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size())));
  return bytes;
}

TEST(ReadBarePickleTest, ValuesWithoutTensors) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog,
                             Read(Pickle(Dict({Text("epoch"), Int(3)}))));
  EXPECT_EQ(catalog.format, Format::kPickle);
  EXPECT_EQ(catalog.root().Find("epoch")->AsInt(), 3);
  EXPECT_THAT(catalog.tensors, SizeIs(0));
  EXPECT_THAT(catalog.warnings, SizeIs(0));
}

TEST(ReadBarePickleTest, TensorsHaveTheirStoragesAsBytes) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog catalog,
      Read(Pickle(Dict({
          Text("a"),
          Tensor(Embedded(LegacyFile("FloatStorage", 2, "12345678")), 1, {1},
                 {1}),
          Text("b"),
          Tensor(Embedded(LegacyFile("CharStorage", 3, "abc")), 0, {3}, {1}),
      }))));
  ASSERT_THAT(catalog.tensors, SizeIs(2));
  EXPECT_EQ(catalog.tensors[0].name, "a");
  EXPECT_EQ(catalog.tensors[0].spec.dtype, DType::kFloat32);
  EXPECT_EQ(catalog.tensors[0].storage_offset, 1);
  EXPECT_EQ(catalog.tensors[0].location, "cuda:2");
  EXPECT_EQ(BytesOf(catalog, catalog.tensors[0]), "12345678");
  EXPECT_EQ(catalog.tensors[1].spec.dtype, DType::kInt8);
  EXPECT_EQ(BytesOf(catalog, catalog.tensors[1]), "abc");
  // The file itself, and one for each storage.
  EXPECT_THAT(catalog.files, SizeIs(3));
  EXPECT_EQ(catalog.files[0].content, nullptr);
}

TEST(ReadBarePickleTest, OneStorageOfTwoTensorsIsTakenOnce) {
  // The bytes go into the memo, and are given twice.
  const std::string bytes =
      Bytes(LegacyFile("FloatStorage", 2, "12345678")) + "q\5";
  const auto load = [](const std::string& argument) {
    return Call(Class("torch.storage", "_load_from_bytes"), {argument});
  };
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog catalog,
      Read(Pickle(List({Tensor(load(bytes), 0, {2}, {1}),
                        Tensor(load("h\5"), 0, {2}, {1})}))));
  EXPECT_THAT(catalog.storages, SizeIs(1));
  EXPECT_EQ(catalog.tensors[0].storage, catalog.tensors[1].storage);
}

TEST(ReadBarePickleTest, EveryNumberOfAStorageIsHeldAgainstItsBytes) {
  const std::string whole = LegacyFile("FloatStorage", 2, "12345678");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(
        Read(Pickle(Tensor(Embedded(whole.substr(0, size)), 0, {2}, {1}))).ok())
        << size;
  }
  EXPECT_THAT(Read(Pickle(Tensor(Embedded(whole), 0, {3}, {1}))).status(),
              StatusIs(kDataLoss, HasSubstr("takes 12 bytes")));
}

TEST(ReadBarePickleTest, OnlyStoragesAreEmbedded) {
  const std::string file =
      Pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") +
      Pickle(Int(1001)) + Pickle(Dict({})) + Pickle(Dict({})) +
      Pickle(List({}));
  EXPECT_THAT(Read(Pickle(Embedded(file))).status(),
              StatusIs(kUnimplemented, HasSubstr("a dict, not a storage")));
  // A storage inside of a storage's file is not looked for.
  EXPECT_THAT(
      Read(Pickle(Embedded(
               Pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") +
               Pickle(Int(1001)) + Pickle(Dict({})) +
               Pickle(Embedded(LegacyFile("CharStorage", 1, "a"))) +
               Pickle(List({})))))
          .status(),
      StatusIs(kUnimplemented, HasSubstr("not a storage")));
}

TEST(ReadBarePickleTest, WhatFollowsIsLeftAlone) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog,
                             Read(Pickle(Int(1)) + Pickle(Int(2))));
  EXPECT_EQ(catalog.root().AsInt(), 1);
  EXPECT_THAT(catalog.warnings,
              ElementsAre(HasSubstr("8 bytes follow the pickle, at offset 8")));
}

TEST(ReadBarePickleTest, NamesInPicklesThatFollowAreKnown) {
  // The third is cut off behind its name.
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog catalog,
      Read(Pickle(Int(1)) + Pickle(Class("os", "system")) + "\x80\2" +
           Class("shutil", "rmtree") + "(."));
  EXPECT_THAT(catalog.values->class_names(),
              ElementsAre(Pair("os", "system"), Pair("shutil", "rmtree")));
  EXPECT_EQ(catalog.root().AsInt(), 1);
}

TEST(ReadBarePickleTest, ThePickleOfAnArchiveIsNone) {
  const auto status =
      Read(Pickle(Tensor(Storage("FloatStorage", "0", 1), 0, {1}, {1})))
          .status();
  EXPECT_THAT(status, StatusIs(kUnimplemented, HasSubstr("data.pkl")));
  EXPECT_THAT(HintOf(status), HasSubstr("the whole archive"));
}

TEST(ReadBarePickleTest, NamesWhatOtherLibrariesPickle) {
  // joblib puts the array's bytes, here "{{", between two opcodes.
  EXPECT_THAT(Read("\x80\3" +
                   Object(Class("joblib.numpy_pickle", "NumpyArrayWrapper"),
                          Dict({Text("order"), Text("C")})) +
                   "{{.")
                  .status(),
              StatusIs(kUnimplemented, HasSubstr("joblib.dump")));
  EXPECT_THAT(Read(Pickle(Object(
                       Class("sklearn.linear_model._base", "LinearRegression"),
                       Dict({}))))
                  .status(),
              StatusIs(kUnimplemented, HasSubstr("scikit-learn")));
  EXPECT_THAT(Read(Pickle(Object(Class("torch.distributed.checkpoint.metadata",
                                       "Metadata"),
                                 Dict({}))))
                  .status(),
              StatusIs(kUnimplemented, HasSubstr("distributed checkpoint")));
  // A name that begins alike is another.
  HOIST_EXPECT_OK(
      Read(Pickle(Object(Class("joblib.numpy_pickler", "X"), Dict({})))));
}

TEST(ReadBarePickleTest, OneThatIsCutOff) {
  const std::string whole = Pickle(Dict({Text("epoch"), Int(3)}));
  for (size_t size = 2; size < whole.size(); ++size) {
    EXPECT_THAT(Read(whole.substr(0, size)).status(),
                StatusIs(kDataLoss, HasSubstr("is cut off")))
        << size;
  }
}

}  // namespace
}  // namespace hoist
