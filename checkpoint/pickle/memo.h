#ifndef HOIST_CHECKPOINT_PICKLE_MEMO_H_
#define HOIST_CHECKPOINT_PICKLE_MEMO_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// The memo of a pickle: values by number. Picklers count from 0, for which a
// vector is made; numbers far beyond are possible, and cost what they take.
// Thread-compatible.
class Memo {
 public:
  void Put(uint64_t index, ValueId id) {
    if (index == dense_.size() && sparse_.empty()) {
      dense_.push_back(id);
      ++size_;
      return;
    }
    // May be as many again as there are, so that the vector is half full.
    if (index < 2 * dense_.size() + kMinDense) {
      if (index == dense_.size()) {
        dense_.push_back(kUnset);
      } else if (index > dense_.size()) {
        dense_.resize(index + 1, kUnset);
      }
      if (dense_[index] == kUnset &&
          (sparse_.empty() || sparse_.erase(index) == 0)) {
        ++size_;
      }
      dense_[index] = id;
      return;
    }
    size_ += sparse_.insert_or_assign(index, id).second ? 1 : 0;
  }

  std::optional<ValueId> Get(uint64_t index) const {
    if (index < dense_.size() && dense_[index] != kUnset) {
      return dense_[index];
    }
    const auto entry = sparse_.find(index);
    return entry == sparse_.end() ? std::nullopt
                                  : std::optional<ValueId>(entry->second);
  }

  size_t size() const { return size_; }

 private:
  static constexpr ValueId kUnset = UINT32_MAX;  // no id: see ValueGraph::Add
  static constexpr size_t kMinDense = 1024;

  std::vector<ValueId> dense_;
  absl::flat_hash_map<uint64_t, ValueId> sparse_;
  size_t size_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_MEMO_H_
