#include "hoist/checkpoint/migrate/lossless_cast.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

// Every element of a dtype of 8 or 16 bits.
std::vector<uint8_t> AllElements(DType dtype) {
  std::vector<uint8_t> bytes;
  const int bits = dtype == DType::kBool ? 1 : DTypeBits(dtype);
  for (int i = 0; i < 1 << bits; ++i) {
    bytes.push_back(static_cast<uint8_t>(i));
    if (bits == 16) {
      bytes.push_back(static_cast<uint8_t>(i >> 8));
    }
  }
  return bytes;
}

bool IsNan(DType dtype, const uint8_t* element) {
  const ElementValue value = DecodeElement(dtype, element);
  const auto* const number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

bool ComesBack(DType from, DType to) {
  const std::vector<uint8_t> elements = AllElements(from);
  const size_t width = static_cast<size_t>(DTypeBits(from)) / 8;
  std::vector<uint8_t> cast(elements.size() / width *
                            static_cast<size_t>(DTypeBits(to)) / 8);
  std::vector<uint8_t> back(elements.size());
  HOIST_EXPECT_OK(Cast(from, elements, to, absl::MakeSpan(cast)));
  HOIST_EXPECT_OK(Cast(to, cast, from, absl::MakeSpan(back)));
  for (size_t i = 0; i < elements.size(); i += width) {
    for (size_t j = 0; j < width; ++j) {
      if (elements[i + j] != back[i + j] &&
          !(IsNan(from, &elements[i]) && IsNan(from, &back[i]))) {
        return false;
      }
    }
  }
  return true;
}

bool IsInteger(DType dtype) {
  return dtype >= DType::kUint8 && dtype <= DType::kUint64;
}

// Whether it says just what casts do; where NaN alone has no place in the
// other dtype, they are no numbers that come back.
TEST(LosslessCastTest, SaysWhatCastsDo) {
  int lossless = 0;
  for (const DType from : AllDTypes()) {
    for (const DType to : AllDTypes()) {
      if (DTypeBits(from) <= 16 && from != to && CanCast(from, to)) {
        // Integers of another sign come back as well, but are other numbers.
        const bool wraps =
            IsInteger(from) && IsInteger(to) && !IsLosslessCast(from, to);
        EXPECT_TRUE(wraps || IsLosslessCast(from, to) == ComesBack(from, to))
            << DTypeName(from) << " to " << DTypeName(to);
        lossless += IsLosslessCast(from, to) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(lossless, 40);
}

TEST(LosslessCastTest, OfWideDtypes) {
  EXPECT_TRUE(IsLosslessCast(DType::kFloat32, DType::kFloat64));
  EXPECT_TRUE(IsLosslessCast(DType::kInt32, DType::kFloat64));
  EXPECT_TRUE(IsLosslessCast(DType::kInt32, DType::kInt64));
  EXPECT_TRUE(IsLosslessCast(DType::kUint32, DType::kInt64));
  EXPECT_FALSE(IsLosslessCast(DType::kFloat32, DType::kBfloat16));
  EXPECT_FALSE(IsLosslessCast(DType::kInt64, DType::kFloat64));
  EXPECT_FALSE(IsLosslessCast(DType::kInt32, DType::kFloat32));
  EXPECT_FALSE(IsLosslessCast(DType::kInt64, DType::kUint64));
  EXPECT_FALSE(IsLosslessCast(DType::kUint8, DType::kInt8));
  EXPECT_FALSE(IsLosslessCast(DType::kComplex64, DType::kComplex128));
  EXPECT_TRUE(IsLosslessCast(DType::kComplex64, DType::kComplex64));
}

}  // namespace
}  // namespace hoist
