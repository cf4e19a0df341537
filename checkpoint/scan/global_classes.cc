#include "hoist/checkpoint/scan/global_classes.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "hoist/checkpoint/scan/dangerous_names.h"

namespace hoist {
namespace {

using Names = absl::flat_hash_set<std::string>;

// Classes and functions that only make data of their arguments (spec:
// pytorch-formats.md 3.3 to 3.8 and 4.3).
const absl::flat_hash_map<std::string, Names>& HarmlessNames() {
  static const auto* const names = new absl::flat_hash_map<std::string, Names>({
      {"builtins",
       {"object",         "set",   "frozenset", "list",       "dict",
        "tuple",          "int",   "long",      "float",      "complex",
        "bool",           "str",   "unicode",   "basestring", "bytes",
        "bytearray",      "slice", "range",     "xrange",     "Ellipsis",
        "NotImplemented", "None",  "True",      "False"}},
      {"collections", {"OrderedDict", "defaultdict", "Counter", "deque"}},
      {"_codecs", {"encode"}},
      {"copyreg", {"_reconstructor", "__newobj__", "__newobj_ex__"}},
      {"datetime", {"date", "datetime", "time", "timedelta", "timezone"}},
      {"pathlib",
       {"Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath",
        "PureWindowsPath"}},
      {"pathlib._local",
       {"Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath",
        "PureWindowsPath"}},
      {"argparse", {"Namespace"}},
      {"io", {"BytesIO", "StringIO"}},
      {"_io", {"BytesIO", "StringIO"}},
      {"decimal", {"Decimal"}},
      {"fractions", {"Fraction"}},
      {"uuid", {"UUID"}},
      {"types", {"SimpleNamespace", "NoneType"}},
      {"array", {"array", "_array_reconstructor"}},
      {"random", {"Random"}},
      {"torch",
       {"Size",
        "device",
        "dtype",
        "layout",
        "memory_format",
        "finfo",
        "iinfo",
        "Generator",
        "strided",
        "sparse_coo",
        "sparse_csr",
        "sparse_csc",
        "sparse_bsr",
        "sparse_bsc",
        "_mkldnn",
        "jagged",
        "contiguous_format",
        "channels_last",
        "channels_last_3d",
        "preserve_format",
        "per_tensor_affine",
        "per_channel_affine",
        "per_tensor_symmetric",
        "per_channel_symmetric",
        "per_channel_affine_float_qparams"}},
      {"torch._utils",
       {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3",
        "_rebuild_parameter", "_rebuild_parameter_with_state",
        "_rebuild_qtensor", "_rebuild_sparse_tensor",
        "_rebuild_sparse_csr_tensor", "_rebuild_meta_tensor_no_storage",
        "_rebuild_nested_tensor", "_rebuild_wrapper_subclass",
        "_rebuild_device_tensor_from_numpy",
        "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_xla_tensor"}},
      {"torch._tensor", {"_rebuild_from_type_v2", "_rebuild_from_type"}},
      {"torch.tensor", {"_rebuild_from_type"}},
      {"torch.nested._internal.nested_tensor",
       {"_rebuild_njt", "NestedTensor"}},
      // A pair of numbers that jagged tensors have as an attribute.
      {"torch._dynamo.decorators", {"_DimRange"}},
      {"torch.serialization", {"_get_layout"}},
      {"torch.jit._pickle",
       {"build_intlist", "build_tensorlist", "build_doublelist",
        "build_boollist", "build_tensor_from_id", "restore_type_tag"}},
      {"torch.storage",
       {"TypedStorage", "UntypedStorage", "_TypedStorage", "_UntypedStorage"}},
      {"torch.nn.parameter",
       {"Parameter", "Buffer", "UninitializedParameter",
        "UninitializedBuffer"}},
      {"torch.autograd.variable", {"Variable"}},
      {"torch.torch_version", {"TorchVersion"}},
      {"torch.backends.cudnn.rnn", {"Unserializable"}},
      {"torch.distributed.checkpoint.metadata",
       {"Metadata", "MetadataIndex", "StorageMeta", "BytesStorageMetadata",
        "TensorStorageMetadata", "ChunkStorageMetadata", "TensorProperties",
        "_MEM_FORMAT_ENCODING"}},
      {"torch.distributed.checkpoint.filesystem", {"_StorageInfo"}},
      {"torch.nn.functional",
       {"relu",       "relu6",     "gelu",        "silu",          "elu",
        "selu",       "celu",      "mish",        "tanh",          "sigmoid",
        "logsigmoid", "softmax",   "log_softmax", "softplus",      "softsign",
        "leaky_relu", "hardswish", "hardtanh",    "hardsigmoid",   "tanhshrink",
        "softmin",    "threshold", "glu",         "normalize",     "dropout",
        "linear",     "mse_loss",  "l1_loss",     "cross_entropy", "nll_loss"}},
      {"numpy", {"dtype", "ndarray", "matrix", "recarray"}},
      {"numpy.core.multiarray", {"_reconstruct", "scalar"}},
      {"numpy._core.multiarray", {"_reconstruct", "scalar"}},
      {"numpy.core.numeric", {"_frombuffer"}},
      {"numpy._core.numeric", {"_frombuffer"}},
      {"numpy.ma.core", {"_mareconstruct", "MaskedArray"}},
      {"numpy.matrixlib.defmatrix", {"matrix"}},
      {"numpy.random._pickle",
       {"__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"}},
      {"numpy.random._mt19937", {"MT19937"}},
      {"numpy.random._pcg64", {"PCG64", "PCG64DXSM"}},
      {"numpy.random.bit_generator", {"SeedSequence"}},
      {"numpy.random.mtrand", {"RandomState"}},
  });
  return *names;
}

// Elements of tensors and arrays, as torch and numpy call them: a kind, and its
// bits.
bool IsDType(absl::string_view name) {
  static const auto* const names = new Names({
      "float",      "double",      "half",     "bfloat16", "int",
      "long",       "short",       "char",     "byte",     "bool",
      "bool_",      "cfloat",      "cdouble",  "chalf",    "str_",
      "bytes_",     "object_",     "void",     "longlong", "ulonglong",
      "intc",       "uintc",       "intp",     "uintp",    "single",
      "longdouble", "clongdouble", "csingle",  "string_",  "unicode_",
      "datetime64", "timedelta64", "float_",   "int_",     "uint",
      "ubyte",      "ushort",      "complex_",
  });
  if (names->contains(std::string(name))) {
    return true;
  }
  for (const absl::string_view kind :
       {"float", "int", "uint", "complex", "quint", "qint", "bits"}) {
    if (!absl::StartsWith(name, kind) || name.size() == kind.size() ||
        !absl::ascii_isdigit(static_cast<unsigned char>(name[kind.size()]))) {
      continue;
    }
    const absl::string_view rest = name.substr(kind.size());
    return rest.size() <= 16 && rest.find('.') == absl::string_view::npos;
  }
  return false;
}

bool IsClassName(absl::string_view name) {
  return !name.empty() &&
         absl::ascii_isupper(static_cast<unsigned char>(name[0])) &&
         name.find('.') == absl::string_view::npos;
}

bool IsInside(absl::string_view module, absl::string_view package) {
  return absl::StartsWith(module, package) &&
         (module.size() == package.size() || module[package.size()] == '.');
}

// Classes that are harmless as all of their kind are.
bool IsHarmlessKind(absl::string_view module, absl::string_view name) {
  if (module == "torch" || module == "torch.cuda" || module == "torch.sparse" ||
      module == "torch.cuda.sparse") {
    if (IsClassName(name) &&
        (absl::EndsWith(name, "Storage") || absl::EndsWith(name, "Tensor"))) {
      return true;
    }
  }
  if (module == "torch" || module == "numpy") {
    return IsDType(name);
  }
  if (module == "numpy.dtypes") {
    return IsClassName(name) && absl::EndsWith(name, "DType");
  }
  if (module == "builtins" || module == "exceptions") {
    return IsClassName(name) &&
           (absl::EndsWith(name, "Error") || absl::EndsWith(name, "Warning") ||
            absl::EndsWith(name, "Exception"));
  }
  // TorchScript's own classes: code in the archive, and no module of Python.
  if (IsInside(module, "__torch__")) {
    return name.find('.') == absl::string_view::npos;
  }
  for (const absl::string_view package :
       {"torch.nn.modules", "torch.nn.parallel", "torch.nn.utils.rnn",
        "torch.optim", "torch.ao.nn", "torch.nn.quantized"}) {
    if (IsInside(module, package)) {
      return IsClassName(name);
    }
  }
  return false;
}

absl::string_view Python3Module(absl::string_view module) {
  return module == "__builtin__" ? "builtins"
         : module == "copy_reg"  ? "copyreg"
                                 : module;
}

}  // namespace

absl::string_view GlobalClassName(GlobalClass global_class) {
  switch (global_class) {
    case GlobalClass::kHarmless:
      return "harmless";
    case GlobalClass::kUnknown:
      return "unknown";
    case GlobalClass::kDangerous:
      break;
  }
  return "dangerous";
}

GlobalClass ClassifyGlobal(absl::string_view module, absl::string_view name) {
  // Blanks around a name are none of it.
  module = Python3Module(absl::StripAsciiWhitespace(module));
  name = absl::StripAsciiWhitespace(name);
  const auto harmless = HarmlessNames().find(std::string(module));
  if (harmless != HarmlessNames().end() &&
      harmless->second.contains(std::string(name))) {
    return GlobalClass::kHarmless;
  }
  if (IsDangerousGlobal(module, name)) {
    return GlobalClass::kDangerous;
  }
  return IsHarmlessKind(module, name) ? GlobalClass::kHarmless
                                      : GlobalClass::kUnknown;
}

}  // namespace hoist
