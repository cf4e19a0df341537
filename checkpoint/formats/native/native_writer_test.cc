#include "hoist/checkpoint/formats/native/native_writer.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/formats/native/sample_checkpoint.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/testing/catalog_text.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr uint64_t kLargeBytes = uint64_t{1} << 20 | 4096;
constexpr uint64_t kShardBytes = uint64_t{1} << 20;
// Several chunks in the large storages.
constexpr uint32_t kChunkBytes = uint32_t{256} << 10;

class NativeWriterTest : public ::testing::Test {
 protected:
  absl::StatusOr<WriteReport> Write(const Catalog& catalog, CatalogFiles files,
                                    const std::string& name,
                                    const WriteOptions& options,
                                    uint32_t chunk_bytes = kChunkBytes) {
    return WriteNative(catalog, files, *file_system_, directory_.path(name),
                       options, chunk_bytes);
  }
  absl::StatusOr<WriteReport> Write(const SampleCheckpoint& sample,
                                    const std::string& name,
                                    const WriteOptions& options) {
    return Write(sample.catalog, sample.files, name, options);
  }
  Checkpoint Open(const std::string& name) const {
    auto checkpoint = Checkpoint::Open(directory_.path(name));
    HOIST_EXPECT_OK(checkpoint);
    return *std::move(checkpoint);
  }
  // All files at `name` as one text.
  std::string Bytes(const std::string& name) const {
    return directory_.Read(name);
  }

  const std::unique_ptr<FileSystem> file_system_ = NewPosixFileSystem();
  const TempDirectory directory_;
};

// What a catalog says of tensors and values, without places.
std::string Meaning(const Catalog& catalog) {
  Catalog meaning = catalog;
  meaning.format_version.clear();
  meaning.files.clear();
  for (StorageEntry& storage : meaning.storages) {
    storage = {.size_bytes = storage.size_bytes};
  }
  return CatalogText(meaning);
}

// `read` has the tensors of `sample`, loaded in several ways.
void ExpectSameTensors(const SampleCheckpoint& sample, const Checkpoint& read) {
  const std::vector<std::string> elements =
      NaiveLoad(sample.catalog, sample.files);
  // As they are stored.
  Catalog catalog = read.catalog();
  for (TensorEntry& tensor : catalog.tensors) {
    tensor.is_conjugate = tensor.is_negative = false;
  }
  ThreadPool threads(3);
  for (LoadOptions options :
       {LoadOptions{}, LoadOptions{.pool = &threads},
        LoadOptions{.pool = &threads, .read_method = ReadMethod::kDirect},
        LoadOptions{.read_method = ReadMethod::kMmap},
        LoadOptions{.verify_checksums = false}}) {
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded,
                               LoadCatalog(catalog, read.files(), options));
    ExpectTensors(loaded.tensors, catalog, elements, HostBytes);
    if (options.verify_checksums) {
      EXPECT_EQ(loaded.report.verified, Verified::kChecksum);
    }
  }
}

TEST_F(NativeWriterTest, EveryWayKeepsEverything) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  ThreadPool threads(3);
  std::string meaning;
  for (const int version : {1, 2}) {
    for (const bool compress : {false, true}) {
      for (const uint64_t max_shard_bytes : {uint64_t{0}, kShardBytes}) {
        if (version == 1 && compress) {
          continue;
        }
        WriteOptions options = {.max_shard_bytes = max_shard_bytes,
                                .compress = compress,
                                .native_version = version,
                                .pool = &threads};
        const std::string name =
            absl::StrCat("v", version, compress, max_shard_bytes);
        SCOPED_TRACE(name);
        HOIST_ASSERT_OK_AND_ASSIGN(const WriteReport report,
                                   Write(sample, name, options));
        const Checkpoint read = Open(name);
        ExpectSameTensors(sample, read);
        EXPECT_EQ(report.tensor_count, 11);
        EXPECT_EQ(report.files.size(), max_shard_bytes == 0 ? 1 : 4);
        uint64_t file_bytes = 0;
        for (const FileEntry& file : read.catalog().files) {
          file_bytes += file.size_bytes;
        }
        EXPECT_EQ(report.file_bytes, file_bytes);
        // The same, whichever way it went.
        meaning = meaning.empty() ? Meaning(read.catalog()) : meaning;
        EXPECT_EQ(Meaning(read.catalog()), meaning);
        // Alone with one thread, the same bytes.
        options.pool = nullptr;
        const std::string again = absl::StrCat("again_", name);
        HOIST_ASSERT_OK(Write(sample, again, options).status());
        for (const std::string& file : report.files) {
          const std::string end = file.substr(directory_.path(name).size());
          EXPECT_TRUE(Bytes(name + end) == Bytes(again + end)) << end;
        }
      }
    }
  }
}

TEST_F(NativeWriterTest, WhatWasReadIsWrittenAgain) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  HOIST_ASSERT_OK(Write(sample, "a", {.compress = true}).status());
  const Checkpoint first = Open("a");
  for (const uint32_t chunk_bytes : {kChunkBytes, uint32_t{64} << 10}) {
    HOIST_ASSERT_OK(Write(first.catalog(), first.files(), "b",
                          {.overwrite = true}, chunk_bytes)
                        .status());
    const Checkpoint second = Open("b");
    ExpectSameTensors(sample, second);
    HOIST_ASSERT_OK(Write(second.catalog(), second.files(), "c",
                          {.overwrite = true, .compress = true})
                        .status());
    EXPECT_TRUE(Bytes("a") == Bytes("c"));
  }
}

TEST_F(NativeWriterTest, OnlyWhatTensorsNeed) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  HOIST_ASSERT_OK_AND_ASSIGN(const WriteReport report,
                             Write(sample, "m", WriteOptions()));
  const Checkpoint read = Open("m");
  // The one that nobody has a use for is gone, of another the last quarter
  // is left.
  EXPECT_EQ(read.catalog().storages.size(), sample.catalog.storages.size() - 1);
  EXPECT_LT(report.tensor_bytes, 2 * kLargeBytes);
  EXPECT_LT(report.file_bytes, report.tensor_bytes + 30'000);
  // Two views of one storage.
  const auto& tensors = read.catalog().tensors;
  EXPECT_EQ(tensors[0].storage, tensors[1].storage);
}

TEST_F(NativeWriterTest, StoragesAreKeptForValuesThatTheRootLeadsTo) {
  SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  sample.catalog.tensors.clear();
  const auto size_of = [&](bool is_reached) -> uint64_t {
    auto values = std::make_shared<ValueGraph>();
    const ValueId storage =
        values->Add({.kind = ValueKind::kStorage, .data = int64_t{0}});
    sample.catalog.root_id = values->AddItems(
        ValueKind::kList,
        is_reached ? std::vector<ValueId>{storage} : std::vector<ValueId>());
    sample.catalog.values = std::move(values);
    const auto report = Write(sample, is_reached ? "a" : "b", {});
    HOIST_EXPECT_OK(report);
    return report.ok() ? report->tensor_bytes : 0;
  };
  EXPECT_EQ(size_of(true), sample.catalog.storages[0].size_bytes);
  EXPECT_EQ(size_of(false), 0);
}

TEST_F(NativeWriterTest, WeightsBecomeSmaller) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  HOIST_ASSERT_OK(Write(sample, "m", {.compress = true}).status());
  const Checkpoint read = Open("m");
  const StorageEntry& weights =
      read.catalog().storages[*read.catalog().tensors[0].storage];
  ASSERT_TRUE(weights.encoded_bytes.has_value());
  EXPECT_GT(static_cast<double>(weights.size_bytes),
            1.45 * static_cast<double>(*weights.encoded_bytes));
  for (const StorageChunk& chunk : weights.chunks) {
    EXPECT_EQ(chunk.encoding, ChunkEncoding::kFloatPlanes2);
  }
  const StorageEntry& random =
      read.catalog().storages[*read.catalog().tensors[5].storage];
  EXPECT_FALSE(random.encoded_bytes.has_value());
}

TEST_F(NativeWriterTest, LargeStoragesBeginAtPages) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  for (const bool compress : {false, true}) {
    HOIST_ASSERT_OK(
        Write(sample, "m", {.overwrite = true, .compress = compress}).status());
    const Checkpoint read = Open("m");
    for (const StorageEntry& storage : read.catalog().storages) {
      EXPECT_EQ(storage.offset_bytes % 64, 0);
      if (storage.size_bytes >= 64 << 10) {
        EXPECT_EQ(storage.offset_bytes % 4096, 0);
      }
    }
  }
}

// Sources of other formats: deflated, and in the other byte order.
TEST_F(NativeWriterTest, OtherSources) {
  SampleCheckpoint source;
  std::string numbers(300'000, '\0');
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<char>(i % 7 * (i >> 12));
  }
  const std::string deflated = RawDeflate(numbers, 1);
  const auto crc =
      Crc32({reinterpret_cast<const uint8_t*>(numbers.data()), numbers.size()});
  source.catalog.files = {{.size_bytes = deflated.size() + numbers.size()}};
  source.catalog.storages = {{.size_bytes = numbers.size(),
                              .deflated_bytes = deflated.size(),
                              .crc32 = crc},
                             {.offset_bytes = deflated.size(),
                              .size_bytes = numbers.size(),
                              .crc32 = crc,
                              .swap_bytes = 4}};
  for (const int i : {0, 1}) {
    source.catalog.tensors.push_back({.name = absl::StrCat("t", i),
                                      .spec = {DType::kFloat32, {75'000}, {1}},
                                      .storage = i});
  }
  source.files = {std::make_shared<MemoryFile>(deflated + numbers)};
  ThreadPool threads(3);
  for (const bool compress : {false, true}) {
    HOIST_ASSERT_OK(
        Write(source.catalog, source.files, "m",
              {.overwrite = true, .compress = compress, .pool = &threads},
              kMinChunkBytes)
            .status());
    ExpectSameTensors(source, Open("m"));
  }
  ++*source.catalog.storages[1].crc32;
  for (const bool compress : {false, true}) {
    EXPECT_THAT(Write(source, "damaged", {.compress = compress}),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensor t1")));
  }
  EXPECT_THAT(directory_.Names(), ElementsAre("m"));
}

TEST_F(NativeWriterTest, DamagedNativeSources) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  for (const bool compress : {false, true}) {
    HOIST_ASSERT_OK(
        Write(sample, "good", {.overwrite = true, .compress = compress})
            .status());
    std::string bytes = Bytes("good");
    bytes[300'000] = static_cast<char>(~bytes[300'000]);
    directory_.Write("damaged", bytes);
    const Checkpoint damaged = Open("damaged");
    EXPECT_THAT(
        Write(damaged.catalog(), damaged.files(), "m", {}),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensor model.embed")));
  }
}

TEST_F(NativeWriterTest, MetadataIsJoined) {
  const SampleCheckpoint sample = MakeSmallCheckpoint();
  HOIST_ASSERT_OK(
      Write(sample, "m",
            {.metadata = {{"run", "eight"}, {"hoist.mine", "gone"}, {"b", ""}}})
          .status());
  EXPECT_THAT(Open("m").catalog().metadata,
              ElementsAre(Pair("run", "eight"), Pair("b", ""),
                          Pair("hoist.digest", HasSubstr("sha256:"))));
}

TEST_F(NativeWriterTest, RefusesWhatThereIsNot) {
  const SampleCheckpoint sample = MakeSmallCheckpoint();
  EXPECT_THAT(Write(sample, "m", {.native_version = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Write(sample, "m", {.compress = true, .native_version = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  directory_.Write("m", "old");
  EXPECT_THAT(Write(sample, "m", {}),
              StatusIs(absl::StatusCode::kAlreadyExists));
  CancelToken cancel;
  cancel.Cancel();
  for (const bool compress : {false, true}) {
    for (const uint64_t max_shard_bytes : {0, 100}) {
      EXPECT_THAT(Write(sample, "n",
                        {.max_shard_bytes = max_shard_bytes,
                         .compress = compress,
                         .cancel = &cancel}),
                  StatusIs(absl::StatusCode::kCancelled));
    }
  }
  EXPECT_THAT(directory_.Names(), ElementsAre("m"));
  EXPECT_EQ(Bytes("m"), "old");
}

TEST_F(NativeWriterTest, ProgressEndsWithAll) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  for (const bool compress : {false, true}) {
    for (const uint64_t max_shard_bytes : {uint64_t{0}, kShardBytes}) {
      uint64_t last = 0;
      uint64_t all = 0;
      HOIST_ASSERT_OK_AND_ASSIGN(
          const WriteReport report,
          Write(sample, absl::StrCat(compress, max_shard_bytes),
                {.max_shard_bytes = max_shard_bytes,
                 .compress = compress,
                 .on_progress = [&](uint64_t done_bytes, uint64_t all_bytes) {
                   EXPECT_GT(done_bytes, last);
                   last = done_bytes;
                   all = all_bytes;
                 }}));
      EXPECT_EQ(last, report.tensor_bytes);
      EXPECT_EQ(all, report.tensor_bytes);
    }
  }
}

// A directory is good as long as all of its files are those it was written
// with.
TEST_F(NativeWriterTest, ShardsBelongTogether) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  HOIST_ASSERT_OK(
      Write(sample, "m", {.max_shard_bytes = kShardBytes}).status());
  EXPECT_THAT(directory_.Names("m"),
              ElementsAre("index.hoist", "shard-00001.hoist",
                          "shard-00002.hoist", "shard-00003.hoist"));
  const auto open = [this] {
    return Checkpoint::Open(directory_.path("m")).status();
  };
  HOIST_EXPECT_OK(open());
  // Each is a checkpoint by itself.
  const Checkpoint shard = Open("m/shard-00002.hoist");
  ASSERT_EQ(shard.catalog().tensors.size(), 3);
  HOIST_EXPECT_OK(Load(shard).status());
  EXPECT_TRUE(shard.catalog().root().Find("model.embed").has_value());

  const std::string second = Bytes("m/shard-00002.hoist");
  directory_.Write("m/shard-00002.hoist", second + '\0');
  EXPECT_THAT(open(), StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("shard-00002.hoist: It has")));
  std::string other = second;
  other[other.size() - 30] = 1;
  directory_.Write("m/shard-00002.hoist", other);
  EXPECT_THAT(open(), StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("shard-00002.hoist: Its footer")));
  HOIST_ASSERT_OK(
      file_system_->RemoveFile(directory_.path("m/shard-00002.hoist")));
  EXPECT_THAT(open(), StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("shard-00002.hoist")));
  directory_.Write("m/shard-00002.hoist", second);
  HOIST_EXPECT_OK(open());
  HOIST_ASSERT_OK(file_system_->RemoveFile(directory_.path("m/index.hoist")));
  EXPECT_THAT(open(), StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("An incomplete save: 3 shards")));
}

TEST_F(NativeWriterTest, AnotherRunsShardIsNoticed) {
  const SampleCheckpoint sample = MakeSampleCheckpoint(kLargeBytes);
  SampleCheckpoint changed = sample;
  changed.catalog.tensors[0].location = "cuda:7";
  HOIST_ASSERT_OK(
      Write(sample, "a", {.max_shard_bytes = kShardBytes}).status());
  HOIST_ASSERT_OK(
      Write(changed, "b", {.max_shard_bytes = kShardBytes}).status());
  directory_.Write("a/shard-00002.hoist", Bytes("b/shard-00002.hoist"));
  EXPECT_THAT(Checkpoint::Open(directory_.path("a")),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("not the file that the index")));
}

TEST_F(NativeWriterTest, DigestsNameTheContent) {
  const SampleCheckpoint sample = MakeSmallCheckpoint();
  const auto digest = [&](const SampleCheckpoint& checkpoint) {
    HOIST_EXPECT_OK(Write(checkpoint, "m", {.overwrite = true}).status());
    return Open("m").catalog().metadata.back().second;
  };
  const std::string first = digest(sample);
  EXPECT_EQ(digest(sample), first);
  SampleCheckpoint changed = sample;
  changed.catalog.tensors[0].name = "weigh";
  EXPECT_NE(digest(changed), first);
  changed = sample;
  changed.catalog.storages[0].offset_bytes -= 1;
  EXPECT_NE(digest(changed), first);
  changed = sample;
  changed.catalog.root_id = ValueGraph::kTrueId;
  EXPECT_NE(digest(changed), first);
}

}  // namespace
}  // namespace hoist
