#ifndef HOIST_CHECKPOINT_PICKLE_ATTRIBUTE_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_ATTRIBUTE_PARTS_H_

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/pickle_parts.h"

namespace hoist {

// The state of a tensor that is made of parts, taken apart into those and the
// attributes that it was given besides (object_states.h joins them).
// Thread-safe for different `parts` of pickles.
class SplitState {
 public:
  // All of `state` are attributes.
  explicit SplitState(Value state) : whole_(state) {}

  // nullopt if `state` has not all of `names`.
  static std::optional<SplitState> Of(Value state,
                                      absl::Span<const absl::string_view> names);

  // The parts, by the order of the names.
  Value part(size_t i) const { return parts_[i]; }
  size_t part_count() const { return parts_.size(); }

  // The part of another name, which then is no attribute any more.
  std::optional<Value> Take(absl::string_view name);

  bool has_attributes() const {
    return whole_ ? whole_->kind() != ValueKind::kNone : !attributes_.empty();
  }
  // The attributes as a state, None if there are none.
  void AddAttributes(PickleParts& parts) const;

 private:
  SplitState() = default;

  std::vector<Value> parts_;
  std::optional<Value> whole_;
  std::vector<std::pair<Value, Value>> attributes_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_ATTRIBUTE_PARTS_H_
