#include "hoist/core/tensor/ops/dequantize.h"

#include <array>
#include <limits>
#include <random>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/dequantize_loops.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Element by element: the value times the scale of its block, cast to `to`.
std::vector<uint8_t> Naive(const QuantizedMatrix& matrix,
                           const std::vector<uint8_t>& source,
                           const std::vector<float>& scales, DType to) {
  const int64_t across =
      (matrix.columns + matrix.block_columns - 1) / matrix.block_columns;
  std::vector<float> values;
  for (int64_t row = 0; row < matrix.rows; ++row) {
    for (int64_t column = 0; column < matrix.columns; ++column) {
      const double value = std::get<double>(
          DecodeElement(matrix.dtype, &source[row * matrix.columns + column]));
      values.push_back(static_cast<float>(value) *
                       scales[row / matrix.block_rows * across +
                              column / matrix.block_columns]);
    }
  }
  std::vector<uint8_t> result(values.size() * DTypeBits(to) / 8);
  HOIST_EXPECT_OK(
      Cast(DType::kFloat32,
           absl::MakeSpan(reinterpret_cast<const uint8_t*>(values.data()),
                          values.size() * sizeof(float)),
           to, absl::MakeSpan(result)));
  return result;
}

TEST(DequantizeTest, EveryBlockHasItsScale) {
  std::mt19937 random(1);
  for (const auto [rows, columns, block_rows, block_columns] :
       std::vector<std::array<int64_t, 4>>{{256, 384, 128, 128},
                                           {130, 200, 128, 128},
                                           {1, 1, 128, 128},
                                           {7, 50, 3, 16},
                                           {5, 9, 1, 9},
                                           {0, 5, 128, 128},
                                           {5, 0, 128, 128}}) {
    for (const DType dtype : {DType::kFloat8E4m3fn, DType::kFloat8E5m2}) {
      const QuantizedMatrix matrix = {dtype, rows, columns, block_rows,
                                      block_columns};
      std::vector<uint8_t> source(rows * columns);
      for (uint8_t& byte : source) {
        // No NaN, whose bits are free.
        byte = static_cast<uint8_t>(random() & 0xBB);
      }
      std::vector<float> scales(
          rows * columns == 0 ? 0 : matrix.grid_rows() * matrix.grid_columns());
      for (float& scale : scales) {
        scale = static_cast<float>(random()) / 4e9f;
      }
      for (const DType to :
           {DType::kBfloat16, DType::kFloat16, DType::kFloat32}) {
        std::vector<uint8_t> result(source.size() * DTypeBits(to) / 8);
        HOIST_ASSERT_OK(
            Dequantize(matrix, source, scales, to, absl::MakeSpan(result)));
        EXPECT_TRUE(result == Naive(matrix, source, scales, to))
            << rows << " x " << columns << " to " << DTypeName(to);
      }
    }
  }
}

TEST(DequantizeTest, RoundsTheProductOnce) {
  // 1.125 times 1 + 2^-8, of which bfloat16 holds 7 bits behind the point.
  const std::vector<uint8_t> source = {0x39, 0xB9, 0x7F};
  const std::vector<float> scales = {1 + 1.0f / 256};
  std::vector<uint8_t> result(6);
  HOIST_ASSERT_OK(Dequantize({DType::kFloat8E4m3fn, 1, 3}, source, scales,
                             DType::kBfloat16, absl::MakeSpan(result)));
  // 1.1293945, above the middle of 1.125 and 1.1328125.
  EXPECT_THAT(result, ElementsAre(0x91, 0x3F, 0x91, 0xBF, 0xC0, 0x7F));
}

TEST(DequantizeTest, EveryLevelGivesTheSame) {
  std::vector<uint8_t> source(256);
  for (int i = 0; i < 256; ++i) source[i] = static_cast<uint8_t>(i);
  for (const DType from : {DType::kFloat8E4m3fn, DType::kFloat8E5m2}) {
    for (const DType to :
         {DType::kBfloat16, DType::kFloat16, DType::kFloat32}) {
      std::vector<uint8_t> expected(1024);
      FindDequantizeLoop<CpuLevel::kBaseline>(from, to)(source.data(), 0.0123f,
                                                        expected.data(), 256);
      for (const CpuLevel level : SupportedCpuLevels()) {
        std::vector<uint8_t> result(1024);
        HOIST_AT_CPU_LEVEL(level, FindDequantizeLoop)
        (from, to)(source.data(), 0.0123f, result.data(), 256);
        EXPECT_TRUE(result == expected) << static_cast<int>(level);
      }
    }
  }
}

TEST(DequantizeTest, RefusesWhatDoesNotFit) {
  const std::vector<uint8_t> source(6);
  const std::vector<float> scales(1);
  std::vector<uint8_t> result(24);
  const auto dequantize = [&](const QuantizedMatrix& matrix, DType to,
                              size_t result_size) {
    return Dequantize(matrix, source, scales, to,
                      absl::MakeSpan(result).first(result_size));
  };
  const QuantizedMatrix good = {DType::kFloat8E4m3fn, 2, 3};
  HOIST_EXPECT_OK(dequantize(good, DType::kFloat32, 24));
  EXPECT_THAT(dequantize(good, DType::kFloat32, 20),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(dequantize({DType::kFloat8E4m3fn, 2, 3, 1}, DType::kFloat32, 24),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("2 x 3 elements in 2 blocks")));
  EXPECT_THAT(dequantize({DType::kFloat8E4m3fn, 2, 4}, DType::kFloat32, 24),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(dequantize(good, DType::kFloat64, 24),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(dequantize({DType::kInt8, 2, 3}, DType::kFloat32, 24),
              StatusIs(absl::StatusCode::kUnimplemented));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const QuantizedMatrix& bad :
       std::vector<QuantizedMatrix>{{DType::kFloat8E4m3fn, -2, -3},
                                    {DType::kFloat8E4m3fn, 2, 3, 0},
                                    {DType::kFloat8E4m3fn, 2, 3, 1, -1},
                                    {DType::kFloat8E4m3fn, kMax, 2},
                                    {DType::kFloat8E4m3fn, kMax, 1}}) {
    EXPECT_THAT(dequantize(bad, DType::kFloat32, 24),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace hoist
