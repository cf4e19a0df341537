#include "hoist/checkpoint/convert/compare_tensors.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

absl::Status Compare(const TestCheckpoint& a, const TestCheckpoint& b,
                     ThreadPool* pool = nullptr) {
  return CompareTensors({a.catalog, a.files}, {b.catalog, b.files}, pool);
}

auto Damaged(const std::string& text) {
  return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(text));
}

// Two tensors of different sizes, "t0" and "t1".
TestCheckpoint Two() { return TestCheckpoint({TestBytes(9 << 20, 1), "abcd"}); }

TEST(CompareTensorsTest, WhatIsTheSame) {
  ThreadPool pool(2);
  HOIST_EXPECT_OK(Compare(Two(), Two()));
  HOIST_EXPECT_OK(Compare(Two(), Two(), &pool));
}

TEST(CompareTensorsTest, OtherOrderOtherPlaceAndCompression) {
  const std::string content = TestBytes(9 << 20, 1);
  const std::string stream = RawDeflate(content);
  TestCheckpoint other({"abcd", stream});
  other.catalog.storages[1].size_bytes = content.size();
  other.catalog.storages[1].deflated_bytes = stream.size();
  other.catalog.storages[1].crc32.reset();
  other.catalog.tensors[0].name = "t1";
  other.catalog.tensors[1] = Two().catalog.tensors[0];
  other.catalog.tensors[1].storage = 1;
  HOIST_EXPECT_OK(Compare(Two(), other));
}

TEST(CompareTensorsTest, AnyByte) {
  for (const size_t place :
       {size_t{0}, size_t{4} << 20, (size_t{9} << 20) - 1}) {
    std::string content = TestBytes(9 << 20, 1);
    content[place] = static_cast<char>(content[place] ^ 1);
    EXPECT_THAT(Compare(Two(), TestCheckpoint({content, "abcd"})),
                Damaged("Tensor t0 is not what it should be: its elements"));
  }
}

TEST(CompareTensorsTest, MissingMoreAndRepeatedNames) {
  TestCheckpoint other = Two();
  other.catalog.tensors.pop_back();
  EXPECT_THAT(Compare(Two(), other), Damaged("t1 is not what it should be: it "
                                             "is not there"));
  EXPECT_THAT(Compare(other, Two()), Damaged("should not be"));
  other = Two();
  other.catalog.tensors.push_back(other.catalog.tensors[0]);
  EXPECT_THAT(Compare(Two(), other), Damaged("should not be"));
  EXPECT_THAT(Compare(other, Two()), Damaged("not there"));
  HOIST_EXPECT_OK(Compare(other, other));
}

TEST(CompareTensorsTest, WhatElseATensorHas) {
  const auto changed = [](auto change) {
    TestCheckpoint other = Two();
    change(other.catalog.tensors[1]);
    return Compare(Two(), other);
  };
  EXPECT_THAT(changed([](TensorEntry& t) { t.spec.dtype = DType::kInt32; }),
              Damaged("int32[1], and not float32[1]"));
  EXPECT_THAT(changed([](TensorEntry& t) {
                t.spec = {DType::kFloat32, {}, {}};
              }),
              Damaged("and not float32[1]"));
  EXPECT_THAT(changed([](TensorEntry& t) { t.is_negative = true; }),
              Damaged("negated otherwise"));
  EXPECT_THAT(changed([](TensorEntry& t) { t.storage.reset(); }),
              Damaged("one has none"));
  // Of one element, any strides are the same.
  HOIST_EXPECT_OK(changed([](TensorEntry& t) { t.spec.strides = {7}; }));
}

TEST(CompareTensorsTest, ViewsAreComparedWhereTheyAre) {
  TestCheckpoint a({"abcdefghijkl"});
  a.catalog.tensors[0].spec = {DType::kFloat32, {2}, {2}};
  TestCheckpoint b({"xxxxabcd----ijkl"});
  b.catalog.tensors[0] = a.catalog.tensors[0];
  b.catalog.tensors[0].storage_offset = 1;
  // What lies between the elements is a part of the storage as well.
  EXPECT_THAT(Compare(a, b), Damaged("elements"));
  TestCheckpoint c({"xxxxabcdefghijkl"});
  c.catalog.tensors[0] = b.catalog.tensors[0];
  HOIST_EXPECT_OK(Compare(a, c));
  // Another layout is one by its elements.
  TestCheckpoint d({"abcdijkl"});
  d.catalog.tensors[0].spec = {DType::kFloat32, {2}, {1}};
  HOIST_EXPECT_OK(Compare(a, d));
  c.catalog.tensors[0].spec.strides = {1};
  EXPECT_THAT(Compare(a, c), Damaged("elements"));
}

TEST(CompareTensorsTest, ChecksumsCount) {
  TestCheckpoint other = Two();
  *other.catalog.storages[1].crc32 ^= 1;
  EXPECT_THAT(Compare(Two(), other), Damaged("data/1 (tensor t1) is damaged"));
}

TEST(CompareTensorsTest, CanBeCancelled) {
  const TestCheckpoint checkpoint = Two();
  CancelToken cancel;
  cancel.Cancel();
  const TensorSource source = {checkpoint.catalog, checkpoint.files};
  EXPECT_THAT(CompareTensors(source, source, nullptr, &cancel),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace hoist
