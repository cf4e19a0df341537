#include "hoist/checkpoint/formats/dcp/dcp_reader.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/dcp/dcp_metadata_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::hoist::dcp_builder::Bytes;
using ::hoist::dcp_builder::Chunk;
using ::hoist::dcp_builder::Index;
using ::hoist::dcp_builder::Metadata;
using ::hoist::dcp_builder::Place;
using ::hoist::pickle_builder::Class;
using ::hoist::pickle_builder::Dict;
using ::hoist::pickle_builder::Int;
using ::hoist::pickle_builder::Object;
using ::hoist::pickle_builder::Pickle;
using ::hoist::pickle_builder::Storage;
using ::hoist::pickle_builder::Text;
using ::hoist::pickle_builder::Tuple;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

// A folder in memory.
class DcpReaderTest : public ::testing::Test {
 protected:
  // Appends what torch.save makes of `value` to a file, and says where it is.
  std::string Save(const std::string& file, const std::string& value,
                   const std::string& storage = "",
                   const std::string& byte_order = "little") {
    ZipBuilder zip;
    zip.Add("archive/data.pkl", Pickle(value));
    zip.Add("archive/byteorder", byte_order);
    if (!storage.empty()) {
      zip.Add("archive/data/0", storage);
    }
    zip.Add("archive/version", "3\n");
    return Append(file, zip.Finish());
  }
  std::string Append(const std::string& file, const std::string& bytes) {
    const size_t offset = files_[file].size();
    files_[file] += bytes;
    return Place(file, static_cast<int32_t>(offset),
                 static_cast<int32_t>(bytes.size()));
  }
  // A tensor of bytes.
  std::string SaveTensor(const std::string& file,
                         const std::vector<int32_t>& shape,
                         const std::vector<int32_t>& strides,
                         const std::string& storage, int32_t offset = 0) {
    return Save(
        file,
        pickle_builder::Tensor(
            Storage("ByteStorage", "0", static_cast<int32_t>(storage.size())),
            offset, shape, strides),
        storage);
  }

  absl::StatusOr<PiecedCheckpoint> Read(const std::string& metadata) {
    return ReadDcp(
        MemoryFile(metadata),
        [this](const std::string& name)
            -> absl::StatusOr<std::shared_ptr<const RandomAccessFile>> {
          if (!files_.contains(name)) {
            return absl::NotFoundError(name);
          }
          return std::make_shared<MemoryFile>(
              name,
              std::vector<uint8_t>(files_[name].begin(), files_[name].end()));
        },
        /*pool=*/nullptr);
  }
  // The metadata of one tensor of bytes in rows.
  static std::string RowsOf(const std::string& first,
                            const std::string& second) {
    return Metadata({Text("w"), dcp_builder::Tensor("uint8", {3, 2},
                                                    {Chunk({0, 0}, {2, 2}),
                                                     Chunk({2, 0}, {1, 2})})},
                    {Index("w", {0, 0}), first, Index("w", {2, 0}), second});
  }
  // The bytes of the first tensor.
  static std::string Content(const PiecedCheckpoint& checkpoint) {
    const TensorEntry& tensor = checkpoint.catalog.tensors[0];
    const StorageEntry& storage =
        checkpoint.catalog.storages[static_cast<size_t>(*tensor.storage)];
    std::string content(storage.size_bytes, ' ');
    HOIST_EXPECT_OK(checkpoint.files[static_cast<size_t>(storage.file)]->ReadAt(
        storage.offset_bytes,
        absl::MakeSpan(reinterpret_cast<uint8_t*>(content.data()),
                       content.size())));
    return content;
  }

  std::map<std::string, std::string> files_;
};

TEST_F(DcpReaderTest, PiecesAreReadWhereTheyAre) {
  (void)Append("b", "something before it");
  const std::string first = SaveTensor("b", {2, 2}, {2, 1}, "abcd");
  const std::string second = SaveTensor("a", {1, 2}, {2, 1}, "ef");
  HOIST_ASSERT_OK_AND_ASSIGN(const PiecedCheckpoint checkpoint,
                             Read(RowsOf(first, second)));
  const Catalog& catalog = checkpoint.catalog;
  EXPECT_EQ(catalog.format, Format::kDcp);
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_EQ(catalog.tensors[0].name, "w");
  EXPECT_EQ(Content(checkpoint), "abcdef");
  // Two pieces and the whole.
  ASSERT_EQ(catalog.storages.size(), 3u);
  EXPECT_EQ(catalog.storages[0].name, "w[0:2, 0:2]");
  EXPECT_TRUE(catalog.storages[2].crc32.has_value());
}

TEST_F(DcpReaderTest, PiecesWithStridesAreTurned) {
  const std::string first = SaveTensor("f", {2, 2}, {1, 2}, "acbd");
  const std::string second = SaveTensor("f", {1, 2}, {2, 1}, "xef", 1);
  HOIST_ASSERT_OK_AND_ASSIGN(const PiecedCheckpoint checkpoint,
                             Read(RowsOf(first, second)));
  EXPECT_EQ(Content(checkpoint), "abcdef");
  EXPECT_FALSE(checkpoint.catalog.storages[2].crc32.has_value());
}

TEST_F(DcpReaderTest, BigEndianPiecesAreSwapped) {
  const auto save = [this](const std::string& storage) {
    return Save(
        "f",
        pickle_builder::Tensor(Storage("ShortStorage", "0", 1), 0, {1}, {1}),
        storage, "big");
  };
  const std::string first = save("ba");
  const std::string second = save("dc");
  HOIST_ASSERT_OK_AND_ASSIGN(
      const PiecedCheckpoint checkpoint,
      Read(Metadata(
          {Text("w"), dcp_builder::Tensor("int16", {2},
                                          {Chunk({0}, {1}), Chunk({1}, {1})})},
          {Index("w", {0}), first, Index("w", {1}), second})));
  EXPECT_EQ(Content(checkpoint), "abcd");
}

TEST_F(DcpReaderTest, APieceOfAnotherShapeOrDTypeIsRefused) {
  const std::string good = SaveTensor("f", {1, 2}, {2, 1}, "ef");
  EXPECT_THAT(
      Read(RowsOf(SaveTensor("f", {4, 1}, {1, 1}, "abcd"), good)),
      StatusIs(kDataLoss, AllOf(HasSubstr("Tensor \"w\": piece [0:2, 0:2]"),
                                HasSubstr("of shape [4, 1]"))));
  const std::string floats =
      Save("f",
           pickle_builder::Tensor(Storage("FloatStorage", "0", 4), 0, {2, 2},
                                  {2, 1}),
           std::string(16, 'x'));
  EXPECT_THAT(Read(RowsOf(floats, good)),
              StatusIs(kDataLoss, HasSubstr("it is of float32")));
}

TEST_F(DcpReaderTest, APieceThatIsNoTensorIsRefused) {
  const std::string good = SaveTensor("f", {1, 2}, {2, 1}, "ef");
  EXPECT_THAT(Read(RowsOf(Save("f", Int(3)), good)),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("Tensor \"w\""),
                             HasSubstr("a int in place of"))));
  EXPECT_THAT(Read(RowsOf(Append("f", "no archive"), good)).status().message(),
              HasSubstr("Tensor \"w\": piece [0:2, 0:2]: f at byte"));
}

TEST_F(DcpReaderTest, BytesThatAreNotThereAreRefused) {
  const std::string good = SaveTensor("f", {1, 2}, {2, 1}, "ef");
  EXPECT_THAT(Read(RowsOf(Place("f", 10, 100'000), good)),
              StatusIs(kDataLoss, HasSubstr("not inside the file's")));
  EXPECT_THAT(Read(RowsOf(Place("f", INT32_MAX, 1), good)),
              StatusIs(kDataLoss, HasSubstr("not inside the file's")));
  const absl::Status missing = Read(RowsOf(Place("g", 0, 1), good)).status();
  EXPECT_THAT(missing,
              StatusIs(kDataLoss, HasSubstr("1 of 2 files is not there: g")));
  EXPECT_THAT(HintOf(missing), HasSubstr("every rank"));
}

TEST_F(DcpReaderTest, ValuesAreNestedAndKeptAsData) {
  const std::string number = Save("f", Int(7));
  const std::string object = Save(
      "f", Object(Class("argparse", "Namespace"), Dict({Text("lr"), Int(1)})));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const PiecedCheckpoint checkpoint,
      Read(Metadata({Text("train.step"), Bytes(), Text("train.args"), Bytes()},
                    {Index("train.step"), number, Index("train.args"), object},
                    {Text("train.step"), Tuple({Text("train"), Text("step")}),
                     Text("train.args"), Tuple({Text("train.args")})})));
  const Value root = checkpoint.catalog.root();
  EXPECT_EQ(root.Find("train.args")->ClassName(), "argparse.Namespace");
  EXPECT_EQ(root.Find("train")->Find("step")->AsInt(), 7);
}

TEST_F(DcpReaderTest, TwoValuesInOnePlaceAreRefused) {
  const std::string number = Save("f", Int(7));
  EXPECT_THAT(
      Read(Metadata({Text("train.step"), Bytes(), Text("train"), Bytes()},
                    {Index("train.step"), number, Index("train"), number},
                    {Text("train.step"), Tuple({Text("train"), Text("step")}),
                     Text("train"), Tuple({Text("train")})})),
      StatusIs(kDataLoss, HasSubstr("in one place: \"train\"")));
}

TEST_F(DcpReaderTest, TensorsInsideOfValuesAreListed) {
  const std::string value =
      Save("f",
           Tuple({Int(3), pickle_builder::Tensor(Storage("ByteStorage", "0", 2),
                                                 0, {2}, {1})}),
           "xy");
  HOIST_ASSERT_OK_AND_ASSIGN(
      const PiecedCheckpoint checkpoint,
      Read(Metadata({Text("state"), Bytes()}, {Index("state"), value})));
  ASSERT_EQ(checkpoint.catalog.tensors.size(), 1u);
  EXPECT_EQ(checkpoint.catalog.tensors[0].name, "state.1");
  EXPECT_EQ(Content(checkpoint), "xy");
}

TEST_F(DcpReaderTest, WhatIsCompressedIsNotRead) {
  (void)Save("f", Int(7));
  const absl::Status status =
      Read(Metadata({Text("x"), Bytes()},
                    {Index("x"), Place("f", 0, 10, {"stream.zstd/1"})}))
          .status();
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("Value \"x\": f at byte 0"),
                             HasSubstr("written through stream.zstd/1"))));
  EXPECT_THAT(HintOf(status), HasSubstr("without extensions"));
}

TEST_F(DcpReaderTest, ATensorWithoutElementsNeedsNoFile) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const PiecedCheckpoint checkpoint,
      Read(Metadata(
          {Text("none"),
           dcp_builder::Tensor("float32", {0, 3}, {Chunk({0, 0}, {0, 3})})},
          {})));
  EXPECT_THAT(checkpoint.catalog.tensors[0].spec.shape, ElementsAre(0, 3));
  EXPECT_EQ(Content(checkpoint), "");
}

}  // namespace
}  // namespace hoist
