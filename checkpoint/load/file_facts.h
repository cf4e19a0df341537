#ifndef HOIST_CHECKPOINT_LOAD_FILE_FACTS_H_
#define HOIST_CHECKPOINT_LOAD_FILE_FACTS_H_

#include <cstdint>

#include "hoist/checkpoint/plan/read_choice.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// What ChooseReadMethod() wants to know of a file of which `read_bytes` are to
// be read: asks the system, and blocks for that. Thread-safe.
FileFacts FactsOf(const RandomAccessFile& file, uint64_t read_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_FILE_FACTS_H_
