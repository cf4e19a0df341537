#include "hoist/tools/ui/values_json.h"

#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

TensorEntry Entry(DType dtype, std::vector<int64_t> shape) {
  TensorEntry entry;
  entry.spec = *ContiguousSpec(dtype, std::move(shape));
  entry.storage = 0;
  return entry;
}

template <typename T>
std::string ValuesOf(const TensorEntry& entry, const std::vector<T>& numbers) {
  std::shared_ptr<Buffer> buffer =
      *Buffer::Allocate(numbers.size() * sizeof(T));
  std::memcpy(buffer->data(), numbers.data(), buffer->size_bytes());
  const Tensor tensor = *Tensor::Create(entry.spec, buffer, 0);
  Json json;
  AddValues(entry, &tensor, json);
  return json.dump();
}

std::string ValuesOf(const TensorEntry& entry) {
  Json json;
  AddValues(entry, nullptr, json);
  return json.dump();
}

TEST(ValuesJsonTest, AreListsInLists) {
  EXPECT_EQ(
      ValuesOf<int32_t>(Entry(DType::kInt32, {2, 1, 3}), {1, -2, 3, 4, 5, 6}),
      R"({"values":[[[1,-2,3]],[[4,5,6]]]})");
  EXPECT_EQ(ValuesOf<int64_t>(Entry(DType::kInt64, {}), {7}),
            R"({"values":7})");
  EXPECT_EQ(ValuesOf<uint8_t>(Entry(DType::kBool, {2}), {1, 0}),
            R"({"values":[true,false]})");
  EXPECT_EQ(ValuesOf<uint64_t>(Entry(DType::kUint64, {1}), {~uint64_t{0}}),
            R"({"values":[18446744073709551615]})");
}

TEST(ValuesJsonTest, FloatsThatJsonLacksAreStrings) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(ValuesOf<double>(Entry(DType::kFloat64, {5}),
                             {0.1, -0.0, kInfinity, -kInfinity,
                              std::numeric_limits<double>::quiet_NaN()}),
            R"({"values":[0.1,-0.0,"inf","-inf","nan"]})");
  EXPECT_EQ(ValuesOf<float>(Entry(DType::kComplex64, {2}), {1, -2.5, 0, 4}),
            R"({"values":[[1.0,-2.5],[0.0,4.0]]})");
}

TEST(ValuesJsonTest, WithoutElementsAndWithoutData) {
  EXPECT_EQ(ValuesOf(Entry(DType::kInt32, {0, 3})), R"({"values":[]})");
  EXPECT_EQ(ValuesOf(Entry(DType::kInt32, {2, 0})), R"({"values":[[],[]]})");
  EXPECT_EQ(ValuesOf(Entry(DType::kInt32, {int64_t{1} << 40, 0})),
            R"({"values_omitted":true})");
  TensorEntry meta = Entry(DType::kInt32, {3});
  meta.storage.reset();
  EXPECT_EQ(ValuesOf(meta), R"({"values":null})");
}

TEST(ValuesJsonTest, ManyOrPackedAreOmitted) {
  EXPECT_EQ(ValuesOf<uint8_t>(Entry(DType::kUint8, {1001}),
                              std::vector<uint8_t>(1001)),
            R"({"values_omitted":true})");
  EXPECT_EQ(ValuesOf<uint8_t>(Entry(DType::kUint8, {1000}),
                              std::vector<uint8_t>(1000))
                .substr(0, 13),
            R"({"values":[0,)");
  EXPECT_EQ(ValuesOf(Entry(DType::kFloat6E2m3, {4})),
            R"({"values_omitted":true})");
}

}  // namespace
}  // namespace hoist
