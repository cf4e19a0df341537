#include "hoist/checkpoint/formats/torch_script/jit_vocabulary.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/core/status/annotate.h"

namespace hoist {

absl::StatusOr<std::optional<ValueId>> JitVocabulary::Call(
    ValueGraph& graph, absl::string_view callable,
    absl::Span<const ValueId> arguments) {
  constexpr absl::string_view kModule = "torch.jit._pickle.";
  absl::string_view name = callable;
  if (!absl::ConsumePrefix(&name, kModule)) {
    return TorchVocabulary::Call(graph, callable, arguments);
  }
  if (name == "build_tensor_from_id") {
    return WithHint(
        absl::UnimplementedError(
            "a tensor is kept outside of the file, in a table of its writer"),
        "Save the module with torch.jit.save");
  }
  const size_t expected = name == "restore_type_tag" ? 2 : 1;
  const bool is_marked = name == "restore_type_tag" ||
                         name == "build_intlist" ||
                         name == "build_doublelist" ||
                         name == "build_boollist" || name == "build_tensorlist";
  if (is_marked && arguments.size() == expected) {
    return arguments[0];
  }
  return std::nullopt;
}

std::optional<DType> JitStorageClassDType(absl::string_view class_name) {
  if (const auto dtype = StorageClassDType(class_name)) {
    return dtype;
  }
  static constexpr std::pair<absl::string_view, DType> kOfScript[] = {
      {"Bits1x8", DType::kBits1x8},
      {"Bits2x4", DType::kBits2x4},
      {"Bits4x2", DType::kBits4x2},
      {"Bits8", DType::kBits8},
      {"Bits16", DType::kBits16},
      {"Float8_e5m2", DType::kFloat8E5m2},
      {"Float8_e4m3fn", DType::kFloat8E4m3fn},
      {"Float8_e5m2fnuz", DType::kFloat8E5m2fnuz},
      {"Float8_e4m3fnuz", DType::kFloat8E4m3fnuz},
      {"Float8_e8m0fnu", DType::kFloat8E8m0fnu},
      {"Float4_e2m1fn_x2", DType::kFloat4E2m1fnX2},
      {"UInt16", DType::kUint16},
      {"UInt32", DType::kUint32},
      {"UInt64", DType::kUint64},
      {"UInt1", DType::kUint1},
      {"UInt2", DType::kUint2},
      {"UInt3", DType::kUint3},
      {"UInt4", DType::kUint4},
      {"UInt5", DType::kUint5},
      {"UInt6", DType::kUint6},
      {"UInt7", DType::kUint7},
      {"Int1", DType::kInt1},
      {"Int2", DType::kInt2},
      {"Int3", DType::kInt3},
      {"Int4", DType::kInt4},
      {"Int5", DType::kInt5},
      {"Int6", DType::kInt6},
      {"Int7", DType::kInt7},
  };
  absl::string_view name = class_name;
  if (!absl::ConsumePrefix(&name, "torch.") ||
      !absl::ConsumeSuffix(&name, "Storage")) {
    return std::nullopt;
  }
  for (const auto& [known, dtype] : kOfScript) {
    if (known == name) {
      return dtype;
    }
  }
  return std::nullopt;
}

}  // namespace hoist
