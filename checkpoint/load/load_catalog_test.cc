#include "hoist/checkpoint/load/load_catalog.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kMiB = size_t{1} << 20;

std::string BytesOf(const Tensor& tensor) {
  std::string bytes;
  ForEachContiguousRun(tensor, [&bytes](absl::Span<const uint8_t> run) {
    bytes.append(reinterpret_cast<const char*>(run.data()), run.size());
  });
  return bytes;
}

std::vector<std::string> PhasesOf(const LoadResult& result) {
  std::vector<std::string> names;
  for (const LoadReport::Phase& phase : result.report.phases) {
    names.push_back(phase.name);
  }
  return names;
}

// Sizes around those of chunks, none, and odd ones.
std::vector<std::string> Storages() {
  std::vector<std::string> storages;
  uint32_t seed = 1;
  for (const size_t size : {size_t{0}, size_t{4}, size_t{100}, kMiB - 4, kMiB,
                            kMiB + 4, 5 * kMiB + 12}) {
    storages.push_back(TestBytes(size, seed++));
  }
  return storages;
}

class LoadCatalogTest : public ::testing::TestWithParam<int> {
 protected:
  LoadCatalogTest() {
    if (GetParam() > 0) {
      pool_ = std::make_unique<ThreadPool>(GetParam());
    }
  }
  absl::StatusOr<LoadResult> Load(const TestCheckpoint& checkpoint,
                                  bool verify = true) {
    return LoadCatalog(checkpoint.catalog, checkpoint.files,
                       {.pool = pool_.get(), .verify_checksums = verify});
  }
  std::unique_ptr<ThreadPool> pool_;
};

INSTANTIATE_TEST_SUITE_P(Threads, LoadCatalogTest, ::testing::Values(0, 1, 3));

TEST_P(LoadCatalogTest, EveryByteIsInItsPlace) {
  const std::vector<std::string> storages = Storages();
  const TestCheckpoint checkpoint(storages);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  ASSERT_EQ(result.tensors.size(), storages.size());
  size_t i = 0;
  uint64_t total = 0;
  for (const auto& [name, tensor] : result.tensors) {
    EXPECT_EQ(name, absl::StrCat("t", i));
    EXPECT_TRUE(BytesOf(tensor) == storages[i]) << name;
    total += storages[i++].size();
  }
  EXPECT_EQ(result.report.bytes, total);
  EXPECT_GE(result.report.peak_host_bytes, total);
  EXPECT_LE(result.report.peak_host_bytes, total + 64 * i + 4096 * i);
  EXPECT_EQ(result.report.tensor_count, static_cast<int64_t>(i));
  EXPECT_EQ(result.report.verified, Verified::kChecksum);
  EXPECT_THAT(PhasesOf(result), ElementsAre("plan", "allocate", "read",
                                            "verify", "wait", "finish"));
}

TEST_P(LoadCatalogTest, DamageIsFoundWhereverItIs) {
  for (const size_t at : {size_t{0}, kMiB - 1, kMiB, 3 * kMiB - 1}) {
    TestCheckpoint checkpoint({TestBytes(100, 1), TestBytes(3 * kMiB, 2)});
    std::string content(checkpoint.catalog.files[0].size_bytes, '\0');
    HOIST_ASSERT_OK(checkpoint.files[0]->ReadAt(
        0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
    content[checkpoint.catalog.storages[1].offset_bytes + at] ^= 1;
    checkpoint.files[0] = std::make_shared<MemoryFile>(content);
    EXPECT_THAT(Load(checkpoint).status(),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr("data/1 (tensor t1) is damaged")))
        << at;
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult unverified,
                               Load(checkpoint, /*verify=*/false));
    EXPECT_EQ(unverified.report.verified, Verified::kNone);
  }
}

TEST_P(LoadCatalogTest, AFileThatHasShrunkIsAnError) {
  TestCheckpoint checkpoint(Storages());
  std::string content(checkpoint.catalog.files[0].size_bytes, '\0');
  checkpoint.files[0] =
      std::make_shared<MemoryFile>(content.substr(0, content.size() / 2));
  EXPECT_THAT(Load(checkpoint, /*verify=*/false).status(),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_P(LoadCatalogTest, SaysWhatCouldBeVerified) {
  TestCheckpoint checkpoint({TestBytes(8, 1), TestBytes(8, 2)});
  checkpoint.catalog.storages[0].crc32.reset();
  EXPECT_EQ(Load(checkpoint)->report.verified, Verified::kStructure);
  checkpoint.catalog.storages[1].crc32.reset();
  EXPECT_EQ(Load(checkpoint)->report.verified, Verified::kNotRecorded);
}

TEST_P(LoadCatalogTest, BytesOfTheOtherOrderAreReversedAfterVerification) {
  const std::string bytes = TestBytes(2 * kMiB + 8, 1);
  TestCheckpoint checkpoint({bytes});
  checkpoint.catalog.storages[0].swap_bytes = 4;
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  std::string expected = bytes;
  for (size_t i = 0; i < expected.size(); i += 4) {
    std::reverse(expected.begin() + i, expected.begin() + i + 4);
  }
  EXPECT_TRUE(BytesOf(result.tensors.begin()->tensor) == expected);
  EXPECT_THAT(PhasesOf(result),
              ElementsAre("plan", "allocate", "read", "verify", "convert",
                          "wait", "finish"));
}

TEST_P(LoadCatalogTest, CompressedStoragesAreRead) {
  const std::string bytes(3 * kMiB + 8, 'z');
  TestCheckpoint checkpoint({RawDeflate(bytes), TestBytes(100, 1)});
  StorageEntry& storage = checkpoint.catalog.storages[0];
  storage.deflated_bytes = storage.size_bytes;
  storage.size_bytes = bytes.size();
  storage.crc32 =
      Crc32({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  checkpoint.catalog.tensors[0].spec.shape = {
      static_cast<int64_t>(bytes.size() / sizeof(float))};
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  EXPECT_TRUE(BytesOf(*result.tensors.Find("t0")) == bytes);
  EXPECT_TRUE(BytesOf(*result.tensors.Find("t1")) == TestBytes(100, 1));
  storage.crc32 = 1;
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is damaged")));
  --*storage.deflated_bytes;
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("data/0")));
}

TEST_P(LoadCatalogTest, TensorsOverOneStorageShareItsBytes) {
  TestCheckpoint checkpoint({TestBytes(24, 1)});
  checkpoint.catalog.tensors = {
      {.name = "w", .spec = {DType::kFloat32, {2, 3}, {3, 1}}, .storage = 0},
      {.name = "tied", .spec = {DType::kFloat32, {2, 3}, {3, 1}}, .storage = 0},
      {.name = "row",
       .spec = {DType::kFloat32, {3}, {1}},
       .storage = 0,
       .storage_offset = 3}};
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  const Tensor* const w = result.tensors.Find("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(result.tensors.Find("tied")->data(), w->data());
  EXPECT_EQ(static_cast<uint8_t*>(result.tensors.Find("row")->data()),
            static_cast<uint8_t*>(w->data()) + 12);
  EXPECT_EQ(result.report.bytes, 24u);
}

TEST_P(LoadCatalogTest, LazyBitsAreResolved) {
  TestCheckpoint checkpoint({TestBytes(8, 1)});
  checkpoint.catalog.tensors = {
      {.name = "w", .spec = {DType::kFloat32, {2}, {1}}, .storage = 0},
      {.name = "n",
       .spec = {DType::kFloat32, {2}, {1}},
       .storage = 0,
       .is_negative = true}};
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  std::string negated = BytesOf(*result.tensors.Find("w"));
  negated[3] ^= 0x80;
  negated[7] ^= 0x80;
  EXPECT_EQ(BytesOf(*result.tensors.Find("n")), negated);
}

TEST_P(LoadCatalogTest, TensorsWithoutDataAreLeftOutAndSo) {
  TestCheckpoint checkpoint({TestBytes(8, 1)});
  checkpoint.catalog.tensors.push_back(
      {.name = "m", .spec = {DType::kFloat32, {2}, {1}}, .location = "meta"});
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  EXPECT_EQ(result.tensors.size(), 1u);
  EXPECT_THAT(result.report.warnings, Contains(HasSubstr("no data")));
}

TEST_P(LoadCatalogTest, OffsetsOfEmptyTensorsDoNotMatter) {
  TestCheckpoint checkpoint({TestBytes(8, 1)});
  checkpoint.catalog.tensors = {
      {.name = "e",
       .spec = {DType::kFloat32, {0}, {1}},
       .storage = 0,
       .storage_offset = std::numeric_limits<int64_t>::max()}};
  HOIST_ASSERT_OK(ValidateCatalog(checkpoint.catalog));
  HOIST_EXPECT_OK(Load(checkpoint).status());
}

TEST_P(LoadCatalogTest, TooLittleMemoryIsAnError) {
  TestCheckpoint checkpoint({TestBytes(8, 1)});
  // A stream that says it has so much in it.
  checkpoint.catalog.storages[0].deflated_bytes = 8;
  checkpoint.catalog.storages[0].size_bytes = uint64_t{1} << 62;
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(StateDictTest, FindsTheFirstOfAName) {
  StateDict state_dict;
  auto buffer = Buffer::Allocate(8);
  for (const int64_t offset : {0, 4}) {
    state_dict.Add(
        "w", *Tensor::Create({DType::kFloat32, {1}, {1}}, *buffer, offset));
  }
  EXPECT_EQ(state_dict.size(), 2u);
  EXPECT_EQ(state_dict.Find("w")->byte_offset(), 0);
  EXPECT_EQ(state_dict.Find("v"), nullptr);
}

}  // namespace
}  // namespace hoist
