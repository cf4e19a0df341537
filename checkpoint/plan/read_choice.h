#ifndef HOIST_CHECKPOINT_PLAN_READ_CHOICE_H_
#define HOIST_CHECKPOINT_PLAN_READ_CHOICE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "hoist/core/io/read_method.h"

namespace hoist {

// What is known of a file before it is read.
struct FileFacts {
  bool is_file = true;  // false for bytes that are in memory
  // Bytes that are to be read.
  uint64_t read_bytes = 0;
  // The file system's name, as "ext4"; empty if it is not known.
  std::string file_system;
  bool is_memory = false;       // tmpfs and the like
  bool is_network = false;      // what the system keeps of it may be stale
  bool supports_direct = true;  // as far as one can know before it is tried
  // The part of the file that is in the page cache, 0 to 1, where that is
  // known.
  std::optional<double> resident;
};

struct ReadChoice {
  ReadMethod method = ReadMethod::kPread;
  std::string reason;  // for people
};

// The fastest way to read such a file: past the page cache where little of it
// is there, through it otherwise. Never kMmap, which is for the user to choose.
// Thread-safe.
ReadChoice ChooseReadMethod(const FileFacts& facts);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PLAN_READ_CHOICE_H_
