#include "hoist/checkpoint/write/execute_write.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/io/memory_output_file.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

constexpr uint64_t kBlock = 64 << 10;

std::string TextOf(const MemoryOutputFile& file) {
  const std::vector<uint8_t> bytes = file.bytes();
  return {bytes.begin(), bytes.end()};
}

// Keeps where and how much was written, and whether it could be direct.
class RecordingFile : public MemoryOutputFile {
 public:
  absl::Status WriteAt(uint64_t offset,
                       absl::Span<const uint8_t> bytes) override {
    const auto address = reinterpret_cast<uintptr_t>(bytes.data());
    const bool is_direct =
        (address | offset | bytes.size()) % kDirectWriteAlignment == 0;
    (is_direct ? direct_bytes_ : other_bytes_) += bytes.size();
    if (--writes_left_ == 0) {
      return absl::ResourceExhaustedError("full");
    }
    return MemoryOutputFile::WriteAt(offset, bytes);
  }

  // The `nth` write from now (1 is the next) fails.
  void FailWrite(int nth) { writes_left_ = nth; }
  uint64_t direct_bytes() const { return direct_bytes_; }
  uint64_t other_bytes() const { return other_bytes_; }

 private:
  std::atomic<uint64_t> direct_bytes_ = 0;
  std::atomic<uint64_t> other_bytes_ = 0;
  std::atomic<int> writes_left_ = 0;
};

// Storages of some sizes, each behind a lead of 40 bytes at multiples of 64.
struct Job {
  explicit Job(std::vector<std::string> all)
      : contents(std::move(all)), checkpoint(contents) {
    std::vector<StoragePlacement> placements;
    uint64_t offset = 0;
    for (size_t i = 0; i < contents.size(); ++i) {
      offset = (offset + 40 + 63) / 64 * 64;
      expected.resize(offset - 40, '\0');
      expected += std::string(40, 'L') + contents[i];
      placements.push_back({.storage = static_cast<int>(i),
                            .size_bytes = contents[i].size(),
                            .file_offset = offset,
                            .lead_bytes = 40});
      offset += contents[i].size();
    }
    plan = MakeWritePlan(checkpoint.catalog, std::move(placements), kBlock);
  }

  static std::vector<std::string> ContentsOf(const std::vector<size_t>& sizes) {
    std::vector<std::string> contents;
    for (const size_t size : sizes) {
      contents.push_back(TestBytes(size, static_cast<uint32_t>(size)));
    }
    return contents;
  }

  absl::Status Run(OutputFile& file, ThreadPool* pool = nullptr) {
    StorageReader reader(checkpoint.catalog, checkpoint.files);
    OutputFile* const files[] = {&file};
    WriteInputs inputs = {.plan = plan,
                          .reader = reader,
                          .files = files,
                          .pool = pool,
                          .cancel = &cancel};
    inputs.on_piece = [this](int piece, absl::Span<const uint8_t> bytes) {
      const MutexLock lock(&mu);
      const WritePlan::Piece& about = plan.pieces[piece];
      const std::string text(bytes.begin(), bytes.end());
      EXPECT_EQ(text, contents[about.placement].substr(about.offset_bytes,
                                                       about.size_bytes));
      piece_bytes += bytes.size();
    };
    inputs.on_block = [this](int block, absl::Span<uint8_t> bytes) {
      FillLeads(plan.blocks[block], bytes);
    };
    inputs.on_progress = [this](uint64_t bytes) {
      const MutexLock lock(&mu);
      done_bytes = std::max(done_bytes, bytes);
    };
    const absl::Status status = ExecuteWrite(inputs);
    return status.ok() ? reader.CompareChecksums() : status;
  }

  void FillLeads(const WritePlan::Block& block, absl::Span<uint8_t> bytes) {
    for (int i = 0; i < block.piece_count; ++i) {
      const WritePlan::Piece& piece = plan.pieces[block.first_piece + i];
      const StoragePlacement& placement = plan.placements[piece.placement];
      if (piece.offset_bytes == 0) {
        const uint64_t lead = placement.file_offset - placement.lead_bytes;
        for (uint8_t& byte : bytes.subspan(lead - block.file_offset, 40)) {
          EXPECT_EQ(byte, 0);
          byte = 'L';
        }
      }
    }
  }

  std::vector<std::string> contents;
  TestCheckpoint checkpoint;
  WritePlan plan;
  std::string expected;
  CancelToken cancel;
  Mutex mu;
  uint64_t piece_bytes = 0;
  uint64_t done_bytes = 0;
};

TEST(ExecuteWriteTest, WritesEveryByteAtItsPlace) {
  ThreadPool pool(3);
  for (ThreadPool* const threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
    Job job(
        Job::ContentsOf({0, 100, 7, 300000, 64 << 10, 8, 0, 1000000, 4096}));
    RecordingFile file;
    HOIST_ASSERT_OK(job.Run(file, threads));
    EXPECT_EQ(TextOf(file), job.expected);
    EXPECT_EQ(job.piece_bytes, job.plan.bytes);
    EXPECT_EQ(job.done_bytes, job.plan.bytes);
    // All but the edges of blocks.
    EXPECT_GT(file.direct_bytes(), file.other_bytes() * 10);
  }
}

TEST(ExecuteWriteTest, CompressedStoragesComeOutInOrder) {
  const std::string before = TestBytes(500000, 9);
  Job job({RawDeflate(before), TestBytes(100, 1)});
  Catalog& catalog = job.checkpoint.catalog;
  catalog.storages[0].deflated_bytes = catalog.storages[0].size_bytes;
  catalog.storages[0].size_bytes = before.size();
  catalog.storages[0].crc32 =
      Crc32({reinterpret_cast<const uint8_t*>(before.data()), before.size()});
  job.contents[0] = before;
  job.plan = MakeWritePlan(catalog,
                           {{.storage = 0,
                             .size_bytes = before.size(),
                             .file_offset = 64,
                             .lead_bytes = 40}},
                           kBlock);
  ThreadPool pool(3);
  MemoryOutputFile file;
  HOIST_ASSERT_OK(job.Run(file, &pool));
  EXPECT_EQ(TextOf(file).substr(64), before);
}

TEST(ExecuteWriteTest, TheFirstErrorEndsIt) {
  ThreadPool pool(2);
  Job job(Job::ContentsOf({5000000}));
  const auto blocks = static_cast<int>(job.plan.blocks.size());
  for (const int nth : {1, 2, blocks / 2}) {
    RecordingFile file;
    file.FailWrite(nth);
    EXPECT_THAT(job.Run(file, &pool),
                StatusIs(absl::StatusCode::kResourceExhausted, "full"));
    EXPECT_LT(file.direct_bytes(), nth * kBlock + 4 * kBlock);
  }
}

TEST(ExecuteWriteTest, DamagedSourcesAreNoticed) {
  Job job(Job::ContentsOf({5000000}));
  *job.checkpoint.catalog.storages[0].crc32 ^= 1;
  MemoryOutputFile file;
  EXPECT_THAT(job.Run(file), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ExecuteWriteTest, CanBeCancelled) {
  Job job(Job::ContentsOf({5000000}));
  job.cancel.Cancel();
  RecordingFile file;
  EXPECT_THAT(job.Run(file), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(file.direct_bytes() + file.other_bytes(), 0);
}

}  // namespace
}  // namespace hoist
