#include "hoist/checkpoint/write/execute_write.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "hoist/core/status/status_macros.h"
#include "hoist/core/system/host_arena.h"

namespace hoist {
namespace {

// `value` or the next multiple of the alignment.
constexpr uint64_t AlignUp(uint64_t value) {
  return (value + kDirectWriteAlignment - 1) / kDirectWriteAlignment *
         kDirectWriteAlignment;
}

// Writes `bytes`, which lie in memory as in the file but for whole pages: those
// pages that they fill in one call, and what is before and behind them.
absl::Status WriteBlock(OutputFile& file, uint64_t offset,
                        absl::Span<const uint8_t> bytes) {
  const uint64_t end = offset + bytes.size();
  const uint64_t direct_begin = std::min(AlignUp(offset), end);
  const uint64_t direct_end = std::max(
      direct_begin, end / kDirectWriteAlignment * kDirectWriteAlignment);
  const uint64_t cuts[] = {offset, direct_begin, direct_end, end};
  for (int i = 0; i + 1 < 4; ++i) {
    if (cuts[i] < cuts[i + 1]) {
      HOIST_RETURN_IF_ERROR(file.WriteAt(
          cuts[i], bytes.subspan(cuts[i] - offset, cuts[i + 1] - cuts[i])));
    }
  }
  return absl::OkStatus();
}

// The run of one plan, as all its threads share it.
class Execution {
 public:
  explicit Execution(const WriteInputs& inputs) : inputs_(inputs) {}

  // Takes tasks until there is none.
  absl::Status Work();

 private:
  absl::Status Write(int block, absl::Span<uint8_t> memory);

  const WriteInputs& inputs_;
  std::atomic<size_t> next_task_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::atomic<uint64_t> done_bytes_ = 0;
};

absl::Status Execution::Work() {
  const WritePlan& plan = inputs_.plan;
  std::shared_ptr<HostArena> arena;
  for (size_t i = next_task_++; i < plan.tasks.size() && !has_failed_;
       i = next_task_++) {
    if (arena == nullptr) {
      HOIST_ASSIGN_OR_RETURN(arena, HostArena::Allocate(plan.max_block_bytes +
                                                        kDirectWriteAlignment));
    }
    const WritePlan::Task& task = plan.tasks[i];
    for (int k = 0; k < task.block_count; ++k) {
      const absl::Status status = Write(task.first_block + k, arena->bytes());
      if (!status.ok()) {
        has_failed_ = true;
        return status;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Execution::Write(int index, absl::Span<uint8_t> memory) {
  if (inputs_.cancel != nullptr && inputs_.cancel->is_cancelled()) {
    return absl::CancelledError("Writing was cancelled");
  }
  const WritePlan& plan = inputs_.plan;
  const WritePlan::Block& block = plan.blocks[index];
  const absl::Span<uint8_t> bytes = memory.subspan(
      block.file_offset % kDirectWriteAlignment, block.file_bytes);
  uint64_t filled = 0;
  uint64_t piece_bytes = 0;
  for (int i = 0; i < block.piece_count; ++i) {
    const int piece_index = block.first_piece + i;
    const WritePlan::Piece& piece = plan.pieces[piece_index];
    const StoragePlacement& placement = plan.placements[piece.placement];
    const uint64_t at =
        placement.file_offset + piece.offset_bytes - block.file_offset;
    std::memset(bytes.data() + filled, 0, at - filled);
    const absl::Span<uint8_t> out = bytes.subspan(at, piece.size_bytes);
    HOIST_RETURN_IF_ERROR(inputs_.reader.Read(
        placement.storage, placement.begin_bytes + piece.offset_bytes, out));
    if (inputs_.on_piece) {
      inputs_.on_piece(piece_index, out);
    }
    filled = at + piece.size_bytes;
    piece_bytes += piece.size_bytes;
  }
  if (inputs_.on_block) {
    inputs_.on_block(index, bytes);
  }
  HOIST_RETURN_IF_ERROR(
      WriteBlock(*inputs_.files[block.file], block.file_offset, bytes));
  const uint64_t done = done_bytes_ += piece_bytes;
  if (inputs_.on_progress) {
    inputs_.on_progress(done);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExecuteWrite(const WriteInputs& inputs) {
  Execution execution(inputs);
  if (inputs.pool == nullptr) {
    return execution.Work();
  }
  return ParallelFor(*inputs.pool, inputs.pool->thread_count() + 1,
                     [&execution](int64_t) { return execution.Work(); });
}

}  // namespace hoist
