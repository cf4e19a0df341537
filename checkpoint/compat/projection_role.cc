#include "hoist/checkpoint/compat/projection_role.h"

#include <utility>

namespace hoist {

std::optional<ProjectionRole> ProjectionRoleOf(absl::string_view part) {
  static constexpr std::pair<absl::string_view, ProjectionRole> kRoles[] = {
      {"qkv", ProjectionRole::kQkv},
      {"qkv_proj", ProjectionRole::kQkv},
      {"Wqkv", ProjectionRole::kQkv},
      {"c_attn", ProjectionRole::kQkv},
      {"in_proj", ProjectionRole::kQkv},
      {"to_qkv", ProjectionRole::kQkv},
      {"attn_qkv", ProjectionRole::kQkv},
      {"qkv_linear", ProjectionRole::kQkv},
      {"query_key_value", ProjectionRole::kMixedQkv},
      {"kv", ProjectionRole::kKv},
      {"kv_proj", ProjectionRole::kKv},
      {"to_kv", ProjectionRole::kKv},
      {"gate_up_proj", ProjectionRole::kGateUp},
      {"q", ProjectionRole::kQ},
      {"q_proj", ProjectionRole::kQ},
      {"query", ProjectionRole::kQ},
      {"wq", ProjectionRole::kQ},
      {"to_q", ProjectionRole::kQ},
      {"q_lin", ProjectionRole::kQ},
      {"query_proj", ProjectionRole::kQ},
      {"W_q", ProjectionRole::kQ},
      {"k", ProjectionRole::kK},
      {"k_proj", ProjectionRole::kK},
      {"key", ProjectionRole::kK},
      {"wk", ProjectionRole::kK},
      {"to_k", ProjectionRole::kK},
      {"k_lin", ProjectionRole::kK},
      {"key_proj", ProjectionRole::kK},
      {"W_k", ProjectionRole::kK},
      {"v", ProjectionRole::kV},
      {"v_proj", ProjectionRole::kV},
      {"value", ProjectionRole::kV},
      {"wv", ProjectionRole::kV},
      {"to_v", ProjectionRole::kV},
      {"v_lin", ProjectionRole::kV},
      {"value_proj", ProjectionRole::kV},
      {"W_v", ProjectionRole::kV},
      {"o_proj", ProjectionRole::kO},
      {"wo", ProjectionRole::kO},
      {"out_proj", ProjectionRole::kO},
      {"out_lin", ProjectionRole::kO},
      {"gate_proj", ProjectionRole::kGate},
      {"up_proj", ProjectionRole::kUp}};
  for (const auto& [text, role] : kRoles) {
    if (part == text) {
      return role;
    }
  }
  return std::nullopt;
}

std::vector<ProjectionRole> PartsOf(ProjectionRole whole) {
  switch (whole) {
    case ProjectionRole::kQkv:
    case ProjectionRole::kMixedQkv:
      return {ProjectionRole::kQ, ProjectionRole::kK, ProjectionRole::kV};
    case ProjectionRole::kKv:
      return {ProjectionRole::kK, ProjectionRole::kV};
    case ProjectionRole::kGateUp:
      return {ProjectionRole::kGate, ProjectionRole::kUp};
    default:
      return {};
  }
}

}  // namespace hoist
