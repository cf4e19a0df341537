#include "hoist/checkpoint/verify/verify_checkpoint.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/load/faulty_file.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/testing/catalog_text.h"
#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kGolden[] = "checkpoint/testdata/torch-2.11/";

VerifyReport Verify(const Catalog& catalog, CatalogFiles files,
                    VerifyLevel level = VerifyLevel::kChecksum,
                    ThreadPool* pool = nullptr) {
  auto report = VerifyCatalog(catalog, files, {.level = level, .pool = pool});
  EXPECT_THAT(report, IsOk());
  return *std::move(report);
}

auto Because(const std::string& text) {
  return ::testing::Field(&VerifyReport::NotPossible::reason, HasSubstr(text));
}

// The bytes of the one file of `checkpoint`, with those in `places` changed.
std::vector<std::shared_ptr<const RandomAccessFile>> Damaged(
    const TestCheckpoint& checkpoint, const std::vector<uint64_t>& places) {
  std::vector<uint8_t> bytes(checkpoint.files[0]->size_bytes());
  EXPECT_THAT(checkpoint.files[0]->ReadAt(0, absl::MakeSpan(bytes)), IsOk());
  for (const uint64_t place : places) {
    bytes[place] ^= 0x10;
  }
  return {std::make_shared<MemoryFile>("memory.pt", bytes)};
}

TEST(VerifyCheckpointTest, NamesAllThatIsDamagedAndNothingElse) {
  TestCheckpoint checkpoint({TestBytes(400, 1), TestBytes(9 << 20, 2),
                             TestBytes(40, 3), TestBytes(0, 4)});
  Catalog& catalog = checkpoint.catalog;
  catalog.tensors.push_back(
      {.name = "tied", .spec = {DType::kFloat32, {10}, {1}}, .storage = 1});
  ThreadPool pool(3);
  for (ThreadPool* const threads : {&pool, static_cast<ThreadPool*>(nullptr)}) {
    const VerifyReport good =
        Verify(catalog, checkpoint.files, VerifyLevel::kChecksum, threads);
    EXPECT_THAT(good.damages, IsEmpty());
    EXPECT_THAT(good.not_possible, IsEmpty());
    EXPECT_EQ(good.compared_bytes, good.storage_bytes);
    EXPECT_EQ(VerdictOf(good, true), VerifyVerdict::kGood);

    const VerifyReport bad = Verify(
        catalog,
        Damaged(checkpoint, {catalog.storages[1].offset_bytes + (7 << 20),
                             catalog.storages[2].offset_bytes}),
        VerifyLevel::kChecksum, threads);
    ASSERT_THAT(bad.damages, SizeIs(2));
    EXPECT_EQ(bad.damages[0].place, "data/1");
    EXPECT_THAT(bad.damages[0].tensors, ElementsAre("t1", "tied"));
    EXPECT_THAT(bad.damages[0].problem, HasSubstr(" is recorded"));
    EXPECT_THAT(bad.damages[1].tensors, ElementsAre("t2"));
    EXPECT_EQ(VerdictOf(bad, false), VerifyVerdict::kDamaged);
  }
}

TEST(VerifyCheckpointTest, StructureReadsNoTensor) {
  const TestCheckpoint checkpoint({TestBytes(400, 1)});
  const auto file = std::make_shared<FaultyFile>(
      Damaged(checkpoint, {checkpoint.catalog.storages[0].offset_bytes})[0]);
  file->FailReadsFrom(0);
  const std::vector<std::shared_ptr<const RandomAccessFile>> files = {file};
  const VerifyReport report =
      Verify(checkpoint.catalog, files, VerifyLevel::kStructure);
  EXPECT_THAT(report.damages, IsEmpty());
  EXPECT_EQ(report.compared_bytes, 0u);
  EXPECT_EQ(file->failures(), 0);
}

TEST(VerifyCheckpointTest, WhatCannotBeReadIsNamedAndAllElseRead) {
  const TestCheckpoint checkpoint(
      {TestBytes(4000, 1), TestBytes(400, 2), TestBytes(400, 3)});
  const auto file = std::make_shared<FaultyFile>(
      Damaged(checkpoint, {checkpoint.catalog.storages[0].offset_bytes})[0]);
  file->FailReadsFrom(checkpoint.catalog.storages[2].offset_bytes + 100);
  const std::vector<std::shared_ptr<const RandomAccessFile>> files = {file};
  const VerifyReport report = Verify(checkpoint.catalog, files);
  ASSERT_THAT(report.damages, SizeIs(2));
  EXPECT_EQ(report.damages[0].place, "data/0");
  EXPECT_EQ(report.damages[1].place, "data/2");
  EXPECT_THAT(report.damages[1].problem, HasSubstr("failed as was asked for"));
}

TEST(VerifyCheckpointTest, SaysWhatIsNotRecorded) {
  TestCheckpoint checkpoint({TestBytes(400, 1), TestBytes(80, 2)});
  checkpoint.catalog.storages[0].crc32.reset();
  VerifyReport report = Verify(checkpoint.catalog, checkpoint.files);
  EXPECT_THAT(report.not_possible, ElementsAre(Because("1 of 2 storages")));
  EXPECT_EQ(report.compared_bytes, 80u);
  EXPECT_EQ(VerdictOf(report, false), VerifyVerdict::kGood);
  EXPECT_EQ(VerdictOf(report, true), VerifyVerdict::kIncomplete);
  checkpoint.catalog.storages[1].crc32.reset();
  report = Verify(checkpoint.catalog, checkpoint.files);
  EXPECT_THAT(report.not_possible,
              ElementsAre(Because("records no checksums")));
  EXPECT_THAT(
      Verify(checkpoint.catalog, checkpoint.files, VerifyLevel::kStructure)
          .not_possible,
      IsEmpty());
}

TEST(VerifyCheckpointTest, AFileThatChangesMeanwhileIsAnError) {
  const TestCheckpoint checkpoint({TestBytes(400, 1)});
  const auto file = std::make_shared<FaultyFile>(checkpoint.files[0]);
  file->Change();
  const std::vector<std::shared_ptr<const RandomAccessFile>> files = {file};
  EXPECT_THAT(VerifyCatalog(checkpoint.catalog, files, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has changed")));
}

TEST(VerifyCheckpointTest, CanBeCancelled) {
  const TestCheckpoint checkpoint({TestBytes(400, 1)});
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_THAT(
      VerifyCatalog(checkpoint.catalog, checkpoint.files, {.cancel = &cancel}),
      StatusIs(absl::StatusCode::kCancelled));
}

TEST(VerifyCheckpointTest, ProgressEndsWithAll) {
  const TestCheckpoint checkpoint({TestBytes(5 << 20, 1), TestBytes(80, 2)});
  uint64_t done = 0;
  uint64_t all = 0;
  VerifyOptions options;
  options.on_progress = [&](uint64_t done_bytes, uint64_t all_bytes) {
    done = done_bytes;
    all = all_bytes;
  };
  HOIST_ASSERT_OK(
      VerifyCatalog(checkpoint.catalog, checkpoint.files, options).status());
  EXPECT_EQ(all, (5u << 20) + 80);
  EXPECT_EQ(done, all);
}

// What numbers a tensor has, from its elements one after the other.
struct Counts {
  uint64_t nan = 0;
  uint64_t infinity = 0;
};
Counts CountFloats(const std::string& bytes) {
  Counts counts;
  for (size_t at = 0; at + sizeof(float) <= bytes.size(); at += sizeof(float)) {
    float value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    counts.nan += std::isnan(value) ? 1 : 0;
    counts.infinity += std::isinf(value) ? 1 : 0;
  }
  return counts;
}

TEST(VerifyCheckpointTest, RandomCheckpointsAndRandomDamage) {
  std::mt19937 random(7);
  ThreadPool pool(3);
  int damages = 0;
  int bad_tensors = 0;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    RandomCheckpoint checkpoint(random, {.is_on_disk = round % 2 == 0});
    const Catalog& catalog = checkpoint.catalog();
    const std::vector<std::string> elements =
        NaiveLoad(catalog, checkpoint.files());
    const VerifyReport report =
        Verify(catalog, checkpoint.files(), VerifyLevel::kValues, &pool);
    EXPECT_THAT(report.damages, IsEmpty());
    for (size_t i = 0; i < catalog.tensors.size(); ++i) {
      const TensorEntry& tensor = catalog.tensors[i];
      SCOPED_TRACE(tensor.name);
      ASSERT_EQ(report.tensors[i].values.has_value(),
                tensor.storage.has_value());
      if (tensor.storage && tensor.spec.dtype == DType::kFloat32) {
        const TensorValues& values = *report.tensors[i].values;
        const Counts counts = CountFloats(elements[i]);
        EXPECT_EQ(values.count, elements[i].size() / sizeof(float));
        EXPECT_EQ(values.nan_count, counts.nan);
        EXPECT_EQ(values.infinity_count, counts.infinity);
        bad_tensors += values.is_finite() ? 0 : 1;
      }
    }
    // A byte changes; storages that have it, and a checksum, are named.
    const int file = static_cast<int>(random() % catalog.files.size());
    std::string content = checkpoint.content(file);
    if (content.empty()) {
      continue;
    }
    const size_t place = random() % content.size();
    content[place] = static_cast<char>(content[place] ^ (1 << random() % 8));
    checkpoint.Replace(file, content);
    std::set<std::string> expected;
    const auto is_in = [place](uint64_t offset, uint64_t size) {
      return place >= offset && place - offset < size;
    };
    for (const StorageEntry& storage : catalog.storages) {
      if (storage.file != file) {
        continue;
      }
      if (storage.crc32 &&
          is_in(storage.offset_bytes, storage.stored_bytes())) {
        expected.insert(storage.name);
      }
      const size_t count = storage.chunks.size();
      for (size_t i = 0; i < count; ++i) {
        if (is_in(storage.chunks[i].offset_bytes,
                  storage.chunks[i].stored_bytes)) {
          expected.insert(count == 1 ? storage.name
                                     : absl::StrCat(storage.name, ", chunk ", i,
                                                    " of ", count));
        }
      }
    }
    std::set<std::string> found;
    for (const Damage& damage :
         Verify(catalog, checkpoint.files(), VerifyLevel::kChecksum, &pool)
             .damages) {
      found.insert(damage.place);
    }
    EXPECT_EQ(found, expected) << place;
    damages += static_cast<int>(found.size());
  }
  EXPECT_GT(damages, 10);
  EXPECT_GT(bad_tensors, 10);
}

// One storage in chunks of 4096 bytes, the second of which is zeros, encoded;
// and a tensor over each chunk and over all.
struct ChunkedCheckpoint {
  Catalog catalog;
  std::string content = "head";

  ChunkedCheckpoint() {
    constexpr uint32_t kChunk = kMinChunkBytes;
    StorageEntry storage = {
        .offset_bytes = 4, .size_bytes = 3 * kChunk - 4, .name = "s"};
    ChunkEncoder encoder;
    for (uint32_t i = 0; i < 3; ++i) {
      std::string bytes = i == 1 ? std::string(kChunk, '\0')
                                 : TestBytes(i == 2 ? kChunk - 4 : kChunk, i);
      if (i == 2) {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        std::memcpy(bytes.data() + 40, &nan, sizeof(nan));
      }
      const auto encoded = encoder.Encode(SpanOf(bytes), 0);
      EXPECT_THAT(encoded, IsOk());
      storage.chunks.push_back(
          {.offset_bytes = content.size(),
           .stored_bytes = static_cast<uint32_t>(encoded->stored.size()),
           .size_bytes = static_cast<uint32_t>(bytes.size()),
           .stored_crc32c = Crc32c(encoded->stored),
           .crc32c = Crc32c(SpanOf(bytes)),
           .encoding = encoded->encoding});
      content.append(reinterpret_cast<const char*>(encoded->stored.data()),
                     encoded->stored.size());
      catalog.tensors.push_back(
          {.name = absl::StrCat("t", i),
           .spec = {DType::kFloat32,
                    {static_cast<int64_t>(bytes.size() / sizeof(float))},
                    {1}},
           .storage = 0,
           .storage_offset = int64_t{i} * kChunk / 4});
    }
    catalog.tensors.push_back(
        {.name = "all",
         .spec = {DType::kFloat32, {3 * kChunk / 4 - 1}, {1}},
         .storage = 0});
    storage.encoded_bytes = content.size() - 4;
    catalog.storages = {storage};
    catalog.files = {{.path = "memory.hoist", .size_bytes = content.size()}};
    EXPECT_THAT(ValidateCatalog(catalog), IsOk());
  }
  static absl::Span<const uint8_t> SpanOf(const std::string& bytes) {
    return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  }
  VerifyReport Run(VerifyLevel level) const {
    return Verify(catalog,
                  std::vector<std::shared_ptr<const RandomAccessFile>>{
                      std::make_shared<MemoryFile>(content)},
                  level);
  }
};

TEST(VerifyCheckpointTest, ChunksAreLookedAtByThemselves) {
  ChunkedCheckpoint checkpoint;
  const StorageEntry storage = checkpoint.catalog.storages[0];
  ASSERT_NE(storage.chunks[1].encoding, ChunkEncoding::kRaw);
  for (const VerifyLevel level :
       {VerifyLevel::kChecksum, VerifyLevel::kValues}) {
    const VerifyReport report = checkpoint.Run(level);
    EXPECT_THAT(report.damages, IsEmpty());
    EXPECT_THAT(report.not_possible, IsEmpty());
    EXPECT_EQ(report.compared_bytes, storage.size_bytes);
  }
  const VerifyReport good = checkpoint.Run(VerifyLevel::kValues);
  EXPECT_TRUE(good.tensors[1].values->is_zero);
  EXPECT_EQ(good.tensors[1].values->count, kMinChunkBytes / 4);
  EXPECT_GE(good.tensors[2].values->nan_count, 1u);
  EXPECT_EQ(good.tensors[3].values->count, storage.size_bytes / 4);

  for (size_t i = 0; i < storage.chunks.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string before = checkpoint.content;
    checkpoint.content[storage.chunks[i].offset_bytes + 3] ^= 1;
    for (const VerifyLevel level :
         {VerifyLevel::kChecksum, VerifyLevel::kValues}) {
      const VerifyReport report = checkpoint.Run(level);
      ASSERT_THAT(report.damages, SizeIs(1));
      EXPECT_EQ(report.damages[0].place, absl::StrCat("s, chunk ", i, " of 3"));
      EXPECT_THAT(report.damages[0].tensors,
                  ElementsAre(absl::StrCat("t", i), "all"));
    }
    checkpoint.content = before;
  }
}

std::string ReadGolden(const std::string& name) {
  std::ifstream in(absl::StrCat(kGolden, name), std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

// What a program would get of the file: all that it says, and each tensor's
// bytes.
std::string Meaning(const std::string& content) {
  const auto checkpoint =
      Checkpoint::Open(std::make_shared<MemoryFile>(content));
  EXPECT_THAT(checkpoint, IsOk());
  std::string meaning = CatalogText(checkpoint->catalog());
  const auto digests =
      TensorDigests(checkpoint->catalog(), checkpoint->files(), nullptr);
  EXPECT_THAT(digests, IsOk());
  for (const auto& digest : *digests) {
    absl::StrAppend(&meaning, digest.value_or("none"), "\n");
  }
  return meaning;
}

TEST(VerifyCheckpointTest, EachByteOfAnArchiveIsVerifiedOrWithoutMeaning) {
  const std::string good = ReadGolden("dict_one_entry.pt");
  ASSERT_THAT(good, Not(IsEmpty()));
  const std::string meaning = Meaning(good);
  int meaningless = 0;
  int named = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string content = good;
    content[i] = static_cast<char>(content[i] ^ 1);
    const auto checkpoint =
        Checkpoint::Open(std::make_shared<MemoryFile>(content));
    if (!checkpoint.ok()) {
      continue;
    }
    HOIST_ASSERT_OK_AND_ASSIGN(const VerifyReport report,
                               VerifyCheckpoint(*checkpoint, {}));
    if (!report.damages.empty()) {
      named += report.damages[0].tensors.empty() ? 0 : 1;
      continue;
    }
    EXPECT_EQ(Meaning(content), meaning) << "byte " << i;
    ++meaningless;
  }
  // Each byte of the tensor.
  EXPECT_GT(named, 0);
  EXPECT_GT(meaningless, 0);
  EXPECT_LT(meaningless, static_cast<int>(good.size()) * 3 / 4);
}

TEST(VerifyCheckpointTest, WhatCannotBeOpenedForDamageIsAReport) {
  std::string content = ReadGolden("dict_one_entry.pt");
  content.resize(content.size() / 2);
  const std::string path = WriteTempFile("cut.pt", content);
  HOIST_ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyPath(path, {}));
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].path, path);
  EXPECT_THAT(VerifyPath(WriteTempFile("no.pt", "hello there"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyPath(path + ".not_there", {}),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace hoist
