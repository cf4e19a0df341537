#include "hoist/checkpoint/formats/dcp/dcp_metadata.h"

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/dcp/dcp_metadata_builder.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::hoist::dcp_builder::Bytes;
using ::hoist::dcp_builder::Chunk;
using ::hoist::dcp_builder::Index;
using ::hoist::dcp_builder::Metadata;
using ::hoist::dcp_builder::Place;
using ::hoist::pickle_builder::Int;
using ::hoist::pickle_builder::Pickle;
using ::hoist::pickle_builder::Text;
using ::hoist::pickle_builder::Tuple;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::VariantWith;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<DcpMetadata> Parse(absl::string_view bytes) {
  return ParseDcpMetadata(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::string Tensor(const std::vector<int32_t>& shape,
                   const std::vector<std::string>& chunks) {
  return dcp_builder::Tensor("float32", shape, chunks);
}

TEST(DcpMetadataTest, ReadsWhatPyTorchWrites) {
  std::ifstream in("checkpoint/testdata/dcp/torch-2.11/mesh_2x2/.metadata",
                   std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  HOIST_ASSERT_OK_AND_ASSIGN(const DcpMetadata metadata, Parse(bytes));
  EXPECT_EQ(metadata.version, "1.0.0");
  EXPECT_THAT(metadata.files, ElementsAre("__0_0.distcp", "__1_0.distcp",
                                          "__2_0.distcp", "__3_0.distcp"));
  ASSERT_EQ(metadata.items.size(), 7u);
  const DcpItem& grid = metadata.items[0];
  EXPECT_EQ(grid.name, "grid");
  EXPECT_TRUE(grid.is_tensor);
  EXPECT_EQ(grid.dtype, DType::kFloat32);
  EXPECT_THAT(grid.shape, ElementsAre(6, 8));
  ASSERT_EQ(grid.pieces.size(), 4u);
  EXPECT_EQ(grid.pieces[3].box, (TensorBox{{3, 4}, {3, 4}}));
  EXPECT_EQ(grid.pieces[3].extent.file, 3);
  EXPECT_EQ(grid.pieces[3].extent.offset_bytes, 0u);
  EXPECT_EQ(grid.pieces[3].extent.size_bytes, 1577u);
}

TEST(DcpMetadataTest, ReadsTensorsValuesAndPaths) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const DcpMetadata metadata,
      Parse(Metadata(
          {Text("w.a"),
           Tensor({3, 2}, {Chunk({0, 0}, {2, 2}), Chunk({2, 0}, {1, 2})}),
           Text("list.0.x"), Bytes()},
          {Index("w.a", {0, 0}), Place("b", 7, 20), Index("w.a", {2, 0}),
           Place("a", 0, 10), Index("list.0.x"), Place("b", 0, 7)},
          {Text("list.0.x"), Tuple({Text("list"), Int(0), Text("x")}),
           Text("w.a"), Tuple({Text("w.a")})})));
  EXPECT_THAT(metadata.files, ElementsAre("a", "b"));
  ASSERT_EQ(metadata.items.size(), 2u);
  EXPECT_EQ(metadata.items[0].pieces[0].extent.file, 1);
  EXPECT_EQ(metadata.items[0].pieces[1].extent.file, 0);
  EXPECT_THAT(metadata.items[0].path,
              ElementsAre(VariantWith<std::string>("w.a")));
  EXPECT_FALSE(metadata.items[1].is_tensor);
  EXPECT_THAT(
      metadata.items[1].path,
      ElementsAre(VariantWith<std::string>("list"), VariantWith<int64_t>(0),
                  VariantWith<std::string>("x")));
}

TEST(DcpMetadataTest, APathThatIsNotTheNameIsNotUsed) {
  for (const std::string& path :
       {Tuple({Text("other")}), Tuple({}), Text("a.b"), Tuple({Int(0)}),
        Tuple({Text("a"), Text("b"), Text("c")}), Tuple({Text("a"), "N"}),
        Tuple({Text("a")}), Tuple({Text("a"), Int(-1)}), std::string("N")}) {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const DcpMetadata metadata,
        Parse(Metadata({Text("a.b"), Bytes()}, {Index("a.b"), Place("f", 0, 1)},
                       {Text("a.b"), path})));
    EXPECT_THAT(metadata.items[0].path,
                ElementsAre(VariantWith<std::string>("a.b")));
  }
}

TEST(DcpMetadataTest, ScalarsAndEmptyTensors) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const DcpMetadata metadata,
      Parse(Metadata(
          {Text("step"), Tensor({}, {Chunk({}, {}), Chunk({}, {})}),
           Text("none"), Tensor({0, 3}, {Chunk({0, 0}, {0, 3})}), Text("rows"),
           Tensor({1}, {Chunk({0}, {1}), Chunk({1}, {0})})},
          {Index("step", {}), Place("f", 0, 1), Index("rows", {0}),
           Place("f", 1, 1)})));
  EXPECT_EQ(metadata.items[0].pieces.size(), 1u);
  EXPECT_EQ(metadata.items[1].pieces.size(), 0u);
  EXPECT_EQ(metadata.items[2].pieces.size(), 1u);
}

TEST(DcpMetadataTest, HolesAndOverlapsAreNamed) {
  EXPECT_THAT(
      Parse(Metadata({Text("fc"), Tensor({3}, {Chunk({0}, {2})})},
                     {Index("fc", {0}), Place("f", 0, 1)})),
      StatusIs(kDataLoss, HasSubstr("Tensor \"fc\": element [2] of shape [3] "
                                    "is in no piece")));
  EXPECT_THAT(
      Parse(Metadata(
          {Text("fc"), Tensor({3}, {Chunk({0}, {2}), Chunk({1}, {2})})},
          {Index("fc", {0}), Place("f", 0, 1), Index("fc", {1}),
           Place("f", 1, 1)})),
      StatusIs(kDataLoss, AllOf(HasSubstr("Tensor \"fc\": element [1]"),
                                HasSubstr("piece [0:2] and in [1:3]"))));
  EXPECT_THAT(Parse(Metadata({Text("fc"), Tensor({3}, {Chunk({1}, {3})})},
                             {Index("fc", {1}), Place("f", 0, 1)})),
              StatusIs(kDataLoss, HasSubstr("piece [1:4]")));
}

TEST(DcpMetadataTest, APieceWithoutAPlaceIsRefused) {
  EXPECT_THAT(
      Parse(Metadata(
          {Text("fc"), Tensor({3}, {Chunk({0}, {2}), Chunk({2}, {1})})},
          {Index("fc", {0}), Place("f", 0, 1)})),
      StatusIs(kDataLoss, HasSubstr("Tensor \"fc\": piece [2:3]: storage_data "
                                    "does not say where it is")));
  EXPECT_THAT(Parse(Metadata({Text("x"), Bytes()}, {})),
              StatusIs(kDataLoss, HasSubstr("Value \"x\"")));
  EXPECT_THAT(Parse(Metadata({}, {Index("x", {0}), Place("f", 0, 1),
                                  Index("x", {0}), Place("f", 1, 1)})),
              StatusIs(kDataLoss, HasSubstr("in two places")));
}

TEST(DcpMetadataTest, FilesOutsideTheFolderAreRefused) {
  for (const std::string file :
       {"/etc/passwd", "../x", "a/../../x", "..", "a\\..\\x", "\\x"}) {
    EXPECT_THAT(Parse(Metadata({}, {Index("x"), Place(file, 0, 1)})),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         AllOf(HasSubstr("\"x\""), HasSubstr("leads out"))))
        << file;
  }
  for (const std::string& file : {std::string(), std::string("a\0b", 3)}) {
    EXPECT_THAT(Parse(Metadata({}, {Index("x"), Place(file, 0, 1)})),
                StatusIs(kDataLoss));
  }
  HOIST_EXPECT_OK(Parse(Metadata({}, {Index("x"), Place("sub/..x", 0, 1)})));
}

TEST(DcpMetadataTest, NumbersThatAreNoneAreRefused) {
  EXPECT_THAT(Parse(Metadata({}, {Index("x"), Place("f", -1, 1)})),
              StatusIs(kDataLoss));
  EXPECT_THAT(Parse(Metadata({}, {Index("x"), Place("f", 0, -1)})),
              StatusIs(kDataLoss));
  EXPECT_THAT(Parse(Metadata({Text("t"), Tensor({-3}, {})}, {})),
              StatusIs(kDataLoss, HasSubstr("a -3 in place of a size")));
  constexpr int32_t kMax = INT32_MAX;
  EXPECT_THAT(Parse(Metadata({Text("t"), Tensor({kMax, kMax, kMax}, {})}, {})),
              StatusIs(kDataLoss, HasSubstr("\"t\"")));
}

TEST(DcpMetadataTest, WhatIsNoMetadataIsRefused) {
  EXPECT_THAT(Parse(""), StatusIs(kDataLoss));
  EXPECT_THAT(Parse(Pickle(Int(3))), StatusIs(kDataLoss, HasSubstr("A int")));
  EXPECT_THAT(Parse(Pickle(Int(3) + "Q")), StatusIs(kDataLoss));
  EXPECT_THAT(Parse(Metadata({Text("x"), Int(3)}, {})),
              StatusIs(kUnimplemented, HasSubstr("\"x\"")));
  EXPECT_THAT(Parse(Metadata({Int(3), Bytes()}, {})), StatusIs(kDataLoss));
  EXPECT_THAT(
      Parse(Metadata({Text("t"), dcp_builder::Tensor("float3", {}, {})}, {})),
      StatusIs(kUnimplemented, HasSubstr("torch.float3")));
  EXPECT_THAT(Parse(Metadata({}, {Int(3), Place("f", 0, 1)})),
              StatusIs(kDataLoss));
  EXPECT_THAT(Parse(Metadata({}, {Index("x"), Int(3)})),
              StatusIs(kUnimplemented));
}

TEST(DcpMetadataTest, ATupleInManyPlacesIsNotCopiedForEver) {
  // Each time after the first by two bytes, from the memo.
  const auto shared = [](int i, const std::string& value, char memo) {
    return i == 0 ? value + "q" + memo : std::string("h") + memo;
  };
  const std::vector<int32_t> ones(60, 1);
  std::vector<std::string> places;
  for (int i = 0; i < 1000; ++i) {
    places.push_back(pickle_builder::Object(
        shared(i, dcp_builder::Class("MetadataIndex"), '\1'),
        pickle_builder::Dict({shared(i, Text("fqn"), '\2'),
                              Text(absl::StrCat(i)),
                              shared(i, Text("offset"), '\3'),
                              shared(i, dcp_builder::Size(ones), '\4')})));
    places.push_back(shared(i, Place("f", 0, 1), '\5'));
  }
  EXPECT_THAT(Parse(Metadata({}, places)),
              StatusIs(kDataLoss, HasSubstr("more pieces than fit")));
}

TEST(DcpMetadataTest, TransformsAreKept) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const DcpMetadata metadata,
      Parse(Metadata({Text("x"), Bytes()},
                     {Index("x"), Place("f", 0, 1, {"stream.zstd/1"})})));
  EXPECT_THAT(metadata.items[0].pieces[0].extent.transforms,
              ElementsAre("stream.zstd/1"));
}

}  // namespace
}  // namespace hoist
