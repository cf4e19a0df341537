#include "hoist/checkpoint/migrate/constant_tensor.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::vector<uint8_t>> Element(DType dtype, const char* text) {
  return ConstantElement(dtype, *ParseJsonTree(text));
}

std::string Hex(DType dtype, const char* text) {
  const auto element = Element(dtype, text);
  HOIST_EXPECT_OK(element);
  return element.ok() ? absl::BytesToHexString(
                            std::string(element->begin(), element->end()))
                      : "";
}

void ExpectRefused(DType dtype, const char* text, const char* message) {
  EXPECT_THAT(Element(dtype, text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
      << DTypeName(dtype) << " " << text;
}

TEST(ConstantTensorTest, NumbersHaveTheBytesOfTheirDtype) {
  EXPECT_EQ(Hex(DType::kFloat32, "1"), "0000803f");
  EXPECT_EQ(Hex(DType::kFloat32, "0.1"), "cdcccc3d");
  EXPECT_EQ(Hex(DType::kFloat64, "-0.5"), "000000000000e0bf");
  EXPECT_EQ(Hex(DType::kBfloat16, "1.0"), "803f");
  EXPECT_EQ(Hex(DType::kFloat16, "\"-inf\""), "00fc");
  EXPECT_EQ(Hex(DType::kFloat32, "\"nan\""), "0000c07f");
  EXPECT_EQ(Hex(DType::kInt64, "9007199254740993"), "0100000000002000");
  EXPECT_EQ(Hex(DType::kInt8, "-128"), "80");
  EXPECT_EQ(Hex(DType::kUint64, "7"), "0700000000000000");
  EXPECT_EQ(Hex(DType::kBool, "true"), "01");
  EXPECT_EQ(Hex(DType::kBool, "false"), "00");
  EXPECT_EQ(Hex(DType::kFloat8E8m0fnu, "2"), "80");
}

TEST(ConstantTensorTest, NumbersThatADtypeHasNotAreRefused) {
  ExpectRefused(DType::kInt8, "128", "1:1: int8 has no such number");
  ExpectRefused(DType::kUint32, "-1", "uint32 has no such number");
  ExpectRefused(DType::kUint64, "-1", "uint64 has no such number");
  ExpectRefused(DType::kInt32, "1.0", "is an integer, and this is a number");
  ExpectRefused(DType::kFloat16, "1e9", "no such number");
  ExpectRefused(DType::kFloat8E4m3fn, "\"inf\"", "no such number");
  ExpectRefused(DType::kFloat8E8m0fnu, "3", "no such number");
  ExpectRefused(DType::kFloat8E8m0fnu, "0", "no such number");
  ExpectRefused(DType::kFloat32, "\"one\"", "is a number, \"nan\"");
  ExpectRefused(DType::kFloat32, "true", "and this is true or false");
  ExpectRefused(DType::kBool, "1", "is true or false, and this is an integer");
  ExpectRefused(DType::kComplex64, "1", "no constants of complex64");
  ExpectRefused(DType::kFloat4E2m1fnX2, "1", "no constants of");
}

}  // namespace
}  // namespace hoist
