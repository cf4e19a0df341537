#include "hoist/tools/ui/module_arguments.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "hoist/tools/ui/python_repr.h"

namespace hoist {
namespace {

// How a class shows its attributes, separated by blanks:
//   in_features=       in_features=10
//   num_features       10, without the name
//   padding=!0         unless it is 0, or a tuple of zeros
//   mode=~             as repr() shows it: text in quotes
//   bias=?             whether there is a parameter of that name
//   bias=?!True        the same, unless there is
constexpr std::pair<absl::string_view, absl::string_view> kClasses[] = {
    {"Linear", "in_features= out_features= bias=?"},
    {"NonDynamicallyQuantizableLinear", "in_features= out_features= bias=?"},
    {"Bilinear", "in1_features= in2_features= out_features= bias=?"},
    {"Conv",
     "in_channels out_channels kernel_size= stride= padding=!0 "
     "dilation=!1 output_padding=!0 groups=!1 bias=?!True "
     "padding_mode=!zeros"},
    {"BatchNorm", "num_features eps= momentum= affine= track_running_stats="},
    {"SyncBatchNorm",
     "num_features eps= momentum= affine= track_running_stats="},
    {"InstanceNorm",
     "num_features eps= momentum= affine= track_running_stats="},
    {"LayerNorm", "normalized_shape eps= elementwise_affine="},
    {"RMSNorm", "normalized_shape eps= elementwise_affine="},
    {"GroupNorm", "num_groups num_channels eps= affine="},
    {"LocalResponseNorm", "size alpha= beta= k="},
    {"Embedding",
     "num_embeddings embedding_dim padding_idx=!None max_norm=!None "
     "norm_type=!2.0 scale_grad_by_freq=!False sparse=!False"},
    {"EmbeddingBag",
     "num_embeddings embedding_dim max_norm=!None norm_type=!2.0 "
     "scale_grad_by_freq=!False mode=~ padding_idx=!None"},
    {"ReLU", "inplace=!False"},
    {"ReLU6", "inplace=!False"},
    {"SiLU", "inplace=!False"},
    {"Mish", "inplace=!False"},
    {"GELU", "approximate=~"},
    {"LeakyReLU", "negative_slope= inplace=!False"},
    {"ELU", "alpha= inplace=!False"},
    {"CELU", "alpha= inplace=!False"},
    {"SELU", "inplace=!False"},
    {"Softmax", "dim="},
    {"LogSoftmax", "dim="},
    {"Softplus", "beta= threshold="},
    {"Softshrink", "lambd"},
    {"Hardtanh", "min_val= max_val= inplace=!False"},
    {"PReLU", "num_parameters="},
    {"Threshold", "threshold= value= inplace=!False"},
    {"GLU", "dim="},
    {"Dropout", "p= inplace="},
    {"AlphaDropout", "p= inplace="},
    {"FeatureAlphaDropout", "p= inplace="},
    {"MaxPool", "kernel_size= stride= padding= dilation= ceil_mode="},
    {"AvgPool", "kernel_size= stride= padding="},
    {"AdaptiveAvgPool", "output_size="},
    {"AdaptiveMaxPool", "output_size="},
    {"LPPool", "norm_type= kernel_size= stride= ceil_mode="},
    {"Flatten", "start_dim= end_dim="},
    {"Unflatten", "dim= unflattened_size="},
    {"LSTM",
     "input_size hidden_size proj_size=!0 num_layers=!1 bias=!True "
     "batch_first=!False dropout=!0.0 bidirectional=!False"},
    {"GRU",
     "input_size hidden_size proj_size=!0 num_layers=!1 bias=!True "
     "batch_first=!False dropout=!0.0 bidirectional=!False"},
    {"RNN",
     "input_size hidden_size proj_size=!0 num_layers=!1 bias=!True "
     "batch_first=!False dropout=!0.0 bidirectional=!False"},
    {"LSTMCell", "input_size hidden_size bias=!True"},
    {"GRUCell", "input_size hidden_size bias=!True"},
    {"RNNCell", "input_size hidden_size bias=!True nonlinearity=!tanh"},
    {"Upsample", "size=!None scale_factor=!None mode=~"},
    {"ZeroPad", "padding"},
    {"ReflectionPad", "padding"},
    {"ReplicationPad", "padding"},
    {"CircularPad", "padding"},
    {"ConstantPad", "padding= value="},
    {"PixelShuffle", "upscale_factor="},
    {"PixelUnshuffle", "downscale_factor="},
    {"Fold", "output_size= kernel_size= dilation= padding= stride="},
    {"Unfold", "kernel_size= dilation= padding= stride="},
};

// "Conv2d", "LazyConvTranspose3d": their dimensions do not matter.
std::string Family(absl::string_view type) {
  for (const absl::string_view dimensions : {"1d", "2d", "3d"}) {
    if (absl::EndsWith(type, dimensions)) {
      type.remove_suffix(dimensions.size());
      break;
    }
  }
  if (type == "ConvTranspose") {
    return "Conv";
  }
  return std::string(type);
}

absl::string_view SpecOf(absl::string_view type) {
  static const auto* const specs =
      new absl::flat_hash_map<absl::string_view, absl::string_view>(
          std::begin(kClasses), std::end(kClasses));
  const auto spec = specs->find(Family(type));
  return spec == specs->end() ? "" : spec->second;
}

// What str() gives.
std::string Str(Value value) {
  return value.kind() == ValueKind::kString ? std::string(value.AsString())
                                            : PythonRepr(value);
}

// Whether it is the default, or a tuple of nothing else.
bool IsDefault(Value value, absl::string_view text) {
  if (value.kind() != ValueKind::kTuple || value.size() == 0) {
    return Str(value) == text;
  }
  for (size_t i = 0; i < value.size(); ++i) {
    if (Str(value[i]) != text) {
      return false;
    }
  }
  return true;
}

bool HasParameter(Value attributes, absl::string_view name) {
  const auto parameters = attributes.Find("_parameters");
  const auto parameter = parameters ? parameters->Find(name) : std::nullopt;
  return parameter && parameter->kind() != ValueKind::kNone;
}

// What one piece of a spec gives; nullopt for nothing.
std::optional<std::string> Piece(absl::string_view spec, Value attributes) {
  const size_t equals = spec.find('=');
  const absl::string_view name = spec.substr(0, equals);
  const absl::string_view rest =
      equals == absl::string_view::npos ? "" : spec.substr(equals + 1);
  const size_t bang = rest.find('!');
  const absl::string_view omitted =
      bang == absl::string_view::npos ? "" : rest.substr(bang + 1);
  std::string text;
  if (absl::StartsWith(rest, "?")) {
    text = HasParameter(attributes, name) ? "True" : "False";
    if (text == omitted) {
      return std::nullopt;
    }
  } else {
    const auto value = attributes.Find(name);
    if (!value ||
        (bang != absl::string_view::npos && IsDefault(*value, omitted))) {
      return std::nullopt;
    }
    text = absl::StartsWith(rest, "~") ? PythonRepr(*value) : Str(*value);
  }
  return equals == absl::string_view::npos ? text
                                           : absl::StrCat(name, "=", text);
}

}  // namespace

std::string ModuleArguments(absl::string_view type, Value attributes) {
  std::vector<std::string> pieces;
  for (const absl::string_view spec :
       absl::StrSplit(SpecOf(type), ' ', absl::SkipEmpty())) {
    if (const auto piece = Piece(spec, attributes)) {
      pieces.push_back(*piece);
    }
  }
  return absl::StrJoin(pieces, ", ");
}

}  // namespace hoist
