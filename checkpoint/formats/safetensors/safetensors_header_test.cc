#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::Status StatusOfHeader(absl::string_view text) {
  return ParseSafetensorsHeader(text).status();
}

absl::Status StatusOfEntry(absl::string_view fields) {
  return StatusOfHeader(absl::StrCat(R"({"w":{)", fields, "}}"));
}

// An unknown field that is `depth` arrays, in an entry.
std::string Nested(int depth) {
  return absl::StrCat(R"("dtype":"U8","shape":[],"data_offsets":[0,1],"x":)",
                      std::string(static_cast<size_t>(depth), '['),
                      std::string(static_cast<size_t>(depth), ']'));
}

TEST(SafetensorsHeaderTest, ReadsTensorsAndMetadataInOrder) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto header, ParseSafetensorsHeader(R"( {
      "b":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},
      "__metadata__":{"z":"1","a":"2"},
      "a":{"data_offsets":[0,4],"unknown":{"x":[1.5]},"shape":[],"dtype":"I32"}
      }  )"));
  ASSERT_EQ(header.tensors.size(), 2u);
  EXPECT_EQ(header.tensors[0].name, "b");
  EXPECT_EQ(header.tensors[0].dtype, DType::kFloat32);
  EXPECT_THAT(header.tensors[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(header.tensors[0].begin, 4u);
  EXPECT_EQ(header.tensors[0].end, 28u);
  EXPECT_EQ(header.tensors[1].name, "a");
  EXPECT_THAT(header.tensors[1].shape, IsEmpty());
  EXPECT_THAT(header.metadata, ElementsAre(Pair("z", "1"), Pair("a", "2")));
}

TEST(SafetensorsHeaderTest, NamesMayHaveAnyCharacter) {
  HOIST_ASSERT_OK_AND_ASSIGN(const auto header, ParseSafetensorsHeader(R"({
      "a\u0000b":{"dtype":"U8","shape":[],"data_offsets":[0,1]},
      "":{"dtype":"U8","shape":[],"data_offsets":[1,2]}})"));
  EXPECT_EQ(header.tensors[0].name, std::string("a\0b", 3));
  EXPECT_EQ(header.tensors[1].name, "");
  EXPECT_THAT(StatusOfHeader("{\"a\0b\":{}}"), Not(IsOk()));
  EXPECT_THAT(StatusOfHeader(R"({"\ud800":{}})"), StatusIs(kDataLoss));
}

TEST(SafetensorsHeaderTest, NamesInMessagesArePrintableAndShort) {
  EXPECT_EQ(QuotedName(absl::string_view("a\0\n", 3)), R"("a\x00\n")");
  EXPECT_EQ(QuotedName("größe"), "\"größe\"");
  std::string umlauts;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&umlauts, i == 0 ? "x" : "ö");
  const std::string quoted = QuotedName(umlauts);
  EXPECT_LT(quoted.size(), 130u);
  EXPECT_THAT(quoted, ::testing::EndsWith("ö...\""));
}

TEST(SafetensorsHeaderTest, DTypes) {
  const auto dtype_of = [](absl::string_view name) {
    const auto header = ParseSafetensorsHeader(absl::StrCat(
        R"({"w":{"dtype":")", name, R"(","shape":[2],"data_offsets":[0,0]}})"));
    return header.ok() ? std::string(DTypeName(header->tensors[0].dtype))
                       : header.status().ToString();
  };
  EXPECT_EQ(dtype_of("BOOL"), "bool");
  EXPECT_EQ(dtype_of("U8"), "uint8");
  EXPECT_EQ(dtype_of("I8"), "int8");
  EXPECT_EQ(dtype_of("F8_E5M2"), "float8_e5m2");
  EXPECT_EQ(dtype_of("F8_E4M3"), "float8_e4m3fn");
  EXPECT_EQ(dtype_of("F8_E8M0"), "float8_e8m0fnu");
  EXPECT_EQ(dtype_of("F8_E4M3FNUZ"), "float8_e4m3fnuz");
  EXPECT_EQ(dtype_of("F8_E5M2FNUZ"), "float8_e5m2fnuz");
  EXPECT_EQ(dtype_of("I16"), "int16");
  EXPECT_EQ(dtype_of("U16"), "uint16");
  EXPECT_EQ(dtype_of("F16"), "float16");
  EXPECT_EQ(dtype_of("BF16"), "bfloat16");
  EXPECT_EQ(dtype_of("I32"), "int32");
  EXPECT_EQ(dtype_of("U32"), "uint32");
  EXPECT_EQ(dtype_of("F32"), "float32");
  EXPECT_EQ(dtype_of("C64"), "complex64");
  EXPECT_EQ(dtype_of("F64"), "float64");
  EXPECT_EQ(dtype_of("I64"), "int64");
  EXPECT_EQ(dtype_of("U64"), "uint64");
  EXPECT_EQ(dtype_of("F4"), DTypeName(DType::kFloat4E2m1fnX2));
  EXPECT_EQ(dtype_of("F6_E2M3"), DTypeName(DType::kFloat6E2m3));
  EXPECT_EQ(dtype_of("F6_E3M2"), DTypeName(DType::kFloat6E3m2));
}

TEST(SafetensorsHeaderTest, UnknownDTypeIsNamedWithItsTensor) {
  for (const absl::string_view dtype : {"F5", "f32", "", "F32 "}) {
    const absl::Status status = StatusOfEntry(absl::StrCat(
        R"("dtype":")", dtype, R"(","shape":[],"data_offsets":[0,4])"));
    EXPECT_THAT(
        status,
        StatusIs(kUnimplemented,
                 absl::StrCat("1 of 1 tensors have a dtype that Hoist does not "
                              "know, so nothing is read: \"",
                              dtype, "\" (1: \"w\")")));
    EXPECT_THAT(HintOf(status),
                HasSubstr(dtype == "f32" ? "writes F32" : "newer Hoist"));
  }
}

TEST(SafetensorsHeaderTest, UnknownDTypesAreCounted) {
  const auto entry = [](absl::string_view name, absl::string_view dtype) {
    return absl::StrCat("\"", name, R"(":{"dtype":")", dtype,
                        R"(","shape":[4],"data_offsets":[0,4]})");
  };
  const std::string header =
      absl::StrCat("{", entry("a", "U8"), ",", entry("b", "F7"), ",",
                   entry("c", "F9"), ",", entry("d", "F7"), "}");
  EXPECT_THAT(StatusOfHeader(header),
              StatusIs(kUnimplemented,
                       HasSubstr("3 of 4 tensors have a dtype that Hoist does "
                                 "not know, so nothing is read: \"F7\" (2, "
                                 "first \"b\"), \"F9\" (1: \"c\")")));
  // Damage after them is still found.
  EXPECT_THAT(StatusOfHeader(absl::StrCat("{", entry("a", "F7"),
                                          R"(,"b":{"dtype":"U8"}})")),
              StatusIs(kDataLoss));
}

TEST(SafetensorsHeaderTest, Float4HasTorchsShape) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto header,
      ParseSafetensorsHeader(
          R"({"w":{"dtype":"F4","shape":[3,4],"data_offsets":[0,6]}})"));
  EXPECT_THAT(header.tensors[0].shape, ElementsAre(3, 2));
  EXPECT_THAT(
      StatusOfEntry(R"("dtype":"F4","shape":[2,3],"data_offsets":[0,3])"),
      StatusIs(kUnimplemented, HasSubstr("not even")));
  EXPECT_THAT(StatusOfEntry(R"("shape":[],"dtype":"F4","data_offsets":[0,1])"),
              StatusIs(kUnimplemented));
}

TEST(SafetensorsHeaderTest, NotAnObject) {
  EXPECT_THAT(StatusOfHeader(""), StatusIs(kDataLoss, HasSubstr("0 bytes")));
  EXPECT_THAT(StatusOfHeader(" \n\t\r "),
              StatusIs(kDataLoss, HasSubstr("5 bytes are blank")));
  EXPECT_THAT(StatusOfHeader("[{}]"),
              StatusIs(kDataLoss, HasSubstr("starts with \"[{}]\"")));
  EXPECT_THAT(StatusOfHeader("\xef\xbb\xbf{}"), StatusIs(kDataLoss));
}

TEST(SafetensorsHeaderTest, NotJson) {
  for (const absl::string_view text :
       {"{", "{}}", "{} x", "{\"a\"}", "{\"a\":}", "{\"a\":NaN}", "{,}",
        "{} // no", "{'a':1}", "{\"a\":01}", "{\"a\":{}"}) {
    EXPECT_THAT(StatusOfHeader(text),
                StatusIs(kDataLoss, HasSubstr("not valid JSON")))
        << text;
  }
  EXPECT_THAT(StatusOfHeader(absl::string_view("{}\0", 3)),
              StatusIs(kDataLoss));
}

TEST(SafetensorsHeaderTest, NotUtf8) {
  EXPECT_THAT(StatusOfHeader("{\"\xff\":{}}"),
              StatusIs(kDataLoss, HasSubstr("not UTF-8")));
  // An overlong slash.
  EXPECT_THAT(StatusOfHeader("{\"\xc0\xaf\":{}}"),
              StatusIs(kDataLoss, HasSubstr("not UTF-8")));
}

TEST(SafetensorsHeaderTest, NestingIsLimited) {
  HOIST_EXPECT_OK(StatusOfEntry(Nested(100)));
  EXPECT_THAT(StatusOfEntry(Nested(128)),
              StatusIs(kDataLoss, HasSubstr("nested deeper")));
  EXPECT_THAT(StatusOfEntry(Nested(1'000'000)),
              StatusIs(kDataLoss, HasSubstr("nested deeper")));
}

TEST(SafetensorsHeaderTest, KeysThatOccurTwice) {
  constexpr absl::string_view kEntry =
      R"({"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  EXPECT_THAT(
      StatusOfHeader(absl::StrCat("{\"w\":", kEntry, ",\"w\":", kEntry, "}")),
      StatusIs(kDataLoss, "Key \"w\" is there twice"));
  // Equal once unescaped.
  EXPECT_THAT(StatusOfHeader(absl::StrCat("{\"w\":", kEntry,
                                          ",\"\\u0077\":", kEntry, "}")),
              StatusIs(kDataLoss, "Key \"w\" is there twice"));
  EXPECT_THAT(StatusOfHeader(R"({"__metadata__":{},"__metadata__":{}})"),
              StatusIs(kDataLoss, HasSubstr("__metadata__")));
  EXPECT_THAT(StatusOfHeader(R"({"__metadata__":{"a":"1","a":"1"}})"),
              StatusIs(kDataLoss, HasSubstr("__metadata__: Key \"a\"")));
  EXPECT_THAT(
      StatusOfEntry(
          R"("dtype":"U8","shape":[],"dtype":"I8","data_offsets":[0,1])"),
      StatusIs(kDataLoss, HasSubstr("Tensor \"w\": Key \"dtype\"")));
}

TEST(SafetensorsHeaderTest, MetadataIsOfStrings) {
  EXPECT_THAT(StatusOfHeader(R"({"__metadata__":{"a":1}})"),
              StatusIs(kDataLoss, HasSubstr("\"a\" is 1")));
  EXPECT_THAT(StatusOfHeader(R"({"__metadata__":{"a":null}})"),
              StatusIs(kDataLoss, HasSubstr("\"a\" is null")));
  EXPECT_THAT(StatusOfHeader(R"({"__metadata__":[]})"),
              StatusIs(kDataLoss, HasSubstr("an array")));
  HOIST_EXPECT_OK(StatusOfHeader(R"({"__metadata__":null})"));
}

TEST(SafetensorsHeaderTest, EntriesLackNothing) {
  EXPECT_THAT(StatusOfHeader(R"({"w":7})"),
              StatusIs(kDataLoss, HasSubstr("Tensor \"w\": its entry is 7")));
  EXPECT_THAT(StatusOfEntry(""), StatusIs(kDataLoss, HasSubstr("lacks")));
  EXPECT_THAT(StatusOfEntry(R"("dtype":"U8","shape":[1])"),
              StatusIs(kDataLoss, HasSubstr("lacks")));
  EXPECT_THAT(StatusOfEntry(R"("dtype":"U8","data_offsets":[0,1])"),
              StatusIs(kDataLoss, HasSubstr("lacks")));
  EXPECT_THAT(StatusOfEntry(R"("shape":[1],"data_offsets":[0,1])"),
              StatusIs(kDataLoss, HasSubstr("lacks")));
  EXPECT_THAT(StatusOfEntry(R"("dtype":8,"shape":[1],"data_offsets":[0,1])"),
              StatusIs(kDataLoss, HasSubstr("dtype is 8")));
}

TEST(SafetensorsHeaderTest, SizesAreNaturalNumbers) {
  for (const absl::string_view size :
       {"-1", "1.0", "1e3", "\"1\"", "null", "true", "[1]", "1e400",
        "9223372036854775808", "18446744073709551615",
        "18446744073709551616"}) {
    EXPECT_THAT(StatusOfEntry(absl::StrCat(R"("dtype":"U8","shape":[2,)", size,
                                           R"(],"data_offsets":[0,1])")),
                StatusIs(kDataLoss))
        << size;
  }
  EXPECT_THAT(
      StatusOfEntry(R"("dtype":"U8","shape":[2,-1],"data_offsets":[0,1])"),
      StatusIs(kDataLoss, HasSubstr("shape[1] is -1")));
  EXPECT_THAT(StatusOfEntry(R"("dtype":"U8","shape":3,"data_offsets":[0,1])"),
              StatusIs(kDataLoss, HasSubstr("shape is 3")));
}

TEST(SafetensorsHeaderTest, OffsetsAreTwoNaturalNumbers) {
  const auto status_of = [](absl::string_view offsets) {
    return StatusOfEntry(
        absl::StrCat(R"("dtype":"U8","shape":[1],"data_offsets":)", offsets));
  };
  EXPECT_THAT(status_of("[]"), StatusIs(kDataLoss, HasSubstr("has 0 items")));
  EXPECT_THAT(status_of("[1]"), StatusIs(kDataLoss, HasSubstr("has 1 items")));
  EXPECT_THAT(status_of("[0,1,2]"),
              StatusIs(kDataLoss, HasSubstr("has 3 items")));
  EXPECT_THAT(status_of("[-1,0]"),
              StatusIs(kDataLoss, HasSubstr("data_offsets[0] is -1")));
  EXPECT_THAT(status_of("[0,1.5]"),
              StatusIs(kDataLoss, HasSubstr("data_offsets[1] is 1.5")));
  EXPECT_THAT(status_of("[0,18446744073709551616]"), StatusIs(kDataLoss));
  EXPECT_THAT(status_of("{}"), StatusIs(kDataLoss, HasSubstr("an object")));
}

}  // namespace
}  // namespace hoist
