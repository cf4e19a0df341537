#include "hoist/core/tensor/dtype.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

struct Expected {
  const char* name;
  int bits;
  int swap_bytes;
};

// {str(d).removeprefix("torch."): d.itemsize * 8} of every dtype of torch 2.11,
// and the two of safetensors.
constexpr Expected kExpected[] = {
    {"bool", 8, 1},
    {"uint8", 8, 1},
    {"int8", 8, 1},
    {"int16", 16, 2},
    {"int32", 32, 4},
    {"int64", 64, 8},
    {"uint16", 16, 2},
    {"uint32", 32, 4},
    {"uint64", 64, 8},
    {"float16", 16, 2},
    {"bfloat16", 16, 2},
    {"float32", 32, 4},
    {"float64", 64, 8},
    {"complex32", 32, 2},
    {"complex64", 64, 4},
    {"complex128", 128, 8},
    {"float8_e4m3fn", 8, 1},
    {"float8_e5m2", 8, 1},
    {"float8_e4m3fnuz", 8, 1},
    {"float8_e5m2fnuz", 8, 1},
    {"float8_e8m0fnu", 8, 1},
    {"float4_e2m1fn_x2", 8, 1},
    {"float6_e2m3", 6, 1},
    {"float6_e3m2", 6, 1},
    {"qint8", 8, 1},
    {"quint8", 8, 1},
    {"qint32", 32, 4},
    {"quint4x2", 8, 1},
    {"quint2x4", 8, 1},
    {"bits1x8", 8, 1},
    {"bits2x4", 8, 1},
    {"bits4x2", 8, 1},
    {"bits8", 8, 1},
    {"bits16", 16, 2},
    {"uint1", 8, 1},
    {"uint2", 8, 1},
    {"uint3", 8, 1},
    {"uint4", 8, 1},
    {"uint5", 8, 1},
    {"uint6", 8, 1},
    {"uint7", 8, 1},
    {"int1", 8, 1},
    {"int2", 8, 1},
    {"int3", 8, 1},
    {"int4", 8, 1},
    {"int5", 8, 1},
    {"int6", 8, 1},
    {"int7", 8, 1},
};

TEST(DTypeTest, HasNameAndWidthsOfEveryTorchDtype) {
  ASSERT_EQ(AllDTypes().size(), std::size(kExpected));
  for (size_t i = 0; i < std::size(kExpected); ++i) {
    const DType dtype = AllDTypes()[i];
    SCOPED_TRACE(kExpected[i].name);
    EXPECT_EQ(static_cast<size_t>(dtype), i);
    EXPECT_EQ(DTypeName(dtype), kExpected[i].name);
    EXPECT_EQ(DTypeBits(dtype), kExpected[i].bits);
    EXPECT_EQ(DTypeSwapBytes(dtype), kExpected[i].swap_bytes);
  }
}

TEST(DTypeTest, EnumeratorsMeanTheirNames) {
  EXPECT_EQ(DTypeName(DType::kBfloat16), "bfloat16");
  EXPECT_EQ(DTypeName(DType::kComplex128), "complex128");
  EXPECT_EQ(DTypeName(DType::kFloat8E5m2fnuz), "float8_e5m2fnuz");
  EXPECT_EQ(DTypeName(DType::kFloat6E3m2), "float6_e3m2");
  EXPECT_EQ(DTypeName(DType::kQuint2x4), "quint2x4");
  EXPECT_EQ(DTypeName(DType::kInt7), "int7");
}

TEST(DTypeTest, FindsByNameWhatItNames) {
  for (const DType dtype : AllDTypes()) {
    EXPECT_EQ(DTypeFromName(DTypeName(dtype)), dtype) << DTypeName(dtype);
  }
}

TEST(DTypeTest, KnowsAliases) {
  EXPECT_EQ(DTypeFromName("double"), DType::kFloat64);
  EXPECT_EQ(DTypeFromName("float"), DType::kFloat32);
  EXPECT_EQ(DTypeFromName("half"), DType::kFloat16);
  EXPECT_EQ(DTypeFromName("long"), DType::kInt64);
  EXPECT_EQ(DTypeFromName("int"), DType::kInt32);
  EXPECT_EQ(DTypeFromName("short"), DType::kInt16);
  EXPECT_EQ(DTypeFromName("cdouble"), DType::kComplex128);
  EXPECT_EQ(DTypeFromName("cfloat"), DType::kComplex64);
  EXPECT_EQ(DTypeFromName("chalf"), DType::kComplex32);
}

TEST(DTypeTest, RefusesOtherNames) {
  for (const char* name : {"", "torch.float32", "Float32", "float32 ", "float3",
                           "int0", "uint128", "float8"}) {
    EXPECT_EQ(DTypeFromName(name), std::nullopt) << name;
  }
}

TEST(DTypeTest, TellsFloatsAndComplexNumbers) {
  std::set<std::string> floats, complexes;
  for (const DType dtype : AllDTypes()) {
    if (IsFloatingPoint(dtype)) floats.emplace(DTypeName(dtype));
    if (IsComplex(dtype)) complexes.emplace(DTypeName(dtype));
  }
  EXPECT_THAT(floats, ::testing::ElementsAre(
                          "bfloat16", "float16", "float32", "float4_e2m1fn_x2",
                          "float64", "float6_e2m3", "float6_e3m2",
                          "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
                          "float8_e5m2fnuz", "float8_e8m0fnu"));
  EXPECT_THAT(complexes,
              ::testing::ElementsAre("complex128", "complex32", "complex64"));
}

}  // namespace
}  // namespace hoist
