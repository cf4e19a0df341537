#include "hoist/checkpoint/load/load_engine.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/plan/storage_need.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

constexpr uint64_t kChunkBytes = 4096;

// Memory for each chunk, which is another's as soon as its lease is gone.
class LeasedMemory : public ChunkDestination {
 public:
  absl::StatusOr<std::unique_ptr<Lease>> Acquire(const LoadPlan::Chunk& chunk,
                                                 bool) override {
    return std::make_unique<MemoryLease>(leased_, chunk.arena_bytes);
  }
  absl::Status Submit(std::unique_ptr<Lease>) override {
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }
  std::shared_ptr<Buffer> buffer(int) const override { return nullptr; }
  uint64_t pinned_bytes() const override { return 0; }
  uint64_t device_bytes() const override { return 0; }

  bool IsLeased(const uint8_t* data) const { return leased_.contains(data); }

 private:
  class MemoryLease : public Lease {
   public:
    MemoryLease(std::set<const uint8_t*>& leased, uint64_t size_bytes)
        : leased_(leased), bytes_(size_bytes) {
      leased_.insert(bytes_.data());
    }
    ~MemoryLease() override { leased_.erase(bytes_.data()); }
    // Each chunk has one piece.
    uint8_t* address(const LoadPlan::Piece&) const override {
      return bytes_.data();
    }

   private:
    std::set<const uint8_t*>& leased_;
    mutable std::vector<uint8_t> bytes_;
  };

  std::set<const uint8_t*> leased_;
};

// Reads of which the first fails, and the others are under way until the queue
// goes.
class FailingPath : public ReadPath {
 public:
  explicit FailingPath(const LeasedMemory& memory) : memory_(memory) {}

  ReadMethod method() const override { return ReadMethod::kDirect; }
  std::unique_ptr<ReadQueue> MakeQueue(int depth, size_t) override {
    return std::make_unique<Queue>(memory_, depth, reads_at_end_);
  }
  // Reads that were under way when their queue went.
  int reads_at_end() const { return reads_at_end_; }

 private:
  class Queue : public ReadQueue {
   public:
    Queue(const LeasedMemory& memory, int depth, int& reads_at_end)
        : memory_(memory), depth_(depth), reads_at_end_(reads_at_end) {}
    ~Queue() override {
      for (const uint8_t* const data : under_way_) {
        EXPECT_TRUE(memory_.IsLeased(data)) << "while it is read into";
        ++reads_at_end_;
      }
    }
    int depth() const override { return depth_; }
    void Start(uint64_t, std::vector<absl::Span<uint8_t>> parts,
               uint64_t tag) override {
      if (!first_) {
        first_ = tag;
      } else {
        under_way_.push_back(parts[0].data());
      }
    }
    Done Wait() override {
      return {.tag = *first_, .status = absl::DataLossError("as a disk fails")};
    }

   private:
    const LeasedMemory& memory_;
    const int depth_;
    int& reads_at_end_;
    std::optional<uint64_t> first_;
    std::vector<const uint8_t*> under_way_;
  };

  const LeasedMemory& memory_;
  int reads_at_end_ = 0;
};

TEST(LoadEngineTest, MemoryIsLeasedUntilTheReadsIntoItAreOver) {
  const TestCheckpoint checkpoint({TestBytes(10 * kChunkBytes, 1)});
  const auto plan =
      MakeLoadPlan(checkpoint.catalog, NeededStorages(checkpoint.catalog, true),
                   {.chunk_bytes = kChunkBytes});
  HOIST_ASSERT_OK(plan);
  LeasedMemory memory;
  std::vector<std::unique_ptr<ReadPath>> paths;
  auto path = std::make_unique<FailingPath>(memory);
  const FailingPath& failing = *path;
  paths.push_back(std::move(path));
  EXPECT_THAT(ExecutePlan({.catalog = checkpoint.catalog,
                           .plan = *plan,
                           .files = checkpoint.files,
                           .paths = paths,
                           .destination = memory}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(failing.reads_at_end(), QueueDepth(1) - 1);
}

}  // namespace
}  // namespace hoist
