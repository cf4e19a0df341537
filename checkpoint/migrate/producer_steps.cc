#include "hoist/checkpoint/migrate/producer_steps.h"

#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

std::vector<uint8_t> BytesOf(float value) {
  std::vector<uint8_t> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

bool HasShape(const ProducerModule& module, absl::string_view key,
              const std::vector<int64_t>& shape) {
  return module.entry(key).spec.shape == shape;
}

// Vectors of one length, as the statistics of channels are.
bool AreAlike(const ProducerModule& module) {
  const std::vector<int64_t>& shape =
      module.tensors.begin()->second.entry->spec.shape;
  for (const auto& [key, place] : module.tensors) {
    const TensorSpec& spec = place.entry->spec;
    if (spec.shape != shape || shape.size() != 1 ||
        !IsFloatingPoint(spec.dtype)) {
      return false;
    }
  }
  return true;
}

bool HasUncountedStats(const ProducerModule& module) {
  return module.HasOnly({"running_mean", "running_var"}, {"weight", "bias"}) &&
         module.Has("weight") == module.Has("bias") && AreAlike(module);
}

// torch/nn/modules/batchnorm.py, _NormBase._load_from_state_dict
bool NeedsBatchCount(const ProducerModule& module) {
  return module.IsOlderThan(2) && HasUncountedStats(module);
}
absl::Status AddBatchCount(const ProducerModule& module, ModuleEditor& editor) {
  HOIST_RETURN_IF_ERROR(editor.Add(module, "running_var", "num_batches_tracked",
                                   DType::kInt64, {},
                                   std::vector<uint8_t>(sizeof(int64_t))));
  editor.SetVersion(module, "", 2);
  return absl::OkStatus();
}

// torch/nn/modules/instancenorm.py
bool HasStatsOfInstances(const ProducerModule& module) {
  return !module.version && HasUncountedStats(module);
}
absl::Status DropStats(const ProducerModule& module, ModuleEditor& editor) {
  editor.Drop(module, "running_mean");
  editor.Drop(module, "running_var");
  editor.SetVersion(module, "", 2);
  return absl::OkStatus();
}

// torch/ao/nn/intrinsic/qat/modules/conv_fused.py, _ConvBnNd
constexpr std::pair<absl::string_view, absl::string_view> kConvBnKeys[] = {
    {"gamma", "bn.weight"},
    {"beta", "bn.bias"},
    {"running_mean", "bn.running_mean"},
    {"running_var", "bn.running_var"},
    {"num_batches_tracked", "bn.num_batches_tracked"},
};
bool HasFusedNorm(const ProducerModule& module) {
  return module.IsOlderThan(2) &&
         module.HasOnly(
             {"weight", "gamma", "beta", "running_mean", "running_var"},
             {"bias", "num_batches_tracked"});
}
absl::Status SeparateNorm(const ProducerModule& module, ModuleEditor& editor) {
  for (const auto& [from, to] : kConvBnKeys) {
    if (module.Has(from)) {
      editor.Rename(module, from, to);
    }
  }
  editor.SetVersion(module, "", 2);
  if (module.Has("num_batches_tracked")) {
    editor.SetVersion(module, "bn", 2);
  }
  return absl::OkStatus();
}

// torch/ao/quantization/observer.py, UniformQuantizationObserverBase
bool NeedsEps(const ProducerModule& module) {
  return module.IsOlderThan(2) &&
         (module.HasOnly({"min_val", "max_val"}, {"histogram"}) ||
          module.HasOnly({"min_vals", "max_vals"}));
}
absl::Status AddEps(const ProducerModule& module, ModuleEditor& editor) {
  const absl::string_view beside =
      module.Has("min_val") ? "min_val" : "min_vals";
  HOIST_RETURN_IF_ERROR(
      editor.Add(module, beside, "eps", DType::kFloat32, {1},
                 BytesOf(std::numeric_limits<float>::epsilon())));
  editor.SetVersion(module, "", 2);
  return absl::OkStatus();
}

bool HasChannelNames(const ProducerModule& module) {
  return module.HasOnly({"eps", "min_vals", "max_vals"});
}
bool HasEmptyHistogram(const ProducerModule& module) {
  return module.HasOnly({"eps", "histogram", "min_val", "max_val"}) &&
         (HasShape(module, "min_val", {0}) || HasShape(module, "max_val", {0}));
}
bool IsOldObserver(const ProducerModule& module) {
  if (!module.IsOlderThan(3)) {
    return false;
  }
  // Without a version those that are as they should be need nothing.
  return HasChannelNames(module) || HasEmptyHistogram(module) ||
         (module.version == 2 &&
          module.HasOnly({"eps", "min_val", "max_val"}, {"histogram"}));
}
absl::Status UpdateObserver(const ProducerModule& module,
                            ModuleEditor& editor) {
  if (HasChannelNames(module)) {
    editor.Rename(module, "min_vals", "min_val");
    editor.Rename(module, "max_vals", "max_val");
  } else if (HasEmptyHistogram(module)) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (HasShape(module, "min_val", {0})) {
      HOIST_RETURN_IF_ERROR(editor.Replace(module, "min_val", DType::kFloat32,
                                           {}, BytesOf(kInfinity)));
    }
    if (HasShape(module, "max_val", {0})) {
      HOIST_RETURN_IF_ERROR(editor.Replace(module, "max_val", DType::kFloat32,
                                           {}, BytesOf(-kInfinity)));
    }
  }
  editor.SetVersion(module, "", 3);
  return absl::OkStatus();
}

// What transformers does to each key that ends so.
bool HasGammaAndBeta(const ProducerModule& module) {
  return (module.path == "LayerNorm" ||
          absl::EndsWith(module.path, ".LayerNorm")) &&
         module.HasOnly({"gamma", "beta"}) &&
         module.entry("gamma").spec.shape == module.entry("beta").spec.shape;
}
absl::Status RenameGammaAndBeta(const ProducerModule& module,
                                ModuleEditor& editor) {
  editor.Rename(module, "gamma", "weight");
  editor.Rename(module, "beta", "bias");
  return absl::OkStatus();
}

// Parameters NAME of which the module has NAME followed by each of `suffixes`,
// and which `fits`.
std::vector<std::string> ParametersWith(
    const ProducerModule& module, absl::Span<const absl::string_view> suffixes,
    bool (*fits)(const ProducerModule&, const std::string&)) {
  std::vector<std::string> found;
  for (const auto& [key, place] : module.tensors) {
    absl::string_view name = key;
    if (!absl::ConsumeSuffix(&name, suffixes[0]) || name.empty()) {
      continue;
    }
    bool has_all = true;
    for (const absl::string_view suffix : suffixes) {
      has_all = has_all && module.Has(absl::StrCat(name, suffix));
    }
    if (has_all && fits(module, std::string(name))) {
      found.emplace_back(name);
    }
  }
  return found;
}

// torch/nn/utils/weight_norm.py: the norms have the weight's shape, with 1 but
// for one dimension, or are one number.
bool IsWeightNorm(const ProducerModule& module, const std::string& name) {
  const TensorSpec& g = module.entry(name + "_g").spec;
  const TensorSpec& v = module.entry(name + "_v").spec;
  if (module.Has(name) || module.Has(name + "_u") || g.dtype != v.dtype ||
      !IsFloatingPoint(v.dtype)) {
    return false;
  }
  if (g.shape.empty()) {
    return true;
  }
  size_t kept = 0;
  for (size_t i = 0; i < g.shape.size() && i < v.shape.size(); ++i) {
    kept += g.shape[i] != 1 ? 1 : 0;
    if (g.shape[i] != 1 && g.shape[i] != v.shape[i]) {
      return false;
    }
  }
  return g.shape.size() == v.shape.size() && kept <= 1;
}
std::vector<std::string> WeightNorms(const ProducerModule& module) {
  return ParametersWith(module, {"_g", "_v"}, IsWeightNorm);
}

// torch/nn/utils/spectral_norm.py: one of the vectors is as long as a dimension
// of the weight, the other as all others together.
bool IsSpectralNorm(const ProducerModule& module, const std::string& name) {
  const TensorSpec& weight = module.entry(name + "_orig").spec;
  const TensorSpec& u = module.entry(name + "_u").spec;
  const TensorSpec& v = module.entry(name + "_v").spec;
  if (module.Has(name) || weight.shape.size() < 2 || u.shape.size() != 1 ||
      v.shape.size() != 1) {
    return false;
  }
  const auto count = ElementCount(weight.shape);
  const auto product = ElementCount({u.shape[0], v.shape[0]});
  return count.ok() && product.ok() && *count == *product;
}
std::vector<std::string> SpectralNorms(const ProducerModule& module) {
  return ParametersWith(module, {"_orig", "_u", "_v"}, IsSpectralNorm);
}

// torch/nn/utils/parametrize.py: a ModuleDict of a list of one module each.
void SetParametrized(const ProducerModule& module, const std::string& name,
                     ModuleEditor& editor) {
  if (module.version) {
    editor.SetVersion(module, "", *module.version);
  }
  const std::string list = absl::StrCat("parametrizations.", name);
  editor.SetVersion(module, "parametrizations", 1);
  editor.SetVersion(module, list, 1);
  editor.SetVersion(module, absl::StrCat(list, ".0"), 1);
}

bool HasWeightNorm(const ProducerModule& module) {
  return !WeightNorms(module).empty();
}
absl::Status ParametrizeWeightNorm(const ProducerModule& module,
                                   ModuleEditor& editor) {
  for (const std::string& name : WeightNorms(module)) {
    const std::string to = absl::StrCat("parametrizations.", name, ".original");
    editor.Rename(module, name + "_g", to + "0");
    editor.Rename(module, name + "_v", to + "1");
    SetParametrized(module, name, editor);
  }
  return absl::OkStatus();
}

bool HasSpectralNorm(const ProducerModule& module) {
  return !SpectralNorms(module).empty();
}
absl::Status ParametrizeSpectralNorm(const ProducerModule& module,
                                     ModuleEditor& editor) {
  for (const std::string& name : SpectralNorms(module)) {
    const std::string list = absl::StrCat("parametrizations.", name);
    editor.Rename(module, name + "_orig", list + ".original");
    editor.Rename(module, name + "_u", list + ".0._u");
    editor.Rename(module, name + "_v", list + ".0._v");
    SetParametrized(module, name, editor);
  }
  return absl::OkStatus();
}

bool IsSpectralNormWithoutV(const ProducerModule& module,
                            const std::string& name) {
  return module.Has(name) && !module.Has(name + "_v") &&
         module.entry(name).spec.shape ==
             module.entry(name + "_orig").spec.shape;
}
bool NeedsSpectralV(const ProducerModule& module) {
  return !ParametersWith(module, {"_orig", "_u"}, IsSpectralNormWithoutV)
              .empty();
}

// torch/ao/nn/quantized/modules/linear.py, Linear and LinearPackedParams. What
// else has a quantized weight of two dimensions has it packed from the start.
bool HasWeightAndBias(const ProducerModule& module) {
  return module.has_metadata && module.Has("weight") &&
         module.entry("weight").spec.dtype == DType::kQint8 &&
         module.entry("weight").spec.shape.size() == 2 &&
         (module.Has("bias") || module.values.contains("bias"));
}
bool IsPackedParams(const ProducerModule& module) {
  return module.path == "_packed_params" ||
         absl::EndsWith(module.path, "._packed_params");
}
bool HasUnpackedLinear(const ProducerModule& module) {
  if (!HasWeightAndBias(module)) {
    return false;
  }
  return IsPackedParams(module)
             ? module.IsOlderThan(3) && module.HasOnly({"weight"}, {"bias"})
             : module.IsOlderThan(2) &&
                   module.HasOnly({"weight", "scale", "zero_point"}, {"bias"});
}
absl::Status PackLinear(const ProducerModule& module, ModuleEditor& editor) {
  const bool is_packed = IsPackedParams(module);
  const std::string child = is_packed ? "" : "_packed_params";
  const std::string start = is_packed ? "" : "_packed_params.";
  if (!module.values.contains("dtype")) {
    editor.AddTorchName(module, start + "dtype", "qint8");
  }
  editor.Pack(module, "weight", "bias", start + "_packed_params");
  editor.SetVersion(module, child, 3);
  // A dynamic one must not be 4, which would be other numbers.
  if (is_packed) {
    editor.SetVersionOfParent(module, 3);
  } else {
    editor.SetVersion(module, "", 3);
  }
  return absl::OkStatus();
}

bool IsGamma(const TensorEntry& tensor) {
  return absl::EndsWith(tensor.name, "gamma");
}
bool IsRunningVariance(const TensorEntry& tensor) {
  return absl::EndsWith(tensor.name, "running_var");
}
bool IsMinimum(const TensorEntry& tensor) {
  return absl::EndsWith(tensor.name, "min_val") ||
         absl::EndsWith(tensor.name, "min_vals");
}
bool IsQint8(const TensorEntry& tensor) {
  return tensor.spec.dtype == DType::kQint8;
}
bool IsNorm(const TensorEntry& tensor) {
  return absl::EndsWith(tensor.name, "_g");
}
bool IsOriginal(const TensorEntry& tensor) {
  return absl::EndsWith(tensor.name, "_orig");
}

// Each follows those that make what it is to see: a fused norm becomes a norm
// of its own before its count is added.
constexpr ProducerStep kSteps[] = {
    {"qat_conv_bn_separate_norm",
     "ConvBn1d, ConvBn2d, ConvBn3d, ConvBnReLU* (quantization aware training)",
     2, "1.6",
     "gamma, beta and the running statistics become a module of their own, bn",
     true, IsGamma, HasFusedNorm, SeparateNorm},
    {"instance_norm_running_stats",
     "InstanceNorm1d, InstanceNorm2d, "
     "InstanceNorm3d (track_running_stats=False)",
     1, "0.4.0", "running_mean and running_var, which were never used, go",
     false, IsRunningVariance, HasStatsOfInstances, DropStats},
    {"batch_norm_num_batches_tracked",
     "BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm, InstanceNorm*", 2,
     "0.4.1", "num_batches_tracked is added: int64 0", true, IsRunningVariance,
     NeedsBatchCount, AddBatchCount},
    {"observer_eps",
     "MinMaxObserver, PerChannelMinMaxObserver, HistogramObserver, "
     "MovingAverage*",
     2, "1.7", "eps is added: float32 [1.1920929e-07]", true, IsMinimum,
     NeedsEps, AddEps},
    {"observer_min_max",
     "PerChannelMinMaxObserver, MovingAveragePerChannelMinMaxObserver, "
     "HistogramObserver",
     3, "1.10",
     "min_vals and max_vals of channels become min_val and max_val; those of a "
     "histogram that has seen nothing become inf and -inf",
     true, IsMinimum, IsOldObserver, UpdateObserver},
    {"quantized_linear_packed_params",
     "quantized Linear, quantized.dynamic Linear, LinearPackedParams", 3, "1.6",
     "weight and bias become the tuple _packed_params._packed_params, beside a "
     "dtype",
     true, IsQint8, HasUnpackedLinear, PackLinear},
    {"layer_norm_gamma_beta", "LayerNorm of BERT as TensorFlow named it", 0,
     "none", "gamma and beta of LayerNorm become weight and bias", true,
     IsGamma, HasGammaAndBeta, RenameGammaAndBeta},
    {"weight_norm_parametrization", "any with torch.nn.utils.weight_norm", 0,
     "2.1",
     "NAME_g and NAME_v become parametrizations.NAME.original0 and .original1",
     false, IsNorm, HasWeightNorm, ParametrizeWeightNorm},
    {"spectral_norm_parametrization", "any with torch.nn.utils.spectral_norm",
     0, "1.9",
     "NAME_orig, NAME_u and NAME_v become parametrizations.NAME.original, "
     ".0._u and .0._v",
     false, IsOriginal, HasSpectralNorm, ParametrizeSpectralNorm},
    {"spectral_norm_v", "any with torch.nn.utils.spectral_norm", 1, "1.0",
     "NAME goes, and NAME_v is solved for from NAME_orig, NAME and NAME_u",
     false, IsOriginal, NeedsSpectralV, nullptr},
};

}  // namespace

absl::Span<const ProducerStep> ProducerSteps() { return kSteps; }

}  // namespace hoist
