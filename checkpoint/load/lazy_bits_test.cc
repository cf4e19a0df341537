#include "hoist/checkpoint/load/lazy_bits.h"

#include <algorithm>
#include <complex>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;

template <typename T>
Tensor TensorOf(DType dtype, std::vector<T> values, std::vector<int64_t> shape,
                std::vector<int64_t> strides) {
  auto buffer = Buffer::Allocate(values.size() * sizeof(T));
  std::copy(values.begin(), values.end(), static_cast<T*>((*buffer)->data()));
  auto tensor = Tensor::Create({dtype, std::move(shape), std::move(strides)},
                               *std::move(buffer), 0);
  HOIST_EXPECT_OK(tensor.status());
  return *std::move(tensor);
}

template <typename T>
std::vector<T> ValuesOf(const Tensor& tensor) {
  const T* const data = static_cast<const T*>(tensor.data());
  return std::vector<T>(data, data + tensor.element_count());
}

using Complex = std::complex<float>;

TEST(ResolveLazyBitsTest, ConjugatesAndNegates) {
  const Tensor tensor = TensorOf<Complex>(
      DType::kComplex64, {{1, 2}, {3, -4}, {5, 6}, {7, 8}}, {2, 2}, {1, 2});
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor conjugate,
                             ResolveLazyBits(tensor, true, false));
  EXPECT_THAT(conjugate.strides(), ElementsAre(2, 1));
  // Row-major now.
  EXPECT_THAT(ValuesOf<Complex>(conjugate),
              ElementsAre(Complex(1, -2), Complex(5, -6), Complex(3, 4),
                          Complex(7, -8)));
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor negative,
                             ResolveLazyBits(tensor, false, true));
  EXPECT_EQ(ValuesOf<Complex>(negative)[0], Complex(-1, -2));
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor both,
                             ResolveLazyBits(tensor, true, true));
  EXPECT_EQ(ValuesOf<Complex>(both)[0], Complex(-1, 2));
  // The tensor itself stays.
  EXPECT_EQ(ValuesOf<Complex>(tensor)[0], Complex(1, 2));
}

TEST(ResolveLazyBitsTest, NegatesRealNumbers) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor negative,
      ResolveLazyBits(TensorOf<double>(DType::kFloat64, {1, -2, 0}, {3}, {1}),
                      false, true));
  EXPECT_THAT(ValuesOf<double>(negative), ElementsAre(-1, 2, -0.0));
}

TEST(ResolveLazyBitsTest, NegatesIntegers) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor wide,
      ResolveLazyBits(
          TensorOf<int32_t>(DType::kInt32, {1, -256, 0, INT32_MIN}, {4}, {1}),
          false, true));
  EXPECT_THAT(ValuesOf<int32_t>(wide), ElementsAre(-1, 256, 0, INT32_MIN));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Tensor byte,
      ResolveLazyBits(TensorOf<uint8_t>(DType::kUint8, {1, 0}, {2}, {1}), false,
                      true));
  EXPECT_THAT(ValuesOf<uint8_t>(byte), ElementsAre(255, 0));
}

TEST(ResolveLazyBitsTest, MayBeEmpty) {
  HOIST_EXPECT_OK(ResolveLazyBits(
      TensorOf<Complex>(DType::kComplex64, {}, {0}, {1}), true, true));
}

TEST(ResolveLazyBitsTest, OtherDtypesHaveNoSuchBits) {
  EXPECT_THAT(ResolveLazyBits(TensorOf<float>(DType::kFloat32, {1}, {1}, {1}),
                              true, false),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(ResolveLazyBits(TensorOf<bool>(DType::kBool, {true}, {1}, {1}),
                              false, true),
              StatusIs(absl::StatusCode::kUnimplemented));
}

}  // namespace
}  // namespace hoist
