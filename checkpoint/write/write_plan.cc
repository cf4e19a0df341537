#include "hoist/checkpoint/write/write_plan.h"

#include <algorithm>
#include <utility>

#include "hoist/core/base/check.h"

namespace hoist {
namespace {

class Planner {
 public:
  Planner(const Catalog& catalog, std::vector<StoragePlacement> placements,
          uint64_t block_bytes)
      : catalog_(catalog), block_bytes_(block_bytes) {
    plan_.placements = std::move(placements);
  }

  WritePlan Make() {
    for (size_t i = 0; i < plan_.placements.size(); ++i) {
      const StoragePlacement& placement = plan_.placements[i];
      if (catalog_.storages[placement.storage].deflated_bytes) {
        AddStream(static_cast<int>(i));
      } else {
        Add(static_cast<int>(i));
      }
    }
    EndBlock();
    return std::move(plan_);
  }

 private:
  void Add(int index);
  // In blocks of its own.
  void AddStream(int index);
  // Ends the block under way if the bytes of a file from `offset` on, with
  // `lead_bytes` before them, do not go there; begins one if there is none.
  void Reach(int file, uint64_t offset, uint64_t lead_bytes);
  void EndBlock();

  const Catalog& catalog_;
  const uint64_t block_bytes_;
  WritePlan plan_;
  WritePlan::Block block_;  // under way, if it has pieces
  uint64_t limit_ = 0;      // where in the file it ends at the latest
};

void Planner::Reach(int file, uint64_t offset, uint64_t lead_bytes) {
  const uint64_t begin = offset - lead_bytes;
  if (block_.piece_count > 0 &&
      (block_.file != file || offset >= limit_ ||
       begin - (block_.file_offset + block_.file_bytes) >=
           kMaxWrittenGapBytes)) {
    EndBlock();
  }
  if (block_.piece_count == 0) {
    block_.file = file;
    block_.file_offset = begin;
    block_.first_piece = static_cast<int>(plan_.pieces.size());
    limit_ = (offset / block_bytes_ + 1) * block_bytes_;
  }
}

void Planner::Add(int index) {
  const StoragePlacement& placement = plan_.placements[index];
  uint64_t done = 0;
  do {
    const uint64_t offset = placement.file_offset + done;
    Reach(placement.file, offset, done == 0 ? placement.lead_bytes : 0);
    const uint64_t size =
        std::min(placement.size_bytes - done, limit_ - offset);
    plan_.pieces.push_back(
        {.placement = index, .offset_bytes = done, .size_bytes = size});
    ++block_.piece_count;
    block_.file_bytes = offset + size - block_.file_offset;
    done += size;
  } while (done < placement.size_bytes);
  plan_.bytes += placement.size_bytes;
}

void Planner::AddStream(int index) {
  EndBlock();
  const auto first_task = plan_.tasks.size();
  Add(index);
  EndBlock();
  plan_.tasks[first_task].block_count =
      static_cast<int>(plan_.tasks.size() - first_task);
  plan_.tasks.resize(first_task + 1);
}

void Planner::EndBlock() {
  if (block_.piece_count == 0) {
    return;
  }
  plan_.tasks.push_back(
      {.first_block = static_cast<int>(plan_.blocks.size()), .block_count = 1});
  plan_.max_block_bytes = std::max(plan_.max_block_bytes, block_.file_bytes);
  plan_.blocks.push_back(block_);
  block_ = {};
}

}  // namespace

WritePlan MakeWritePlan(const Catalog& catalog,
                        std::vector<StoragePlacement> placements,
                        uint64_t block_bytes) {
  HOIST_CHECK(block_bytes > 0);
  return Planner(catalog, std::move(placements), block_bytes).Make();
}

}  // namespace hoist
