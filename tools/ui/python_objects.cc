#include "hoist/tools/ui/python_objects.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/pickle/numpy_dtype.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

using Text = std::optional<std::string>;

constexpr size_t kMaxParts = 100;
// What is inside of each other many times over ends here.
constexpr size_t kMaxPartsBytes = size_t{64} << 10;

absl::string_view LastPart(absl::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == absl::string_view::npos ? name : name.substr(dot + 1);
}

// The items of `value` from `first` on: "1, 'a'".
std::string Joined(Value value, size_t first, ReprFunction repr) {
  std::string text;
  for (size_t i = first; i < value.size(); ++i) {
    absl::StrAppend(&text, i > first ? ", " : "");
    if (i == kMaxParts || text.size() > kMaxPartsBytes) {
      return text + "...";
    }
    absl::StrAppend(&text, repr(value[i]));
  }
  return text;
}

// --- datetime ----------------------------------------------------------------

// The unsigned bytes of argument 0, if it is `size` of them.
std::optional<std::vector<int>> Fields(Value object, size_t size) {
  if (object.size() == 0 || object[0].kind() != ValueKind::kBytes ||
      object[0].AsString().size() != size) {
    return std::nullopt;
  }
  std::vector<int> fields;
  for (const char c : object[0].AsString()) {
    fields.push_back(static_cast<unsigned char>(c));
  }
  return fields;
}

// Hours to microseconds, which are left out at the end where they are 0; which
// of two equal times it is; and the time zone.
std::string TimeText(const std::vector<int>& fields, size_t at, bool is_folded,
                     Value object, ReprFunction repr) {
  std::string text = absl::StrCat(fields[at], ", ", fields[at + 1]);
  const int microseconds =
      (fields[at + 3] << 16) | (fields[at + 4] << 8) | fields[at + 5];
  if (fields[at + 2] != 0 || microseconds != 0) {
    absl::StrAppend(&text, ", ", fields[at + 2]);
  }
  if (microseconds != 0) {
    absl::StrAppend(&text, ", ", microseconds);
  }
  absl::StrAppend(&text, is_folded ? ", fold=1" : "");
  if (object.size() > 1) {
    absl::StrAppend(&text, ", tzinfo=", repr(object[1]));
  }
  return text;
}

constexpr int kFoldBit = 0x80;

Text DateTime(Value object, ReprFunction repr) {
  auto fields = Fields(object, 10);
  if (!fields) {
    return std::nullopt;
  }
  const bool is_folded = ((*fields)[2] & kFoldBit) != 0;
  return absl::StrCat("datetime.datetime(", ((*fields)[0] << 8) | (*fields)[1],
                      ", ", (*fields)[2] & ~kFoldBit, ", ", (*fields)[3], ", ",
                      TimeText(*fields, 4, is_folded, object, repr), ")");
}

Text Date(Value object, ReprFunction) {
  const auto fields = Fields(object, 4);
  if (!fields) {
    return std::nullopt;
  }
  return absl::StrCat("datetime.date(", ((*fields)[0] << 8) | (*fields)[1],
                      ", ", (*fields)[2], ", ", (*fields)[3], ")");
}

Text Time(Value object, ReprFunction repr) {
  auto fields = Fields(object, 6);
  if (!fields) {
    return std::nullopt;
  }
  const bool is_folded = ((*fields)[0] & kFoldBit) != 0;
  (*fields)[0] &= ~kFoldBit;
  return absl::StrCat("datetime.time(",
                      TimeText(*fields, 0, is_folded, object, repr), ")");
}

Text TimeDelta(Value object, ReprFunction) {
  constexpr absl::string_view kUnits[] = {"days=", "seconds=", "microseconds="};
  if (object.size() != 3) {
    return std::nullopt;
  }
  std::string text;
  for (size_t i = 0; i < object.size(); ++i) {
    if (object[i].kind() != ValueKind::kInt) {
      return std::nullopt;
    }
    if (object[i].AsInt() != 0) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", kUnits[i],
                      object[i].AsInt());
    }
  }
  return absl::StrCat("datetime.timedelta(", text.empty() ? "0" : text, ")");
}

Text TimeZone(Value object, ReprFunction repr) {
  if (object.size() == 0) {
    return std::nullopt;
  }
  const std::string arguments = Joined(object, 0, repr);
  return arguments == "datetime.timedelta(0)"
             ? "datetime.timezone.utc"
             : absl::StrCat("datetime.timezone(", arguments, ")");
}

// --- others of Python's ------------------------------------------------------

// Parts of a path, of which the first may be its root.
Text Path(Value object, ReprFunction) {
  std::string path;
  for (size_t i = 0; i < object.size(); ++i) {
    if (object[i].kind() != ValueKind::kString) {
      return std::nullopt;
    }
    const bool needs_slash =
        i > 0 && !absl::EndsWith(path, "/") && !absl::EndsWith(path, "\\");
    absl::StrAppend(&path, needs_slash ? "/" : "", object[i].AsString());
  }
  const std::string name = object.ClassName();
  if (absl::StrContains(name, "Windows")) {
    std::replace(path.begin(), path.end(), '\\', '/');
  }
  return absl::StrCat(LastPart(name), "('", path.empty() ? "." : path, "')");
}

// "Namespace(lr=0.1, name='x')"
std::string Attributes(absl::string_view name, Value state, ReprFunction repr) {
  std::string text;
  const size_t size = state.kind() == ValueKind::kDict ? state.size() : 0;
  for (size_t i = 0; i < size; ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "");
    if (i == kMaxParts || text.size() > kMaxPartsBytes) {
      absl::StrAppend(&text, "...");
      break;
    }
    absl::StrAppend(&text, ValueText(state.key(i)), "=", repr(state.value(i)));
  }
  return absl::StrCat(name, "(", text, ")");
}

Text Namespace(Value object, ReprFunction repr) {
  const Value state = object.state();
  if (object.size() > 0 ||
      (state.kind() != ValueKind::kDict && state.kind() != ValueKind::kNone)) {
    return std::nullopt;
  }
  return Attributes(
      object.ClassName() == "argparse.Namespace" ? "Namespace" : "namespace",
      state, repr);
}

// range(0, 3), but range(0, 9, 3).
Text Range(Value object, ReprFunction repr) {
  if (object.size() != 3) {
    return std::nullopt;
  }
  const std::string text = Joined(object, 0, repr);
  return absl::StrCat("range(", absl::StripSuffix(text, ", 1"), ")");
}

// Class and arguments, as it would be called.
Text Called(Value object, ReprFunction repr) {
  return absl::StrCat(LastPart(object.ClassName()), "(",
                      Joined(object, 0, repr), ")");
}

// Fraction('1/3')
Text Fraction(Value object, ReprFunction repr) {
  if (object.size() != 1 || object[0].kind() != ValueKind::kString) {
    return Called(object, repr);
  }
  const absl::string_view text = object[0].AsString();
  const size_t slash = text.find('/');
  return slash == absl::string_view::npos
             ? absl::StrCat("Fraction(", text, ", 1)")
             : absl::StrCat("Fraction(", text.substr(0, slash), ", ",
                            text.substr(slash + 1), ")");
}

// --- PyTorch's and numpy's ---------------------------------------------------

// ("cuda", 1), ("cpu",) or ("cuda:1",)
Text Device(Value object, ReprFunction) {
  if (object.size() == 0 || object[0].kind() != ValueKind::kString) {
    return std::nullopt;
  }
  absl::string_view type = object[0].AsString();
  std::string index;
  if (object.size() > 1) {
    index = ValueText(object[1]);
  } else if (const size_t colon = type.find(':');
             colon != absl::string_view::npos) {
    index = std::string(type.substr(colon + 1));
    type = type.substr(0, colon);
  }
  return absl::StrCat("device(type='", type, "'",
                      index.empty() ? "" : ", index=", index, ")");
}

// dtype('float32'), dtype('>i4'), dtype('<U2')
Text NumpyType(Value object, ReprFunction) {
  const auto dtype = ReadNumpyDType(object);
  if (!dtype) {
    return std::nullopt;
  }
  const auto known =
      dtype->kind == 'm' || dtype->kind == 'M' || dtype->is_big_endian
          ? std::nullopt
          : dtype->dtype();
  if (known) {
    return absl::StrCat("dtype('", DTypeName(*known), "')");
  }
  if (dtype->kind == 'O') {
    return "dtype('O')";
  }
  // Characters have four bytes.
  const int64_t size =
      dtype->kind == 'U' ? dtype->size_bytes / 4 : dtype->size_bytes;
  const bool has_order = dtype->kind != 'S' && dtype->kind != 'V';
  const absl::string_view order = dtype->is_big_endian ? ">" : "<";
  return absl::StrCat("dtype('", has_order ? order : "",
                      std::string(1, dtype->kind), size, "')");
}

using Show = Text (*)(Value, ReprFunction);

const absl::flat_hash_map<absl::string_view, Show>& Shows() {
  static const auto* const shows =
      new absl::flat_hash_map<absl::string_view, Show>{
          {"datetime.datetime", DateTime},
          {"datetime.date", Date},
          {"datetime.time", Time},
          {"datetime.timedelta", TimeDelta},
          {"datetime.timezone", TimeZone},
          {"argparse.Namespace", Namespace},
          {"types.SimpleNamespace", Namespace},
          {"range", Range},
          {"slice", Called},
          {"decimal.Decimal", Called},
          {"fractions.Fraction", Fraction},
          {"torch.device", Device},
          {"numpy.dtype", NumpyType},
      };
  return *shows;
}

bool IsPath(absl::string_view name) {
  return absl::StartsWith(name, "pathlib.") &&
         (absl::EndsWith(name, "PosixPath") ||
          absl::EndsWith(name, "WindowsPath") ||
          absl::EndsWith(name, ".Path") || absl::EndsWith(name, ".PurePath"));
}

}  // namespace

std::optional<std::string> PythonObjectRepr(Value object, ReprFunction repr) {
  const std::string name = object.ClassName();
  if (IsPath(name)) {
    return Path(object, repr);
  }
  const auto show = Shows().find(name);
  return show == Shows().end() ? std::nullopt : show->second(object, repr);
}

std::string ClassRepr(absl::string_view name) {
  static const auto* const instances =
      new absl::flat_hash_set<absl::string_view>{
          "torch.strided",
          "torch.sparse_coo",
          "torch.sparse_csr",
          "torch.sparse_csc",
          "torch.sparse_bsr",
          "torch.sparse_bsc",
          "torch.jagged",
          "torch._mkldnn",
          "torch.contiguous_format",
          "torch.channels_last",
          "torch.channels_last_3d",
          "torch.preserve_format",
          "torch.per_tensor_affine",
          "torch.per_tensor_symmetric",
          "torch.per_channel_affine",
          "torch.per_channel_symmetric",
          "torch.per_channel_affine_float_qparams",
          "Ellipsis",
          "NotImplemented",
      };
  absl::string_view dtype = name;
  if (instances->contains(name) || (absl::ConsumePrefix(&dtype, "torch.") &&
                                    DTypeFromName(dtype).has_value())) {
    return std::string(name);
  }
  return absl::StrCat("<class '", name, "'>");
}

}  // namespace hoist
