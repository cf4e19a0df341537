#ifndef HOIST_CHECKPOINT_TORCH_LOAD_INTO_REPORT_H_
#define HOIST_CHECKPOINT_TORCH_LOAD_INTO_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hoist/checkpoint/load/load_result.h"

namespace hoist::libtorch {

// A tensor that cannot be filled with the one that has its name.
struct LoadMismatch {
  enum class Kind {
    kShape,      // another shape
    kDtype,      // another dtype, and no cast between the two is made
    kNoData,     // the file has a name and a shape, and no elements
    kNotUnique,  // the checkpoint has several tensors of that name
    kTied,       // it is tied to a tensor that the file has other elements for
    kTarget,     // it cannot be written to
  };
  Kind kind = Kind::kShape;
  std::string name;    // as the module has it
  std::string detail;  // "[3, 4] in the file, [3, 5] in the module"
};

// What was loaded into tensors that existed, or would be.
struct LoadIntoReport {
  struct Cast {
    std::string name;
    std::string from;
    std::string to;
    // Numbers that were finite and are not any more, and NaN of the file.
    uint64_t infinite_count = 0;
    uint64_t nan_count = 0;
  };

  // Where in the checkpoint the weights were; "" is the whole.
  std::string sub_dict;
  // By the names that the module has, in its order. Of tied tensors each name.
  std::vector<std::string> loaded;
  std::vector<std::string> missing;
  std::vector<LoadMismatch> mismatched;
  // By the names that the checkpoint has after renames, in its order.
  std::vector<std::string> unexpected;
  std::vector<Cast> casts;
  // What was left out and why, what was taken from elsewhere: for people.
  std::vector<std::string> remarks;
  // Where what does not fit might be, for people; may be empty.
  std::string hint;
  // Of the tensors that were filled, each once.
  uint64_t bytes = 0;
  // The most memory, in bytes, that the load itself held besides the tensors,
  // for what is in them.
  uint64_t extra_bytes = 0;
  // How it was read. Empty where nothing was.
  LoadReport load;

  // Whether a load goes through, which is `strict` or not.
  bool Fits(bool strict) const {
    return mismatched.empty() &&
           (!strict || (missing.empty() && unexpected.empty()));
  }
};

// That the tensor is tied to another one in the module, and the file has other
// numbers for it.
LoadMismatch TiedMismatch(const std::string& name, const std::string& tied_to);

// ok, or kFailedPrecondition with all that does not fit, names of the first of
// each kind, and a hint. Thread-safe.
absl::Status FitStatus(const LoadIntoReport& report, bool strict);

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_LOAD_INTO_REPORT_H_
