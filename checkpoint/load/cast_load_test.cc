#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/tensor_bytes.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kMiB = size_t{1} << 20;
// What is read at once, through the page cache.
constexpr size_t kChunk = size_t{2} << 20;

// The oracle: one cast of all.
std::string CastAll(const std::string& bytes, DType from, DType to) {
  std::string result(bytes.size() * 8 / DTypeBits(from) * DTypeBits(to) / 8,
                     '\0');
  HOIST_EXPECT_OK(
      Cast(from, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
           to, {reinterpret_cast<uint8_t*>(result.data()), result.size()}));
  return result;
}

// Sizes around those of chunks before and after a cast, none, and odd ones.
std::vector<std::string> Storages() {
  std::vector<std::string> storages;
  uint32_t seed = 1;
  for (const size_t size :
       {size_t{0}, size_t{8}, size_t{104}, kChunk - 8, kChunk, kChunk + 8,
        2 * kChunk + 24, kChunk / 2 - 8, 3 * kMiB + 40}) {
    storages.push_back(TestBytes(size, seed++));
  }
  for (int i = 0; i < 40; ++i) {
    storages.push_back(TestBytes(8 * i, seed++));
  }
  return storages;
}

void SetDType(TensorEntry& tensor, size_t size_bytes, DType dtype) {
  tensor.spec = {
      dtype, {static_cast<int64_t>(size_bytes * 8 / DTypeBits(dtype))}, {1}};
}

TestCheckpoint CheckpointOf(const std::vector<std::string>& storages,
                            DType dtype) {
  TestCheckpoint checkpoint(storages);
  for (size_t i = 0; i < storages.size(); ++i) {
    SetDType(checkpoint.catalog.tensors[i], storages[i].size(), dtype);
  }
  return checkpoint;
}

std::string ContentOf(const TestCheckpoint& checkpoint) {
  std::string content(checkpoint.catalog.files[0].size_bytes, '\0');
  HOIST_EXPECT_OK(checkpoint.files[0]->ReadAt(
      0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  return content;
}

class CastLoadTest : public ::testing::TestWithParam<int> {
 protected:
  CastLoadTest() {
    if (GetParam() > 0) {
      pool_ = std::make_unique<ThreadPool>(GetParam());
    }
  }
  absl::StatusOr<LoadResult> Load(const TestCheckpoint& checkpoint, DType to) {
    return LoadCatalog(checkpoint.catalog, checkpoint.files,
                       {.dtype = to, .pool = pool_.get()});
  }
  std::unique_ptr<ThreadPool> pool_;
};

INSTANTIATE_TEST_SUITE_P(Threads, CastLoadTest, ::testing::Values(0, 3));

class CastPairTest : public ::testing::TestWithParam<std::tuple<DType, DType>> {
};

constexpr DType kDTypes[] = {DType::kFloat16, DType::kBfloat16, DType::kFloat32,
                             DType::kFloat64};
INSTANTIATE_TEST_SUITE_P(Pairs, CastPairTest,
                         ::testing::Combine(::testing::ValuesIn(kDTypes),
                                            ::testing::ValuesIn(kDTypes)));

// With every way to read, and with what is not cast among it.
TEST_P(CastPairTest, IsACastOfAll) {
  const auto [from, to] = GetParam();
  const std::vector<std::string> storages = Storages();
  TestCheckpoint checkpoint = CheckpointOf(storages, from);
  for (size_t i = 15; i < storages.size(); i += 4) {
    SetDType(checkpoint.catalog.tensors[i], storages[i].size(), DType::kInt64);
  }
  HOIST_ASSERT_OK_AND_ASSIGN(
      checkpoint.files[0],
      OpenFile(WriteTempFile("casts", ContentOf(checkpoint))));
  ThreadPool pool(3);
  for (const ReadMethod method :
       {ReadMethod::kPread, ReadMethod::kMmap, ReadMethod::kDirect}) {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadResult result,
        LoadCatalog(checkpoint.catalog, checkpoint.files,
                    {.dtype = to,
                     .pool = &pool,
                     .read_method = method,
                     .one_buffer_each = method == ReadMethod::kPread}));
    ASSERT_EQ(result.tensors.size(), storages.size());
    size_t i = 0;
    for (const auto& [name, tensor] : result.tensors) {
      const bool is_float =
          checkpoint.catalog.tensors[i].spec.dtype != DType::kInt64;
      EXPECT_EQ(tensor.dtype(), is_float ? to : DType::kInt64);
      EXPECT_TRUE(BytesOf(tensor) ==
                  (is_float ? CastAll(storages[i], from, to) : storages[i]))
          << name;
      if (method != ReadMethod::kMmap) {
        EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0u);
      }
      ++i;
    }
    EXPECT_EQ(result.report.verified, Verified::kChecksum);
  }
}

TEST_P(CastLoadTest, TheReportSaysSo) {
  const std::string bytes(3 * kMiB, '\0');
  const TestCheckpoint checkpoint({bytes, bytes});
  std::atomic<uint64_t> all_bytes = 0;
  LoadOptions options = {
      .dtype = DType::kBfloat16,
      .pool = pool_.get(),
      .on_progress = [&all_bytes](uint64_t, uint64_t all) { all_bytes = all; }};
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadResult result,
      LoadCatalog(checkpoint.catalog, checkpoint.files, options));
  EXPECT_EQ(result.report.bytes, 6 * kMiB);
  EXPECT_EQ(all_bytes, 6 * kMiB);
  EXPECT_THAT(result.report.warnings, IsEmpty());
  std::vector<std::string> phases;
  for (const LoadReport::Phase& phase : result.report.phases) {
    phases.push_back(phase.name);
  }
  EXPECT_THAT(phases, ElementsAre("plan", "allocate", "read", "verify",
                                  "convert", "wait", "finish"));
  // The tensors, and one chunk for each thread.
  const size_t threads = GetParam() + 1;
  EXPECT_EQ(result.report.peak_host_bytes,
            3 * kMiB + threads * (kChunk + 4096));
  options.max_host_bytes = result.report.peak_host_bytes - 1;
  EXPECT_THAT(
      LoadCatalog(checkpoint.catalog, checkpoint.files, options).status(),
      StatusIs(absl::StatusCode::kResourceExhausted));
  // What has the dtype already is no cast.
  options = {.dtype = DType::kFloat32, .pool = pool_.get()};
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadResult same,
      LoadCatalog(checkpoint.catalog, checkpoint.files, options));
  EXPECT_EQ(same.report.phases.size(), phases.size() - 1);
}

TEST_P(CastLoadTest, ViewsStayViewsOfWhatTheyShare) {
  const std::string bytes = TestBytes(2 * kChunk + 400, 1);
  TestCheckpoint checkpoint({bytes});
  // Nothing to verify: only from the first element on.
  checkpoint.catalog.storages[0].crc32.reset();
  const auto rows = static_cast<int64_t>(kChunk / 32);
  checkpoint.catalog.tensors = {{.name = "w",
                                 .spec = {DType::kFloat32, {rows, 3}, {8, 2}},
                                 .storage = 0,
                                 .storage_offset = 7},
                                {.name = "tied",
                                 .spec = {DType::kFloat32, {rows, 3}, {8, 2}},
                                 .storage = 0,
                                 .storage_offset = 7},
                                {.name = "transposed",
                                 .spec = {DType::kFloat32, {3, rows}, {2, 8}},
                                 .storage = 0,
                                 .storage_offset = 7},
                                {.name = "late",
                                 .spec = {DType::kFloat32, {}, {}},
                                 .storage = 0,
                                 .storage_offset = 2 * kChunk / 4 + 90},
                                {.name = "negative",
                                 .spec = {DType::kFloat32, {50}, {3}},
                                 .storage = 0,
                                 .storage_offset = 11,
                                 .is_negative = true}};
  for (const DType to : {DType::kFloat16, DType::kBfloat16, DType::kFloat64}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint, to));
    const std::string all = CastAll(bytes, DType::kFloat32, to);
    const auto buffer = Buffer::Wrap(const_cast<char*>(all.data()), all.size(),
                                     Device::Cpu(), [] {});
    for (const TensorEntry& entry : checkpoint.catalog.tensors) {
      const Tensor& tensor = *result.tensors.Find(entry.name);
      EXPECT_EQ(tensor.dtype(), to);
      EXPECT_EQ(tensor.shape(), entry.spec.shape);
      const int width = DTypeBits(to) / 8;
      TensorSpec spec = entry.spec;
      spec.dtype = to;
      HOIST_ASSERT_OK_AND_ASSIGN(
          const Tensor expected,
          Tensor::Create(spec, buffer, entry.storage_offset * width));
      std::string expected_bytes = BytesOf(expected);
      for (size_t i = width - 1; entry.is_negative && i < expected_bytes.size();
           i += width) {
        expected_bytes[i] ^= '\x80';
      }
      EXPECT_TRUE(BytesOf(tensor) == expected_bytes) << entry.name;
    }
    EXPECT_EQ(result.tensors.Find("w")->data(),
              result.tensors.Find("tied")->data());
    EXPECT_EQ(result.tensors.Find("w")->data(),
              result.tensors.Find("transposed")->data());
    EXPECT_EQ(result.report.bytes, 4 * (2 * kChunk / 4 + 90 + 1 - 7));
  }
}

TEST_P(CastLoadTest, BytesOfTheOtherOrderAreReversedFirst) {
  const std::string bytes = TestBytes(2 * kChunk + 8, 1);
  TestCheckpoint checkpoint = CheckpointOf({bytes, bytes}, DType::kFloat64);
  SetDType(checkpoint.catalog.tensors[1], bytes.size(), DType::kFloat16);
  checkpoint.catalog.storages[0].swap_bytes = 8;
  checkpoint.catalog.storages[1].swap_bytes = 2;
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                             Load(checkpoint, DType::kFloat32));
  for (const auto& [name, width, dtype] :
       {std::tuple("t0", 8, DType::kFloat64),
        std::tuple("t1", 2, DType::kFloat16)}) {
    std::string reversed = bytes;
    for (size_t i = 0; i < reversed.size(); i += width) {
      std::reverse(reversed.begin() + i, reversed.begin() + i + width);
    }
    EXPECT_TRUE(BytesOf(*result.tensors.Find(name)) ==
                CastAll(reversed, dtype, DType::kFloat32))
        << name;
  }
  EXPECT_EQ(result.report.verified, Verified::kChecksum);
}

TEST_P(CastLoadTest, CompressedStoragesAreCast) {
  std::string bytes;
  for (int i = 0; bytes.size() < 2 * kMiB + 24; ++i) {
    bytes += TestBytes(8, i % 1000);
  }
  TestCheckpoint checkpoint({RawDeflate(bytes), TestBytes(100, 1)});
  StorageEntry& storage = checkpoint.catalog.storages[0];
  storage.deflated_bytes = storage.size_bytes;
  storage.size_bytes = bytes.size();
  storage.crc32 =
      Crc32({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  for (const DType from : {DType::kFloat16, DType::kFloat64}) {
    SetDType(checkpoint.catalog.tensors[0], bytes.size(), from);
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                               Load(checkpoint, DType::kFloat32));
    EXPECT_TRUE(BytesOf(*result.tensors.Find("t0")) ==
                CastAll(bytes, from, DType::kFloat32));
    EXPECT_TRUE(BytesOf(*result.tensors.Find("t1")) == TestBytes(100, 1));
    EXPECT_EQ(result.report.verified, Verified::kChecksum);
  }
  storage.crc32 = 1;
  EXPECT_THAT(Load(checkpoint, DType::kFloat32).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is damaged")));
}

TEST_P(CastLoadTest, DamageIsFoundThoughItWouldBeRoundedAway) {
  const std::string bytes(3 * kChunk, '\0');
  TestCheckpoint checkpoint({bytes});
  std::string content = ContentOf(checkpoint);
  content[checkpoint.catalog.storages[0].offset_bytes + kChunk] ^= 1;
  checkpoint.files[0] = std::make_shared<MemoryFile>(content);
  EXPECT_THAT(
      Load(checkpoint, DType::kFloat16).status(),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("t0) is damaged")));
}

TEST_P(CastLoadTest, WarnsOfNumbersThatBecomeInfiniteAndOfNan) {
  std::vector<float> numbers(kChunk, 1.0f);
  numbers[5] = 65520;
  numbers[kChunk - 1] = -1e30f;
  const std::string large(reinterpret_cast<const char*>(numbers.data()),
                          numbers.size() * sizeof(float));
  numbers.assign(3, std::numeric_limits<float>::quiet_NaN());
  numbers[1] = 1e5f;
  const std::string nan(reinterpret_cast<const char*>(numbers.data()), 12);
  TestCheckpoint checkpoint({std::string(8, '\0'), large, nan});
  checkpoint.catalog.tensors.push_back(checkpoint.catalog.tensors[1]);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                             Load(checkpoint, DType::kFloat16));
  EXPECT_THAT(
      result.report.warnings,
      ElementsAre("3 numbers of 3 tensors became infinite in float16, the "
                  "first in t1",
                  "2 numbers of 1 tensors are NaN, the first in t2"));
  EXPECT_THAT(Load(checkpoint, DType::kFloat64)->report.warnings, IsEmpty());
}

TEST_P(CastLoadTest, WhatCannotBeCastStaysAndIsNamed) {
  const std::string bytes = TestBytes(64, 1);
  TestCheckpoint checkpoint({bytes, bytes, bytes, bytes});
  std::vector<TensorEntry>& tensors = checkpoint.catalog.tensors;
  tensors.push_back(
      {.name = "bits", .spec = {DType::kInt32, {16}, {1}}, .storage = 1});
  SetDType(tensors[2], bytes.size(), DType::kComplex64);
  SetDType(tensors[3], bytes.size(), DType::kFloat8E4m3fn);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result,
                             Load(checkpoint, DType::kBfloat16));
  EXPECT_EQ(result.tensors.Find("t0")->dtype(), DType::kBfloat16);
  for (const char* const name : {"t1", "t2", "t3", "bits"}) {
    EXPECT_TRUE(BytesOf(*result.tensors.Find(name)) == bytes) << name;
  }
  EXPECT_THAT(result.report.warnings,
              Contains(testing::AllOf(
                  testing::StartsWith("2 tensors did not become bfloat16"),
                  testing::EndsWith("the first is t1"))));
}

TEST_P(CastLoadTest, OnlyToFloatsOfSixteenBitsOrMore) {
  const TestCheckpoint checkpoint({TestBytes(8, 1)});
  for (const DType dtype : AllDTypes()) {
    const bool is_one =
        std::count(std::begin(kDTypes), std::end(kDTypes), dtype) == 1;
    EXPECT_EQ(
        Load(checkpoint, dtype).status().code(),
        is_one ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument)
        << DTypeName(dtype);
  }
}

}  // namespace
}  // namespace hoist
