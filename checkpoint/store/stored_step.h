#ifndef HOIST_CHECKPOINT_STORE_STORED_STEP_H_
#define HOIST_CHECKPOINT_STORE_STORED_STEP_H_

#include <cstdint>
#include <map>
#include <string>

namespace hoist {

// A checkpoint in a folder of such. Pure data.
struct StoredStep {
  enum class State {
    kCommitted,   // whole, as far as its structure tells
    kIncomplete,  // was not written to its end
    kDamaged,
    kUnreadable,  // Hoist cannot tell: a format that it does not read
  };

  int64_t step = 0;
  std::string name;    // of the file or folder
  std::string format;  // as of FormatName(), "trainer", "dcp"; may be empty
  State state = State::kCommitted;
  std::string reason;   // why it is not kCommitted
  int64_t time_ns = 0;  // of its saving, of the wall clock
  uint64_t size_bytes = 0;
  std::map<std::string, double> metrics;
  bool is_pinned = false;
  // Hoist has written it, and so may remove it.
  bool is_own = false;

  bool is_committed() const { return state == State::kCommitted; }
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_STORE_STORED_STEP_H_
