#include "hoist/checkpoint/load/load_catalog.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/checkpoint/load/tensor_bytes.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kMiB = size_t{1} << 20;

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

TEST_P(LoadCatalogTest, MoreMemoryThanIsAllowedIsRefused) {
  const TestCheckpoint checkpoint({TestBytes(8, 1)});
  LoadOptions options = {.pool = pool_.get(), .max_host_bytes = 8};
  HOIST_EXPECT_OK(
      LoadCatalog(checkpoint.catalog, checkpoint.files, options).status());
  options.max_host_bytes = 7;
  EXPECT_THAT(
      LoadCatalog(checkpoint.catalog, checkpoint.files, options).status(),
      StatusIs(absl::StatusCode::kResourceExhausted,
               AllOf(HasSubstr("takes 8 bytes"), HasSubstr("7 are allowed"))));
}

TEST(CheckMemoryTest, MoreThanTheMachineHasIsRefused) {
  PlannedLoad planned;
  planned.host_bytes = 1000;
  HOIST_EXPECT_OK(CheckMemory(planned, {}));
  planned.host_bytes = uint64_t{1} << 60;
  const absl::Status status = CheckMemory(planned, {});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("are left")));
  EXPECT_THAT(HintOf(status), HasSubstr("--io=mmap"));
}

TEST_P(LoadCatalogTest, CancelledLoadsEnd) {
  const TestCheckpoint checkpoint(Storages());
  CancelToken cancel;
  std::atomic<uint64_t> seen = 0;
  const LoadOptions options = {.pool = pool_.get(),
                               .cancel = &cancel,
                               .on_progress = [&](uint64_t done, uint64_t all) {
                                 cancel.Cancel();
                                 EXPECT_LE(done, all);
                                 seen = all;
                               }};
  EXPECT_THAT(
      LoadCatalog(checkpoint.catalog, checkpoint.files, options).status(),
      StatusIs(absl::StatusCode::kCancelled));
  EXPECT_GT(seen, 8 * kMiB);
}

TEST_P(LoadCatalogTest, ProgressEndsWithAllBytes) {
  const TestCheckpoint checkpoint(Storages());
  std::atomic<uint64_t> most = 0;
  std::atomic<int> calls = 0;
  const LoadOptions options = {.pool = pool_.get(),
                               .on_progress = [&](uint64_t done, uint64_t all) {
                                 ++calls;
                                 if (done == all) {
                                   most = done;
                                 }
                               }};
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadResult result,
      LoadCatalog(checkpoint.catalog, checkpoint.files, options));
  EXPECT_EQ(most, result.report.bytes);
  EXPECT_GT(calls, 3);
}

TEST_P(LoadCatalogTest, OnlyWhatTensorsNeedIsRead) {
  TestCheckpoint checkpoint({TestBytes(4 * kMiB, 1)});
  TensorEntry& tensor = checkpoint.catalog.tensors[0];
  tensor.spec = {DType::kFloat32, {25}, {1}};
  tensor.storage_offset = 1000;
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  EXPECT_EQ(result.report.bytes, 100u);
  EXPECT_LE(result.report.peak_host_bytes, 200u);
  // There is nothing to compare a part with.
  EXPECT_EQ(result.report.verified, Verified::kNotRecorded);
  EXPECT_TRUE(BytesOf(*result.tensors.Find("t0")) ==
              TestBytes(4 * kMiB, 1).substr(4000, 100));
}

TEST_P(LoadCatalogTest, PhasesSumToTheTime) {
  const TestCheckpoint checkpoint(
      std::vector<std::string>(4, TestBytes(16 * kMiB, 1)));
  const auto start = std::chrono::steady_clock::now();
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult result, Load(checkpoint));
  const std::chrono::nanoseconds all = std::chrono::steady_clock::now() - start;
  int64_t sum_ns = 0;
  for (const LoadReport::Phase& phase : result.report.phases) {
    EXPECT_GE(phase.time_ns, 0) << phase.name;
    sum_ns += phase.time_ns;
  }
  EXPECT_EQ(sum_ns, result.report.time_ns);
  EXPECT_GT(sum_ns, 0);
  EXPECT_LE(sum_ns, all.count());
}

TEST_P(LoadCatalogTest, TensorsAreAlignedInOneArenaOrHaveTheirOwnMemory) {
  const std::vector<std::string> storages = Storages();
  const TestCheckpoint checkpoint(storages);
  for (const bool one_buffer_each : {false, true}) {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadResult result,
        LoadCatalog(checkpoint.catalog, checkpoint.files,
                    {.pool = pool_.get(), .one_buffer_each = one_buffer_each}));
    size_t i = 0;
    for (const auto& [name, tensor] : result.tensors) {
      EXPECT_TRUE(BytesOf(tensor) == storages[i++]) << name;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0u);
    }
  }
}

// Every way to read gives the same tensors, from a file with as many of them as
// there are ways to be cut.
TEST_P(LoadCatalogTest, EveryWayToReadAFile) {
  std::vector<std::string> storages = Storages();
  for (uint32_t i = 0; i < 3000; ++i) {
    storages.push_back(TestBytes(4 * (i % 700), i));
  }
  TestCheckpoint checkpoint(storages);
  std::string content(checkpoint.catalog.files[0].size_bytes, '\0');
  HOIST_ASSERT_OK(checkpoint.files[0]->ReadAt(
      0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  HOIST_ASSERT_OK_AND_ASSIGN(checkpoint.files[0],
                             OpenFile(WriteTempFile("ways", content)));
  for (const ReadMethod method :
       {ReadMethod::kPread, ReadMethod::kMmap, ReadMethod::kDirect}) {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadResult result,
        LoadCatalog(checkpoint.catalog, checkpoint.files,
                    {.pool = pool_.get(), .read_method = method}));
    ASSERT_EQ(result.report.io.size(), 1u);
    EXPECT_EQ(result.report.io[0].method, ReadMethodName(method));
    EXPECT_EQ(result.report.io[0].reason, "as was asked for");
    size_t i = 0;
    for (const auto& [name, tensor] : result.tensors) {
      ASSERT_TRUE(BytesOf(tensor) == storages[i++]) << name;
    }
    EXPECT_EQ(result.report.verified, Verified::kChecksum);
  }
}

// Checksums are made of what is still in a near cache; what is not read from a
// file directly may cost more for each read.
TEST(PlanLoadTest, ReadsAreSmallWhereChecksumsFollow) {
  TestCheckpoint checkpoint({TestBytes(5 * kMiB, 1)});
  std::string content(checkpoint.catalog.files[0].size_bytes, '\0');
  HOIST_ASSERT_OK(checkpoint.files[0]->ReadAt(
      0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  const auto max_read_bytes = [&checkpoint](LoadOptions options) -> uint64_t {
    const auto planned =
        PlanLoad(checkpoint.catalog, checkpoint.files, options);
    HOIST_EXPECT_OK(planned);
    return planned.ok() ? planned->plan.max_read_bytes : 0;
  };
  EXPECT_EQ(max_read_bytes({}), 2 * kMiB);
  HOIST_ASSERT_OK_AND_ASSIGN(checkpoint.files[0],
                             OpenFile(WriteTempFile("reads", content)));
  EXPECT_EQ(max_read_bytes({.read_method = ReadMethod::kPread}), kMiB / 2);
  EXPECT_EQ(max_read_bytes(
                {.verify_checksums = false, .read_method = ReadMethod::kPread}),
            2 * kMiB);
  EXPECT_EQ(max_read_bytes({.read_method = ReadMethod::kDirect}), 2 * kMiB);
  checkpoint.catalog.storages[0].crc32 = std::nullopt;
  EXPECT_EQ(max_read_bytes({.read_method = ReadMethod::kPread}), 2 * kMiB);
}

TEST_P(LoadCatalogTest, MappedTensorsAreTheFilesOwnPages) {
  TestCheckpoint checkpoint({TestBytes(64, 1)});
  // To where it is aligned.
  std::string content(4096, 'x');
  content += TestBytes(64, 1);
  checkpoint.catalog.storages[0].offset_bytes = 4096;
  checkpoint.catalog.files[0].size_bytes = content.size();
  HOIST_ASSERT_OK_AND_ASSIGN(checkpoint.files[0],
                             OpenFile(WriteTempFile("mapped", content)));
  absl::StatusOr<LoadResult> result =
      LoadCatalog(checkpoint.catalog, checkpoint.files,
                  {.pool = pool_.get(), .read_method = ReadMethod::kMmap});
  HOIST_ASSERT_OK(result.status());
  EXPECT_EQ(result->report.peak_host_bytes, 0u);
  const Tensor tensor = *result->tensors.Find("t0");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 4096, 0u);
  // The mapping goes with the last tensor, the file with the checkpoint.
  *result = LoadResult();
  checkpoint.files.clear();
  EXPECT_TRUE(BytesOf(tensor) == TestBytes(64, 1));
}

TEST_P(LoadCatalogTest, AFileThatIsWrittenMeanwhileIsAnError) {
  TestCheckpoint checkpoint({TestBytes(5 * kMiB, 1)});
  std::string content(checkpoint.catalog.files[0].size_bytes, '\0');
  HOIST_ASSERT_OK(checkpoint.files[0]->ReadAt(
      0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  const std::string path = WriteTempFile("grows", content);
  HOIST_ASSERT_OK_AND_ASSIGN(checkpoint.files[0], OpenFile(path));
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(content.size() + 1)), 0);
  EXPECT_THAT(Load(checkpoint).status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("was changed while it was read")));
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
