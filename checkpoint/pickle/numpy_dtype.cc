#include "hoist/checkpoint/pickle/numpy_dtype.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoist {
namespace {

// NPY_ITEM_REFCOUNT: an element holds Python's objects.
constexpr int64_t kHasObjectsFlag = 1;
constexpr int64_t kMaxElementBytes = int64_t{1} << 31;

// Python 2 pickles text as bytes.
std::optional<absl::string_view> TextOf(Value value) {
  if (value.kind() != ValueKind::kString && value.kind() != ValueKind::kBytes) {
    return std::nullopt;
  }
  return value.AsString();
}

}  // namespace

std::optional<NumpyDType> ReadNumpyDType(Value value) {
  if (value.kind() != ValueKind::kOpaque ||
      value.ClassName() != "numpy.dtype" || value.size() == 0) {
    return std::nullopt;
  }
  const auto code = TextOf(value[0]);
  const Value state = value.state();
  constexpr size_t kStateSize = 8;
  if (!code || code->empty() || state.kind() != ValueKind::kTuple ||
      state.size() < kStateSize) {
    return std::nullopt;
  }
  const auto order = TextOf(state[1]);
  const Value size = state[5];
  const Value flags = state[7];
  if (!order || size.kind() != ValueKind::kInt ||
      flags.kind() != ValueKind::kInt) {
    return std::nullopt;
  }
  NumpyDType dtype;
  dtype.kind = (*code)[0];
  dtype.is_big_endian = *order == ">";
  dtype.has_objects =
      dtype.kind == 'O' || (flags.AsInt() & kHasObjectsFlag) != 0;
  // Only those of flexible size say it in their state.
  if (size.AsInt() > 0) {
    dtype.size_bytes = size.AsInt();
  } else if (!absl::SimpleAtoi(code->substr(1), &dtype.size_bytes)) {
    return std::nullopt;
  }
  if (dtype.size_bytes <= 0 || dtype.size_bytes > kMaxElementBytes) {
    return std::nullopt;
  }
  return dtype;
}

std::optional<DType> NumpyDType::dtype() const {
  const int64_t bits = size_bytes * 8;
  switch (kind) {
    case 'b':
      return bits == 8 ? std::optional(DType::kBool) : std::nullopt;
    case 'i':
      return DTypeFromName(absl::StrCat("int", bits));
    case 'u':
      return DTypeFromName(absl::StrCat("uint", bits));
    case 'f':
      return DTypeFromName(absl::StrCat("float", bits));
    case 'c':
      // torch's complex32 is no type of numpy's, and its name is by all bits.
      return bits == 64 || bits == 128
                 ? DTypeFromName(absl::StrCat("complex", bits))
                 : std::nullopt;
    case 'm':
    case 'M':
      return bits == 64 ? std::optional(DType::kInt64) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::string NumpyDType::scalar_class() const {
  switch (kind) {
    case 'b':
      return dtype() ? "bool" : "";
    case 'S':
      return "bytes_";
    case 'i':
    case 'u':
    case 'f':
    case 'c': {
      const auto known = dtype();
      return known ? std::string(DTypeName(*known)) : "";
    }
    default:
      return "";
  }
}

}  // namespace hoist
