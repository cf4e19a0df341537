#ifndef HOIST_CHECKPOINT_LOAD_PIECE_CHECKSUMS_H_
#define HOIST_CHECKPOINT_LOAD_PIECE_CHECKSUMS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/plan/load_plan.h"

namespace hoist {

// Checksums of the storages of a plan, made piece by piece on several threads.
// Both arguments must outlive it. Each piece is for one thread; Compare() for
// when all are done.
class PieceChecksums {
 public:
  PieceChecksums(const Catalog& catalog, const LoadPlan& plan)
      : catalog_(catalog), plan_(plan), crcs_(plan.pieces.size()) {}

  // Whether the file records what the bytes of that storage of the plan can be
  // compared with: of a part of a storage there is no checksum, unless it is
  // whole chunks.
  static bool IsVerifiable(const Catalog& catalog,
                           const LoadPlan::Storage& storage);

  // Takes the bytes of a piece as the file has them. Those of an encoded
  // storage are for who decodes it to compare.
  void Add(int piece, absl::Span<const uint8_t> bytes);

  // kDataLoss, with the names of storage and tensor, for the first storage
  // or chunk whose bytes are not those that its checksum was made of.
  absl::Status Compare() const;

 private:
  // What a checksum is of, and what it is.
  struct Record {
    uint64_t begin_bytes = 0;  // in the storage
    uint64_t size_bytes = 0;
    uint32_t crc = 0;
  };
  // Of the run that `piece`, of a storage that is verifiable, is a part of.
  Record RecordOf(const LoadPlan::Piece& piece) const;
  absl::Status Damaged(const StorageNeed& need, const Record& record,
                       uint32_t crc) const;

  const Catalog& catalog_;
  const LoadPlan& plan_;
  std::vector<uint32_t> crcs_;  // by piece
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_PIECE_CHECKSUMS_H_
