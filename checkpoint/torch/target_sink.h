#ifndef HOIST_CHECKPOINT_TORCH_TARGET_SINK_H_
#define HOIST_CHECKPOINT_TORCH_TARGET_SINK_H_

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/load/range_boxes.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist::libtorch {

// Fills tensors that exist with the bytes of storages as they come. Where a
// tensor is a contiguous one on the CPU and of the dtype that the file has, and
// what of the file it is filled with is contiguous and nobody else's, they are
// read straight into it; others get copies of what has been read, cast and
// resolved in small parts. Thread-safe, but for what is said.
class TargetSink : public StorageSink {
 public:
  // What one thread takes in Take(), where something is cast or resolved.
  static constexpr uint64_t kConvertBytes = uint64_t{512} << 10;

  // `storage_count` as Catalog::storages.
  explicit TargetSink(size_t storage_count) : by_storage_(storage_count) {}

  // `target` is to be filled with `entry`, which has the same shape and a
  // storage. Memory of several targets does not overlap. Both must outlive the
  // sink. Returns the number of the target. Not thread-safe, and for before
  // the load.
  int Add(const TensorEntry& entry, const at::Tensor& target);

  // Whether some target is cast or resolved.
  bool converts() const { return converts_; }

  uint8_t* PlaceFor(int storage, uint64_t offset_bytes,
                    uint64_t size_bytes) override;
  // kInternal for what LibTorch throws.
  absl::Status Take(int storage, uint64_t offset_bytes,
                    absl::Span<const uint8_t> bytes) override;

  // For when the load is over, whether it has failed or not: tells autograd of
  // what has changed. Not thread-safe.
  void BumpVersions();
  // Whether a byte of some target may have changed.
  bool has_touched() const { return has_touched_; }

  // What has become of a target.
  uint64_t infinite_count(int target) const {
    return items_[target].infinite_count;
  }
  uint64_t nan_count(int target) const { return items_[target].nan_count; }
  // kInternal, with its name, for a target some elements of which were not
  // filled, or twice: a mistake of Hoist's that must not go unnoticed.
  absl::Status CheckWhole() const;

 private:
  struct Item {
    const TensorEntry* entry = nullptr;
    at::Tensor target;
    at::Tensor alias;  // the same memory, without autograd's affairs
    TensorSpec spec;   // of the entry, with the target's dimensions
    // What of the storage a contiguous entry is.
    uint64_t begin_bytes = 0;
    uint64_t end_bytes = 0;
    uint8_t* place = nullptr;  // null: not to be read straight into
    bool is_converted = false;
    // Whether it is copied in small parts.
    bool is_in_parts = false;
    std::atomic<bool> was_placed = false;
    std::atomic<int64_t> element_count = 0;  // that were filled
    std::atomic<uint64_t> infinite_count = 0;
    std::atomic<uint64_t> nan_count = 0;
  };

  // `first` is the box's first element.
  absl::Status CopyBox(Item& item, const RangeBox& box, const uint8_t* first);
  absl::Status CopyInParts(Item& item, const at::Tensor& source,
                           const at::Tensor& to);
  absl::Status CopyPart(Item& item, const at::Tensor& source,
                        const at::Tensor& to);

  std::deque<Item> items_;  // stay where they are
  std::vector<std::vector<int>> by_storage_;
  bool converts_ = false;
  std::atomic<bool> has_touched_ = false;
};

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_TARGET_SINK_H_
