#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_SCRIPT_CLASSES_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_SCRIPT_CLASSES_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// What the code of a TorchScript archive declares of a class.
struct ScriptClass {
  bool is_module = false;
  // Its pickled state is for its own __setstate__, and no dict of attributes.
  bool has_setstate = false;
  absl::flat_hash_set<std::string> parameters;
  absl::flat_hash_set<std::string> buffers;
};

// The classes in `code`, a text of the archive's, by their names in it. Looks
// at declarations alone; whatever else the text holds is skipped. Thread-safe.
absl::flat_hash_map<std::string, ScriptClass> ParseScriptClasses(
    absl::string_view code);

// The classes of an archive, whose texts are read when they are asked for.
// `file` and `archive` must outlive it. Thread-compatible.
class ScriptClasses {
 public:
  ScriptClasses(const RandomAccessFile& file, const TorchArchive& archive)
      : file_(file), archive_(archive) {}

  // The class "__torch__.torch.nn.modules.linear.Linear"; null if the archive
  // does not declare it. Blocks. Good until the next call.
  const ScriptClass* Find(const std::string& class_name);

  // Texts that are there and could not be read, and why.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  const RandomAccessFile& file_;
  const TorchArchive& archive_;
  // By record, then by name.
  absl::flat_hash_map<std::string,
                      absl::flat_hash_map<std::string, ScriptClass>>
      texts_;
  std::vector<std::string> warnings_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_SCRIPT_SCRIPT_CLASSES_H_
