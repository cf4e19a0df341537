#ifndef HOIST_CHECKPOINT_COMPAT_COMPAT_RULE_H_
#define HOIST_CHECKPOINT_COMPAT_COMPAT_RULE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// What is the matter between a file and what it is to be loaded into.
enum class CompatIssue {
  kPrefix,        // names have another start
  kEnvelope,      // the state dict is inside a training checkpoint
  kRenamed,       // modules or parameters have other names
  kKnownName,     // as PyTorch or a library has renamed them: gamma, weight_g
  kTypo,          // one name with a slip
  kLayerNumbers,  // layers are counted from another number, or with gaps
  kFused,         // one tensor in the file, several in the target
  kSplit,         // several in the file, one in the target
  kTransposed,
  kReshaped,      // the same elements in another shape
  kDType,         // other dtypes, which a load converts
  kScalar,        // one element for a scalar
  kOldBatchNorm,  // no num_batches_tracked
  kExtra,         // tensors that are no weights of the model
  kExtraState,    // `_extra_state`
  kTied,          // a weight that is another one's memory in the target
  kAmbiguous,     // several ways to make it fit
  kWidth,         // shapes differ
  kVocabulary,    // only embeddings and what is over them differ
  kLayerCount,    // layers that the other has not
  kMissing,
  kUnexpected,
  kAdapter,    // the file has only an adapter's weights
  kQuantized,  // the file's weights are quantized, with scales beside them
  kOptimizer,  // the file has an optimizer's state in place of a model's
  kNoTensors,
  kWholeModel,  // the file has a module, of which the state dict is taken
  kDevice,      // saved from a device that is not there
};

// "prefix", "layer_numbers": as JSON has it.
absl::string_view CompatIssueName(CompatIssue issue);

// A rule of a migration file (checkpoint/migrate/rule_forms.h).
struct CompatRule {
  enum class Kind {
    kStripPrefix,  // `pattern`
    kAddPrefix,    // `pattern`
    kRename,       // `pattern` becomes `to`
    kDrop,
    kCast,       // to `dtype`
    kTranspose,  // the two dimensions
    kReshape,    // to `sizes`
    kSplit,      // into `parts` of `sizes` along `dimension`
    kConcat,     // `parts` along `dimension` become `to`
    kAdd,        // `pattern` of `dtype` and shape `sizes`, zeros
  };
  Kind kind = Kind::kRename;
  // A glob (name_glob.h), or a regular expression.
  std::string pattern;
  bool is_regex = false;
  bool all_places = false;  // where it fits in a name, not only the first
  std::string to;
  std::vector<std::string> parts;
  int dimension = 0;
  std::vector<int64_t> sizes;
  DType dtype = DType::kFloat32;
  // Of a cast: what all that it means have.
  std::optional<DType> from_dtype;

  CompatIssue issue = CompatIssue::kRenamed;  // why
  size_t tensors = 0;                         // how many it is for

  friend bool operator==(const CompatRule&, const CompatRule&) = default;
};

// "strip_prefix module.", "rename transformer.h -> layers": one line, safe to
// show only if names are.
std::string CompatRuleText(const CompatRule& rule);

// One rule as the file has it.
std::string CompatRuleJson(const CompatRule& rule);

// The migration file that has the rules, in their order, for a model of that
// name: JSON, several lines. (checkpoint/migrate/rule_forms.h) Thread-safe.
std::string MigrationText(absl::string_view model,
                          const std::vector<CompatRule>& rules);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_COMPAT_RULE_H_
