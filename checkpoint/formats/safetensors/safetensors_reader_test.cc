#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
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

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

std::string FileBytes(uint64_t header_size, absl::string_view rest) {
  char length[sizeof(header_size)];
  StoreLittleEndian(header_size, length);
  return absl::StrCat(absl::string_view(length, sizeof(length)), rest);
}

std::string FileOf(absl::string_view header, size_t data_bytes) {
  return absl::StrCat(FileBytes(header.size(), header),
                      std::string(data_bytes, 'd'));
}

absl::StatusOr<Catalog> Read(absl::string_view content) {
  const auto file = OpenFile(WriteTempFile("model.safetensors", content));
  return file.ok() ? ReadSafetensors(**file)
                   : absl::StatusOr<Catalog>(file.status());
}

// One uint8 tensor "w".
std::string OneTensor(absl::string_view shape, absl::string_view offsets) {
  return absl::StrCat(R"({"w":{"dtype":"U8","shape":[)", shape,
                      R"(],"data_offsets":[)", offsets, "]}}");
}

// Two tensors "a" and "b" of 4 bytes each.
std::string TwoTensors(absl::string_view a, absl::string_view b) {
  return absl::StrCat(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[)", a,
                      R"(]},"b":{"dtype":"I8","shape":[2,2],"data_offsets":[)",
                      b, "]}}");
}

TEST(SafetensorsReaderTest, ReadsACatalog) {
  const std::string header = R"({"__metadata__":{"format":"pt","by":"me"},)"
                             R"("b":{"dtype":"I8","shape":[2,2],)"
                             R"("data_offsets":[4,8]},)"
                             R"("a":{"dtype":"F32","shape":[],)"
                             R"("data_offsets":[0,4]}} )";
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, Read(FileOf(header, 8)));
  EXPECT_EQ(catalog.format, Format::kSafetensors);
  EXPECT_EQ(catalog.format_version, "");
  EXPECT_EQ(catalog.producer, "");
  EXPECT_THAT(catalog.metadata,
              ElementsAre(Pair("format", "pt"), Pair("by", "me")));
  ASSERT_EQ(catalog.files.size(), 1u);
  EXPECT_THAT(catalog.files[0].path, HasSubstr("model.safetensors"));
  EXPECT_EQ(catalog.files[0].size_bytes, 16 + header.size());

  ASSERT_EQ(catalog.tensors.size(), 2u);
  const TensorEntry& b = catalog.tensors[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.spec.dtype, DType::kInt8);
  EXPECT_THAT(b.spec.shape, ElementsAre(2, 2));
  EXPECT_THAT(b.spec.strides, ElementsAre(2, 1));
  EXPECT_EQ(b.location, "cpu");
  EXPECT_EQ(b.storage_offset, 0);
  ASSERT_EQ(b.storage, 1);
  const StorageEntry& storage = catalog.storages[1];
  EXPECT_EQ(storage.name, "b");
  EXPECT_EQ(storage.offset_bytes, 8 + header.size() + 4);
  EXPECT_EQ(storage.size_bytes, 4u);
  EXPECT_FALSE(storage.crc32.has_value());
  EXPECT_EQ(storage.swap_bytes, 1);

  const Value root = catalog.root();
  ASSERT_EQ(root.kind(), ValueKind::kDict);
  EXPECT_EQ(root.ClassName(), "dict");
  ASSERT_EQ(root.size(), 2u);
  EXPECT_EQ(root.key(0).AsString(), "a");
  EXPECT_EQ(root.value(0).AsIndex(), 0);
  EXPECT_EQ(root.Find("b")->AsIndex(), 1);
}

TEST(SafetensorsReaderTest, TensorsWithoutBytesKeepTheHeadersOrder) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog catalog,
      Read(FileOf(R"({"z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},)"
                  R"("w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                  R"("a":{"dtype":"F64","shape":[2,0],"data_offsets":[1,1]}})",
                  1)));
  ASSERT_EQ(catalog.tensors.size(), 3u);
  EXPECT_EQ(catalog.tensors[0].name, "w");
  EXPECT_EQ(catalog.tensors[1].name, "z");
  EXPECT_EQ(catalog.tensors[2].name, "a");
}

TEST(SafetensorsReaderTest, SmallestFiles) {
  HOIST_EXPECT_OK(Read(FileOf("{}", 0)));
  HOIST_EXPECT_OK(Read(FileOf("{}      ", 0)));
  HOIST_EXPECT_OK(Read(FileOf(R"({"__metadata__":{}})", 0)));
  HOIST_EXPECT_OK(Read(FileOf(OneTensor("1", "0,1"), 1)));
}

TEST(SafetensorsReaderTest, LeadingBlanksMayAlignTheData) {
  const std::string header =
      std::string(5000, ' ') + "\n\t\r" + OneTensor("1", "0,1");
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, Read(FileOf(header, 1)));
  EXPECT_EQ(catalog.storages[0].offset_bytes, 8 + header.size());
}

TEST(SafetensorsReaderTest, PackedFloats) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Catalog catalog,
      Read(FileOf(R"({"f4":{"dtype":"F4","shape":[3,4],"data_offsets":[0,6]},)"
                  R"("f6":{"dtype":"F6_E2M3","shape":[4],)"
                  R"("data_offsets":[6,9]}})",
                  9)));
  EXPECT_EQ(catalog.tensors[0].spec.dtype, DType::kFloat4E2m1fnX2);
  EXPECT_THAT(catalog.tensors[0].spec.shape, ElementsAre(3, 2));
  EXPECT_EQ(catalog.tensors[1].spec.dtype, DType::kFloat6E2m3);
  EXPECT_THAT(catalog.tensors[1].spec.shape, ElementsAre(4));
  // 18 bits are no whole number of bytes.
  EXPECT_THAT(Read(FileOf(R"({"f":{"dtype":"F6_E3M2","shape":[3],)"
                          R"("data_offsets":[0,3]}})",
                          3)),
              StatusIs(kDataLoss, HasSubstr("Tensor \"f\"")));
}

TEST(SafetensorsReaderTest, EveryTruncationIsAnError) {
  const std::string whole = FileOf(TwoTensors("0,4", "4,8"), 8);
  HOIST_ASSERT_OK(Read(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    const absl::Status status = Read(whole.substr(0, size)).status();
    EXPECT_THAT(status, StatusIs(kDataLoss, HasSubstr("The file is cut off")))
        << size;
    EXPECT_THAT(HintOf(status), HasSubstr("download may be incomplete"));
  }
}

TEST(SafetensorsReaderTest, TruncationNamesWantedAndPresentBytes) {
  EXPECT_THAT(Read("abc"), StatusIs(kDataLoss, HasSubstr("takes 8 bytes, 3")));
  EXPECT_THAT(
      Read(FileBytes(1000, "{}")),
      StatusIs(kDataLoss, HasSubstr("header would take 1000 bytes, 2 are")));
  EXPECT_THAT(Read(FileOf(TwoTensors("0,4", "4,8"), 5)),
              StatusIs(kDataLoss,
                       AllOf(HasSubstr("the tensors take 8 bytes, 5 are there, "
                                       "3 are missing"),
                             HasSubstr("1 of 2 tensors are whole, the first "
                                       "that is not is \"b\""))));
}

TEST(SafetensorsReaderTest, BytesAfterTheLastTensor) {
  EXPECT_THAT(Read(FileOf(TwoTensors("0,4", "4,8"), 9)),
              StatusIs(kDataLoss, HasSubstr("1 bytes follow the last tensor")));
  EXPECT_THAT(Read(FileOf("{}", 3)),
              StatusIs(kDataLoss, HasSubstr("3 bytes follow")));
}

TEST(SafetensorsReaderTest, HeaderLengthAtTheLimit) {
  EXPECT_THAT(Read(FileBytes(100'000'000, "{}")),
              StatusIs(kDataLoss, HasSubstr("cut off")));
  EXPECT_THAT(
      Read(FileBytes(100'000'001, "{}")),
      StatusIs(kDataLoss, HasSubstr("100000001 exceeds the format's limit")));
  EXPECT_THAT(Read(FileBytes(~uint64_t{0}, "{}")),
              StatusIs(kDataLoss, HasSubstr("18446744073709551615 exceeds")));
  const absl::Status text = Read("version https://git-lfs").status();
  EXPECT_THAT(text, StatusIs(kDataLoss, HasSubstr("as text: \"version \"")));
  EXPECT_THAT(HintOf(text), HasSubstr("another format"));
}

TEST(SafetensorsReaderTest, HeaderWithoutContent) {
  EXPECT_THAT(Read(FileOf("", 0)), StatusIs(kDataLoss));
  EXPECT_THAT(Read(FileOf(std::string(64, ' '), 0)),
              StatusIs(kDataLoss, HasSubstr("blank")));
  EXPECT_THAT(Read(FileOf(std::string(64, '\0'), 0)), StatusIs(kDataLoss));
  EXPECT_THAT(Read(FileOf(std::string(100'000, '['), 0)), StatusIs(kDataLoss));
}

TEST(SafetensorsReaderTest, EveryDamageHasAHint) {
  EXPECT_NE(HintOf(Read(FileOf("{", 0)).status()), "");
  EXPECT_NE(HintOf(Read(FileOf(TwoTensors("0,4", "5,9"), 9)).status()), "");
}

TEST(SafetensorsReaderTest, Holes) {
  EXPECT_THAT(
      Read(FileOf(TwoTensors("0,4", "5,9"), 9)),
      StatusIs(kDataLoss,
               HasSubstr("Tensor \"b\": data_offsets [5, 9] leave a hole: "
                         "bytes 4 to 5")));
  EXPECT_THAT(Read(FileOf(TwoTensors("1,5", "5,9"), 9)),
              StatusIs(kDataLoss, HasSubstr("Tensor \"a\"")));
}

TEST(SafetensorsReaderTest, Overlaps) {
  EXPECT_THAT(
      Read(FileOf(TwoTensors("0,4", "2,6"), 6)),
      StatusIs(kDataLoss,
               HasSubstr("Tensor \"b\": data_offsets [2, 6] overlap tensor "
                         "\"a\", which ends at byte 4")));
  EXPECT_THAT(Read(FileOf(TwoTensors("0,4", "0,4"), 4)),
              StatusIs(kDataLoss, HasSubstr("overlap")));
}

TEST(SafetensorsReaderTest, OffsetsBackwardsOrTooLarge) {
  EXPECT_THAT(Read(FileOf(OneTensor("4", "4,0"), 4)),
              StatusIs(kDataLoss, HasSubstr("end before they begin")));
  EXPECT_THAT(Read(FileOf(OneTensor("4", "0,18446744073709551615"), 4)),
              StatusIs(kDataLoss, HasSubstr("hold 18446744073709551615")));
  EXPECT_THAT(
      Read(FileOf(OneTensor("4", "18446744073709551612,18446744073709551615"),
                  4)),
      StatusIs(kDataLoss, HasSubstr("hole")));
  EXPECT_THAT(
      Read(
          FileOf(OneTensor("9223372036854775807", "0,9223372036854775807"), 4)),
      StatusIs(kDataLoss, HasSubstr("take 9223372036854775807 bytes, 4 are")));
}

TEST(SafetensorsReaderTest, ShapeAndBytesDisagree) {
  EXPECT_THAT(
      Read(FileOf(OneTensor("5", "0,4"), 4)),
      StatusIs(kDataLoss, HasSubstr("Tensor \"w\": data_offsets [0, 4] hold 4 "
                                    "bytes, and uint8 of shape [5] takes 5")));
  EXPECT_THAT(Read(FileOf(OneTensor("0", "0,4"), 4)), StatusIs(kDataLoss));
  EXPECT_THAT(Read(FileOf(OneTensor("1", "0,0"), 0)), StatusIs(kDataLoss));
}

TEST(SafetensorsReaderTest, ShapesWhoseProductOverflows) {
  for (const absl::string_view shape :
       {"4294967296,4294967296", "9223372036854775807,2",
        "0,9223372036854775807,2"}) {
    EXPECT_THAT(Read(FileOf(OneTensor(shape, "0,0"), 0)),
                StatusIs(kDataLoss, HasSubstr("Tensor \"w\"")))
        << shape;
  }
}

TEST(SafetensorsReaderTest, NamesInMessagesArePrintable) {
  EXPECT_THAT(Read(FileOf(R"({"a\u0000\n":{"dtype":"U8","shape":[2],)"
                          R"("data_offsets":[0,1]}})",
                          1)),
              StatusIs(kDataLoss, HasSubstr(R"(Tensor "a\x00\n":)")));
}

}  // namespace
}  // namespace hoist
