#ifndef HOIST_CHECKPOINT_TORCH_LOAD_INTO_OPTIONS_H_
#define HOIST_CHECKPOINT_TORCH_LOAD_INTO_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hoist/checkpoint/load/load_options.h"
#include "hoist/checkpoint/migrate/rename_rule.h"

namespace hoist::libtorch {

// How tensors that exist are filled from a checkpoint.
struct LoadIntoOptions {
  // Whether every tensor must be in the checkpoint, and the checkpoint hold
  // nothing else. If not, what is missing keeps its values. Shapes and dtypes
  // must fit in either case.
  bool strict = true;
  // The part of the checkpoint that is meant: the tensors whose names start
  // with it and a dot ("model_state_dict", "checkpoint.model"), which then have
  // the rest as their names; "" is the whole. Not given: the whole, or the only
  // dict or module in it (of the first three levels) that has a tensor for
  // every name that is to be filled, if the whole has none of them. The report
  // says which.
  std::optional<std::string> sub_dict;
  // Other names for the tensors of that part, one rule after the other. A rule
  // that means none is kNotFound.
  std::vector<RenameRule> renames;
  // Not given: the weights are in memory twice until the load ends, and an
  // error leaves every tensor as it was, whatever it is. Given: the load holds
  // so many bytes of them at most, besides the tensors, however large a single
  // one is. Where they are not enough to do as above, it reads the file twice.
  // The first pass is for checksums, and for all else that can be wrong, and
  // changes nothing. The second reads straight into contiguous tensors on the
  // CPU that have the file's dtype; for others it casts and copies what it
  // reads in small pieces. The price: twice the reading, less of a disk's speed
  // where there is memory for a few small reads only; and if the file cannot
  // be read the second time (a disk that fails, a file that is changed between
  // the two), or the load is cancelled then, tensors are left partly filled,
  // and the error says so.
  //
  // Less than 2 MiB, and than six chunks of a checkpoint whose tensors are
  // compressed in chunks, is taken as that; LoadIntoReport::extra_bytes says
  // how much it was.
  std::optional<uint64_t> max_extra_bytes;
  // Afterwards the module is in evaluation mode: as by eval().
  bool eval = false;
  // The rest of how the checkpoint is read: threads, checksums, memory, how to
  // read, cancellation, progress (of both passes as one). `device`, `select`,
  // `exclude`, `renames`, `dtype`, `verify_on_device` and `one_buffer_each` are
  // not looked at: tensors have the device and the dtype of what they are
  // loaded into.
  LoadOptions load;
};

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_LOAD_INTO_OPTIONS_H_
