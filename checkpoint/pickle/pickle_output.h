#ifndef HOIST_CHECKPOINT_PICKLE_PICKLE_OUTPUT_H_
#define HOIST_CHECKPOINT_PICKLE_PICKLE_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hoist {

// A pickle of protocol 2 that is being written (specs: pytorch-formats.md 3.1
// and 3.2): the opcodes that torch.save uses, in the form that it gives them.
// Thread-compatible.
class PickleOutput {
 public:
  PickleOutput();

  void Op(char opcode) { bytes_.push_back(opcode); }
  void None() { Op('N'); }
  void Bool(bool value) { Op(value ? '\x88' : '\x89'); }
  void Int(int64_t value);
  // Two's complement, little-endian.
  void BigInt(absl::string_view bytes);
  void Float(double value);
  // As Python's str, or, where it is not UTF-8, as Python 2's. kInvalidArgument
  // for 4 GiB and more.
  absl::Status Text(absl::string_view text);
  // The class or function, with Python 3's names.
  void Class(absl::string_view module, absl::string_view name);

  // Each once, and from then on by reference: for text and names that return
  // with every tensor.
  void SharedText(absl::string_view text);
  void SharedClass(absl::string_view module, absl::string_view name);

  // Keeps the value on top of the stack under a new number.
  uint32_t Put();
  void Get(uint32_t number);

  // Ends it with STOP, and takes it.
  std::string Finish() &&;

  // What PyTorch's reader of weights alone (weights_only=True) refuses: names
  // that it does not know, "argparse.Namespace", and opcodes, "an integer of
  // 300 bytes".
  const absl::flat_hash_set<std::string>& refused() const { return refused_; }
  void AddRefused(absl::string_view what) { refused_.emplace(what); }

 private:
  template <typename T>
  void Number(T value);

  std::string bytes_;
  uint32_t next_number_ = 0;
  absl::flat_hash_map<std::string, uint32_t> shared_;
  absl::flat_hash_set<std::string> refused_;
};

// Whether PyTorch 2.6 and later knows the class or function, "torch.Size",
// without being told that it is safe (torch/_weights_only_unpickler.py).
// Thread-safe.
bool IsWeightsOnlyName(absl::string_view name);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_PICKLE_OUTPUT_H_
