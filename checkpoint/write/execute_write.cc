#include "hoist/checkpoint/write/execute_write.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/write/block_schedule.h"
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
  Execution(const WriteInputs& inputs, int thread_count)
      : inputs_(inputs),
        schedule_(inputs.plan, thread_count),
        slots_(schedule_.slot_count()) {}

  // Fills and writes blocks until there is none.
  absl::Status Work();

 private:
  absl::Status Do(const BlockSchedule::Step& step);
  // The block's bytes in the memory of the step's slot, which is allocated when
  // it is first used.
  absl::StatusOr<absl::Span<uint8_t>> MemoryOf(const BlockSchedule::Step& step);
  absl::Status Fill(int block, absl::Span<uint8_t> bytes);
  absl::Status Write(int block, absl::Span<const uint8_t> bytes);

  const WriteInputs& inputs_;
  BlockSchedule schedule_;
  std::vector<std::shared_ptr<HostArena>> slots_;
  std::atomic<uint64_t> done_bytes_ = 0;
};

absl::Status Execution::Work() {
  for (;;) {
    const BlockSchedule::Step step = schedule_.Next();
    if (step.work == BlockSchedule::Work::kNone) {
      return absl::OkStatus();
    }
    const absl::Status status = Do(step);
    if (!status.ok()) {
      schedule_.Stop();
      return status;
    }
  }
}

absl::Status Execution::Do(const BlockSchedule::Step& step) {
  if (inputs_.cancel != nullptr && inputs_.cancel->is_cancelled()) {
    return absl::CancelledError("Writing was cancelled");
  }
  HOIST_ASSIGN_OR_RETURN(const absl::Span<uint8_t> bytes, MemoryOf(step));
  if (step.work == BlockSchedule::Work::kFill) {
    HOIST_RETURN_IF_ERROR(Fill(step.block, bytes));
    schedule_.Filled(step);
  } else {
    HOIST_RETURN_IF_ERROR(Write(step.block, bytes));
    schedule_.Written(step);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<uint8_t>> Execution::MemoryOf(
    const BlockSchedule::Step& step) {
  const WritePlan& plan = inputs_.plan;
  std::shared_ptr<HostArena>& slot = slots_[step.slot];
  if (slot == nullptr) {
    HOIST_ASSIGN_OR_RETURN(slot, HostArena::Allocate(plan.max_block_bytes +
                                                     kDirectWriteAlignment));
  }
  const WritePlan::Block& block = plan.blocks[step.block];
  return slot->bytes().subspan(block.file_offset % kDirectWriteAlignment,
                               block.file_bytes);
}

absl::Status Execution::Fill(int index, absl::Span<uint8_t> bytes) {
  const WritePlan& plan = inputs_.plan;
  const WritePlan::Block& block = plan.blocks[index];
  uint64_t filled = 0;
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
  }
  if (inputs_.on_block) {
    inputs_.on_block(index, bytes);
  }
  return absl::OkStatus();
}

absl::Status Execution::Write(int index, absl::Span<const uint8_t> bytes) {
  const WritePlan& plan = inputs_.plan;
  const WritePlan::Block& block = plan.blocks[index];
  HOIST_RETURN_IF_ERROR(
      WriteBlock(*inputs_.files[block.file], block.file_offset, bytes));
  uint64_t piece_bytes = 0;
  for (int i = 0; i < block.piece_count; ++i) {
    piece_bytes += plan.pieces[block.first_piece + i].size_bytes;
  }
  const uint64_t done = done_bytes_ += piece_bytes;
  if (inputs_.on_progress) {
    inputs_.on_progress(done);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExecuteWrite(const WriteInputs& inputs) {
  const int thread_count =
      inputs.pool == nullptr ? 1 : inputs.pool->thread_count() + 1;
  Execution execution(inputs, thread_count);
  if (inputs.pool == nullptr) {
    return execution.Work();
  }
  return ParallelFor(*inputs.pool, thread_count,
                     [&execution](int64_t) { return execution.Work(); });
}

}  // namespace hoist
