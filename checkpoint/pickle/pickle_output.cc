#include "hoist/checkpoint/pickle/pickle_output.h"

#include <bit>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

// Whether Python can decode it, as which it takes lone surrogates too.
bool IsPythonUtf8(absl::string_view text) {
  const auto is_tail = [&text](size_t at) {
    return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xc0) == 0x80;
  };
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    for (size_t j = 1; j < size; ++j) {
      if (!is_tail(i + j)) {
        return false;
      }
    }
    const auto second = static_cast<uint8_t>(text[i + 1]);
    const bool is_overlong = lead < 0xc2 || (lead == 0xe0 && second < 0xa0) ||
                             (lead == 0xf0 && second < 0x90);
    const bool is_too_high = lead > 0xf4 || (lead == 0xf4 && second > 0x8f);
    if (is_overlong || is_too_high) {
      return false;
    }
    i += size;
  }
  return true;
}

}  // namespace

PickleOutput::PickleOutput() : bytes_("\x80\x02") {}

template <typename T>
void PickleOutput::Number(T value) {
  char bytes[sizeof(T)];
  StoreLittleEndian(value, bytes);
  bytes_.append(bytes, sizeof(T));
}

void PickleOutput::Int(int64_t value) {
  if (value >= 0 && value <= std::numeric_limits<uint8_t>::max()) {
    Op('K');
    Number(static_cast<uint8_t>(value));
  } else if (value >= 0 && value <= std::numeric_limits<uint16_t>::max()) {
    Op('M');
    Number(static_cast<uint16_t>(value));
  } else if (value >= std::numeric_limits<int32_t>::min() &&
             value <= std::numeric_limits<int32_t>::max()) {
    Op('J');
    Number(static_cast<int32_t>(value));
  } else {
    char bytes[sizeof(value)];
    StoreLittleEndian(value, bytes);
    BigInt({bytes, sizeof(bytes)});
  }
}

void PickleOutput::BigInt(absl::string_view bytes) {
  // A last byte that only repeats the sign says nothing.
  while (bytes.size() > 1) {
    const bool sign = (bytes[bytes.size() - 2] & 0x80) != 0;
    if (bytes.back() != (sign ? '\xff' : '\0')) {
      break;
    }
    bytes.remove_suffix(1);
  }
  if (bytes.size() <= std::numeric_limits<uint8_t>::max()) {
    Op('\x8a');
    Number(static_cast<uint8_t>(bytes.size()));
  } else {
    Op('\x8b');
    Number(static_cast<uint32_t>(bytes.size()));
    AddRefused(absl::StrCat("an integer of ", bytes.size(), " bytes"));
  }
  absl::StrAppend(&bytes_, bytes);
}

void PickleOutput::Float(double value) {
  Op('G');
  Number(__builtin_bswap64(std::bit_cast<uint64_t>(value)));
}

absl::Status PickleOutput::Text(absl::string_view text) {
  const bool is_utf8 = IsPythonUtf8(text);
  if (text.size() > (is_utf8 ? std::numeric_limits<uint32_t>::max()
                             : uint32_t{std::numeric_limits<int32_t>::max()})) {
    return absl::InvalidArgumentError(
        absl::StrCat("a text of ", text.size(),
                     " bytes is more than a pickle of protocol 2 holds"));
  }
  if (is_utf8) {
    Op('X');
    Number(static_cast<uint32_t>(text.size()));
  } else if (text.size() <= std::numeric_limits<uint8_t>::max()) {
    Op('U');
    Number(static_cast<uint8_t>(text.size()));
    AddRefused("text of Python 2 that is not UTF-8");
  } else {
    Op('T');
    Number(static_cast<uint32_t>(text.size()));
    AddRefused("text of Python 2 that is not UTF-8");
  }
  absl::StrAppend(&bytes_, text);
  return absl::OkStatus();
}

void PickleOutput::Class(absl::string_view module, absl::string_view name) {
  const bool is_builtin = module == "builtins";
  const std::string full_name =
      is_builtin ? std::string(name) : absl::StrCat(module, ".", name);
  if (!IsWeightsOnlyName(full_name)) {
    AddRefused(full_name);
  }
  // As Python does for protocol 2.
  const absl::string_view old_module = is_builtin            ? "__builtin__"
                                       : module == "copyreg" ? "copy_reg"
                                                             : module;
  absl::StrAppend(&bytes_, "c", old_module, "\n", name, "\n");
}

void PickleOutput::SharedText(absl::string_view text) {
  const auto known = shared_.find(text);
  if (known != shared_.end()) {
    Get(known->second);
    return;
  }
  Op('X');
  Number(static_cast<uint32_t>(text.size()));
  absl::StrAppend(&bytes_, text);
  shared_.emplace(text, Put());
}

void PickleOutput::SharedClass(absl::string_view module,
                               absl::string_view name) {
  // No text that is shared has a line's end.
  std::string key = absl::StrCat(module, "\n", name);
  const auto known = shared_.find(key);
  if (known != shared_.end()) {
    Get(known->second);
    return;
  }
  Class(module, name);
  shared_.emplace(std::move(key), Put());
}

uint32_t PickleOutput::Put() {
  const uint32_t number = next_number_++;
  if (number <= std::numeric_limits<uint8_t>::max()) {
    Op('q');
    Number(static_cast<uint8_t>(number));
  } else {
    Op('r');
    Number(number);
  }
  return number;
}

void PickleOutput::Get(uint32_t number) {
  if (number <= std::numeric_limits<uint8_t>::max()) {
    Op('h');
    Number(static_cast<uint8_t>(number));
  } else {
    Op('j');
    Number(number);
  }
}

std::string PickleOutput::Finish() && {
  Op('.');
  return std::move(bytes_);
}

bool IsWeightsOnlyName(absl::string_view name) {
  static const auto* const names = new absl::flat_hash_set<absl::string_view>{
      "collections.OrderedDict",
      "collections.Counter",
      "torch.nn.parameter.Parameter",
      "torch.serialization._get_layout",
      "torch.Size",
      "torch.Tensor",
      "torch.device",
      "_codecs.encode",
      "bytearray",
      "set",
      "complex",
      "torch.per_tensor_affine",
      "torch.per_tensor_symmetric",
      "torch.per_channel_affine",
      "torch.per_channel_symmetric",
      "torch.per_channel_affine_float_qparams",
      "torch.storage.UntypedStorage",
      "torch.storage.TypedStorage",
      "torch._utils._rebuild_parameter",
      "torch._utils._rebuild_parameter_with_state",
      "torch._utils._rebuild_qtensor",
      "torch._utils._rebuild_tensor",
      "torch._utils._rebuild_tensor_v2",
      "torch._utils._rebuild_tensor_v3",
      "torch._utils._rebuild_sparse_tensor",
      "torch._utils._rebuild_meta_tensor_no_storage",
      "torch._utils._rebuild_nested_tensor",
      "torch._utils._rebuild_wrapper_subclass",
      "torch._utils._rebuild_device_tensor_from_numpy",
      "torch._utils._rebuild_device_tensor_from_cpu_tensor",
      "torch._tensor._rebuild_from_type_v2",
  };
  if (names->contains(name)) {
    return true;
  }
  absl::string_view in_torch = name;
  if (!absl::ConsumePrefix(&in_torch, "torch.")) {
    return false;
  }
  const auto dtype = DTypeFromName(in_torch);
  if (dtype && DTypeName(*dtype) == in_torch) {
    return true;
  }
  return !absl::StrContains(in_torch, '.') &&
         absl::EndsWith(in_torch, "Storage") &&
         StorageClassDType(name).has_value();
}

}  // namespace hoist
