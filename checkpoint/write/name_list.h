#ifndef HOIST_CHECKPOINT_WRITE_NAME_LIST_H_
#define HOIST_CHECKPOINT_WRITE_NAME_LIST_H_

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoist {

// Names for a message: the first few, and how many more there are.
// Thread-compatible.
class NameList {
 public:
  void Add(absl::string_view name) {
    constexpr size_t kShown = 5;
    if (++count_ <= kShown) {
      absl::StrAppend(&shown_, count_ > 1 ? ", " : "", name);
    } else {
      ++more_;
    }
  }

  size_t count() const { return count_; }
  std::string text() const {
    return more_ == 0 ? shown_ : absl::StrCat(shown_, " and ", more_, " more");
  }

 private:
  std::string shown_;
  size_t count_ = 0;
  size_t more_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_WRITE_NAME_LIST_H_
