#ifndef HOIST_CHECKPOINT_LOAD_LOAD_OPTIONS_H_
#define HOIST_CHECKPOINT_LOAD_LOAD_OPTIONS_H_

#include "hoist/core/tensor/device.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {

struct LoadOptions {
  // Where the tensors are to be.
  Device device = Device::Cpu();
  // Threads to read and verify with; the caller's own works too. Null: only the
  // caller's. Not owned, and must outlive the call.
  ThreadPool* pool = nullptr;
  // Compares bytes with the checksums that the file records. Damage goes
  // unnoticed without.
  bool verify_checksums = true;
  // Refuses a checkpoint that names what would be dangerous to unpickle with
  // Python (os.system, ...). Hoist itself runs nothing, whatever it names.
  bool refuse_dangerous = false;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_LOAD_LOAD_OPTIONS_H_
