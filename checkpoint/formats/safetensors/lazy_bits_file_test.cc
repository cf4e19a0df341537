#include "hoist/checkpoint/formats/safetensors/lazy_bits_file.h"

#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

absl::StatusOr<std::shared_ptr<const LazyBitsFile>> File(Bytes bytes,
                                                         DType dtype,
                                                         bool conjugate,
                                                         bool negative) {
  return LazyBitsFile::Create(
      std::make_shared<MemoryFile>("elements", std::move(bytes)), dtype,
      conjugate, negative);
}

Bytes Negated(Bytes bytes, DType dtype) {
  const auto file = File(bytes, dtype, false, true);
  EXPECT_TRUE(file.ok()) << file.status();
  if (file.ok()) {
    HOIST_EXPECT_OK((*file)->ReadAt(0, absl::MakeSpan(bytes)));
  }
  return bytes;
}

TEST(LazyBitsFileTest, IntegersWrapAround) {
  EXPECT_THAT(Negated({1, 0, 0x80, 0xff}, DType::kUint8),
              ElementsAre(0xff, 0, 0x80, 1));
  EXPECT_THAT(Negated({1, 0x80}, DType::kInt8), ElementsAre(0xff, 0x80));
  EXPECT_THAT(Negated({0, 1, 0, 0}, DType::kInt16), ElementsAre(0, 0xff, 0, 0));
  EXPECT_THAT(Negated({0, 0, 0, 0x80}, DType::kInt32),
              ElementsAre(0, 0, 0, 0x80));
  EXPECT_THAT(Negated({2, 0, 0, 0, 0, 0, 0, 0}, DType::kInt64),
              ElementsAre(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
}

TEST(LazyBitsFileTest, SignsTurnAround) {
  EXPECT_THAT(Negated({0, 0x3c, 0, 0xbc}, DType::kFloat16),
              ElementsAre(0, 0xbc, 0, 0x3c));
  EXPECT_THAT(Negated({1, 2, 3, 4, 5, 6, 7, 8}, DType::kComplex64),
              ElementsAre(1, 2, 3, 0x84, 5, 6, 7, 0x88));
}

TEST(LazyBitsFileTest, ConjugationTurnsTheImaginarySign) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file,
      File({1, 2, 3, 4, 5, 6, 7, 8}, DType::kComplex64, true, false));
  Bytes read(8);
  HOIST_ASSERT_OK(file->ReadAt(0, absl::MakeSpan(read)));
  EXPECT_THAT(read, ElementsAre(1, 2, 3, 4, 5, 6, 7, 0x88));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto both,
      File({1, 2, 3, 4, 5, 6, 7, 8}, DType::kComplex64, true, true));
  HOIST_ASSERT_OK(both->ReadAt(0, absl::MakeSpan(read)));
  EXPECT_THAT(read, ElementsAre(1, 2, 3, 0x84, 5, 6, 7, 8));
}

TEST(LazyBitsFileTest, AnyPartIsThatOfTheWhole) {
  for (const DType dtype : {DType::kInt32, DType::kInt64, DType::kUint8,
                            DType::kFloat32, DType::kComplex64}) {
    Bytes whole = {0, 0, 1, 0, 0, 0, 0, 0, 7, 6, 5, 4, 3, 2, 1, 0};
    HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                               File(whole, dtype, false, true));
    HOIST_ASSERT_OK(file->ReadAt(0, absl::MakeSpan(whole)));
    for (size_t begin = 0; begin <= whole.size(); ++begin) {
      for (size_t end = begin; end <= whole.size(); ++end) {
        Bytes part(end - begin);
        HOIST_ASSERT_OK(file->ReadAt(begin, absl::MakeSpan(part)));
        EXPECT_EQ(part, Bytes(whole.begin() + static_cast<int64_t>(begin),
                              whole.begin() + static_cast<int64_t>(end)))
            << DTypeName(dtype) << " " << begin << " to " << end;
      }
    }
  }
}

TEST(LazyBitsFileTest, RefusesWhatPyTorchCannot) {
  for (const DType dtype :
       {DType::kBool, DType::kUint16, DType::kFloat8E4m3fn, DType::kBits8}) {
    EXPECT_THAT(File({0, 0}, dtype, false, true).status(),
                StatusIs(absl::StatusCode::kUnimplemented,
                         HasSubstr("it is negated lazily, which PyTorch cannot "
                                   "carry out for ")));
  }
  EXPECT_THAT(File({0, 0, 0, 0}, DType::kFloat32, true, false).status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("it is conjugated lazily")));
}

}  // namespace
}  // namespace hoist
