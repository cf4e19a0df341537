#ifndef HOIST_CHECKPOINT_SCAN_PICKLE_GLOBALS_H_
#define HOIST_CHECKPOINT_SCAN_PICKLE_GLOBALS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "hoist/checkpoint/scan/byte_window.h"

namespace hoist {

// A name that a pickle has its reader import.
struct PickleGlobal {
  uint64_t position = 0;  // of the opcode, in the file
  // Any bytes. A dotted name is one of attributes of attributes.
  std::string module;
  std::string name;
  // False if the name is made while the pickle runs, and so cannot be known:
  // "?" stands for the part in question.
  bool is_known = true;
};

struct PickleWalkOptions {
  // Ends at the first thing that Python would not accept.
  bool stops_at_damage = false;
  // Bounds the time: opcodes, and what was read for them.
  uint64_t max_steps = std::numeric_limits<uint64_t>::max();
};

// What a walk over a pickle saw.
struct PickleWalk {
  // Each name once, at its first position; in the order of the file.
  std::vector<PickleGlobal> globals;
  // Behind the STOP, or where the walk ended without one.
  uint64_t end = 0;
  bool has_stop = false;
  bool has_protocol = false;  // starts with PROTO
  // The first damage: what a reader of pickles would stop at. Empty if none.
  std::string damage;
  uint64_t damage_position = 0;
  // Up to the damage: opcodes, globals; whether one of these is then called.
  uint64_t sound_opcodes = 0;
  size_t sound_globals = 0;
  bool has_sound_call = false;
  // The damage is that the file ends.
  bool is_cut_off = false;
  uint64_t steps = 0;

  bool is_complete() const { return has_stop && damage.empty(); }
};

// Walks the opcodes of the pickle at `start`, protocols 0 to 5 (specs:
// pytorch-formats.md 3.1, and CPython's Lib/pickletools.py), without making
// any value of it: of the stack and the memo it only keeps where strings are.
// Past damage it goes on as long as there are opcodes, unless told otherwise.
// Takes time in proportion to the bytes, at most some 250 MiB of memory, and no
// recursion; a pickle that needs more is damaged. Errors of reading are
// window.status(), and damage too.
PickleWalk WalkPickle(ByteWindow& window, uint64_t start,
                      const PickleWalkOptions& options = {});

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_PICKLE_GLOBALS_H_
