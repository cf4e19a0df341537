#ifndef HOIST_CHECKPOINT_SCAN_PICKLE_SEARCH_H_
#define HOIST_CHECKPOINT_SCAN_PICKLE_SEARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hoist/checkpoint/scan/pickle_globals.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// How sure it is, without a look at the bytes, that a file is a pickle.
enum class PickleExpectation {
  kNone,      // anything may be in it
  kPossible,  // named as one: what begins as one has to be one
  kCertain,   // whoever reads it will unpickle it
};

struct PickleSearch {
  // Of all pickles found; each name once for a pickle.
  std::vector<PickleGlobal> globals;
  std::vector<std::string> problems;
};

// Finds pickles in a file from `start` on: one after another from there, as
// legacy files have them, and, in bytes that are none, wherever a protocol of 0
// to 5 is declared and names are imported after it. Bytes without a declared
// protocol, which could be anything, are a pickle if they read as one to their
// STOP, or if Python would have imported and used a name before it stopped at
// damage. Takes time in proportion to the file; a file in which too much looks
// like pickles is a problem, and so is a pickle that is damaged. Blocks.
PickleSearch FindPickles(const RandomAccessFile& file, uint64_t start,
                         PickleExpectation expectation);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_PICKLE_SEARCH_H_
