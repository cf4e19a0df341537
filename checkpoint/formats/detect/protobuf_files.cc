#include "hoist/checkpoint/formats/detect/protobuf_files.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

constexpr absl::string_view kTakeSource =
    "Take the PyTorch model that it was made from: "
    "torch.save(model.state_dict(), \"weights.pt\")";

// A field as it stands in a message (protobuf.dev/programming-guides/encoding).
struct Field {
  uint64_t number = 0;
  bool is_bytes = false;      // else it is `value`
  uint64_t value = 0;         // or how many bytes
  absl::string_view content;  // as far as it is in the text
};

// Removes a number of at most 64 bits from the start of `text`.
std::optional<uint64_t> TakeNumber(absl::string_view& text) {
  constexpr int kMaxBytes = 10;
  uint64_t value = 0;
  for (int i = 0; i < kMaxBytes && !text.empty(); ++i) {
    const auto byte = static_cast<uint8_t>(text[0]);
    text.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      return value;
    }
  }
  return std::nullopt;
}

// Removes a field from the start of `text`, which may be the start of a message
// only. Of the kinds of fields, those that the models here begin with.
std::optional<Field> TakeField(absl::string_view& text) {
  const auto tag = TakeNumber(text);
  if (!tag) {
    return std::nullopt;
  }
  Field field{.number = *tag >> 3};
  const auto value = TakeNumber(text);
  const bool is_bytes = (*tag & 7) == 2;
  if (!value || field.number == 0 || (!is_bytes && (*tag & 7) != 0)) {
    return std::nullopt;
  }
  field.is_bytes = is_bytes;
  field.value = *value;
  if (is_bytes) {
    field.content = text.substr(0, *value);
    text.remove_prefix(field.content.size());
  }
  return field;
}

bool IsPrintable(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) {
      return false;
    }
  }
  return true;
}

// A name of an operation: "Const", "_Arg", "FusedBatchNormV3".
bool IsOperationName(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' &&
        c != '>') {
      return false;
    }
  }
  return !text.empty();
}

// Whether `graph` starts with a field that onnx.GraphProto has.
bool IsOnnxGraph(absl::string_view graph) {
  const auto field = TakeField(graph);
  return field && field->is_bytes &&
         (field->number == 1 || field->number == 2 || field->number == 5 ||
          (field->number >= 10 && field->number <= 16));
}

// onnx.ModelProto: a version, who made it, and the graph.
absl::Status RefuseOnnx(absl::string_view head, uint64_t size_bytes) {
  constexpr uint64_t kVersion = 1;
  constexpr uint64_t kProducer = 2;
  constexpr uint64_t kModelVersion = 5;
  constexpr uint64_t kGraph = 7;
  constexpr uint64_t kNewestVersion = 63;  // 13 in 2025
  absl::string_view rest = head;
  std::string producer;
  bool has_version = false;
  while (const auto field = TakeField(rest)) {
    const bool is_number =
        field->number == kVersion || field->number == kModelVersion;
    if (field->number > kGraph || field->is_bytes == is_number ||
        (field->is_bytes && field->value > size_bytes)) {
      return absl::OkStatus();
    }
    if (field->number == kVersion) {
      has_version = field->value >= 1 && field->value <= kNewestVersion;
    } else if (field->number == kGraph) {
      if (!has_version || !IsOnnxGraph(field->content)) {
        return absl::OkStatus();
      }
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              "An ONNX model", producer.empty() ? "" : ", written by ",
              producer, ", not a PyTorch checkpoint")),
          kTakeSource);
    } else if (!IsPrintable(field->content)) {
      return absl::OkStatus();
    } else if (field->number == kProducer) {
      producer = std::string(field->content.substr(0, 60));
    }
  }
  return absl::OkStatus();
}

// Whether `ops` starts as tensorflow.OpList does: an operation with its name.
bool IsOpList(absl::string_view ops) {
  const auto op = TakeField(ops);
  if (!op || !op->is_bytes || op->number != 1) {
    return false;
  }
  absl::string_view fields = op->content;
  const auto name = TakeField(fields);
  return name && name->is_bytes && name->number == 1 &&
         IsOperationName(name->content);
}

// tensorflow.SavedModel: version 1, and a graph that starts with what is said
// of it, a list of operations first.
bool IsSavedModel(absl::string_view head, uint64_t size_bytes) {
  const auto version = TakeField(head);
  if (!version || version->is_bytes || version->number != 1 ||
      version->value != 1) {
    return false;
  }
  const auto graph = TakeField(head);
  if (!graph || !graph->is_bytes || graph->number != 2 ||
      graph->value > size_bytes) {
    return false;
  }
  absl::string_view rest = graph->content;
  const auto info = TakeField(rest);
  if (!info || !info->is_bytes || info->number != 1) {
    return false;
  }
  rest = info->content;
  auto field = TakeField(rest);
  if (field && field->is_bytes && field->number == 1) {
    field = TakeField(rest);  // its version came first
  }
  return field && field->is_bytes && field->number == 2 &&
         IsOpList(field->content);
}

// tensorflow.GraphDef: a node that starts with its name and its operation.
bool IsGraphDef(absl::string_view head, uint64_t size_bytes) {
  const auto node = TakeField(head);
  if (!node || !node->is_bytes || node->number != 1 ||
      node->value > size_bytes) {
    return false;
  }
  absl::string_view fields = node->content;
  const auto name = TakeField(fields);
  const auto op = TakeField(fields);
  return name && name->is_bytes && name->number == 1 &&
         !name->content.empty() && IsPrintable(name->content) && op &&
         op->is_bytes && op->number == 2 && op->content.size() == op->value &&
         IsOperationName(op->content);
}

}  // namespace

absl::Status RefuseProtobuf(absl::string_view head, uint64_t size_bytes) {
  if (absl::Status onnx = RefuseOnnx(head, size_bytes); !onnx.ok()) {
    return onnx;
  }
  constexpr absl::string_view kConvert =
      "Convert the weights with TensorFlow, and save them as safetensors";
  if (IsSavedModel(head, size_bytes)) {
    return WithHint(absl::InvalidArgumentError(
                        "A TensorFlow SavedModel (saved_model.pb), not a "
                        "PyTorch checkpoint"),
                    kConvert);
  }
  if (IsGraphDef(head, size_bytes)) {
    return WithHint(
        absl::InvalidArgumentError(
            "A TensorFlow graph (GraphDef), not a PyTorch checkpoint"),
        kConvert);
  }
  return absl::OkStatus();
}

}  // namespace hoist
