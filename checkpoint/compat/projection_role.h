#ifndef HOIST_CHECKPOINT_COMPAT_PROJECTION_ROLE_H_
#define HOIST_CHECKPOINT_COMPAT_PROJECTION_ROLE_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoist {

// Which projection of an attention or a gated layer a part of a name says, in
// the words of the model libraries; or of which ones together, in this order.
// kMixedQkv are those that some models mix head by head.
enum class ProjectionRole {
  kQkv,
  kMixedQkv,
  kKv,
  kGateUp,
  kQ,
  kK,
  kV,
  kO,
  kGate,
  kUp
};
std::optional<ProjectionRole> ProjectionRoleOf(absl::string_view part);

// What a role stands for together; empty for one that stands for itself.
std::vector<ProjectionRole> PartsOf(ProjectionRole role);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_PROJECTION_ROLE_H_
