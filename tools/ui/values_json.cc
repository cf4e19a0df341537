#include "hoist/tools/ui/values_json.h"

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "absl/types/span.h"
#include "hoist/core/tensor/element_value.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/tools/ui/tensor_text.h"

namespace hoist {
namespace {

Json NumberJson(double number) {
  if (std::isnan(number)) {
    return "nan";
  }
  if (std::isinf(number)) {
    return number < 0 ? "-inf" : "inf";
  }
  return number;
}

Json NumberJson(const std::complex<double>& number) {
  return Json::array({NumberJson(number.real()), NumberJson(number.imag())});
}

template <typename Integer>
Json NumberJson(Integer number) {
  return number;
}

// Elements one after the other as lists in lists.
class Lists {
 public:
  Lists(absl::Span<const int64_t> shape, const Tensor* elements)
      : shape_(shape), elements_(elements) {}

  Json Next(size_t dimension = 0) {
    if (dimension == shape_.size()) {
      return NextElement();
    }
    Json list = Json::array();
    for (int64_t i = 0; i < shape_[dimension]; ++i) {
      list.push_back(Next(dimension + 1));
    }
    return list;
  }

 private:
  Json NextElement() {
    const DType dtype = elements_->dtype();
    const auto* element = static_cast<const uint8_t*>(elements_->data()) +
                          next_++ * static_cast<size_t>(DTypeBits(dtype) / 8);
    return std::visit([](const auto& number) { return NumberJson(number); },
                      DecodeElement(dtype, element));
  }

  const absl::Span<const int64_t> shape_;
  const Tensor* const elements_;
  size_t next_ = 0;
};

// How many lists a tensor without elements is: nullopt for too many.
std::optional<int64_t> CountEmptyLists(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size == 0) {
      break;
    }
    if (size > kMaxElementsShownInFull / count) {
      return std::nullopt;
    }
    count *= size;
  }
  return count;
}

bool IsOmitted(const TensorEntry& entry, const Tensor* shown) {
  const std::vector<int64_t>& shape = entry.spec.shape;
  const int64_t elements = ElementCount(shape).value_or(0);
  return elements == 0 ? !CountEmptyLists(shape)
                       : shown == nullptr || elements > kMaxElementsShownInFull;
}

}  // namespace

void AddValues(const TensorEntry& entry, const Tensor* shown, Json& tensor) {
  if (!entry.storage) {
    tensor["values"] = nullptr;
  } else if (IsOmitted(entry, shown)) {
    tensor["values_omitted"] = true;
  } else {
    tensor["values"] = Lists(entry.spec.shape, shown).Next();
  }
}

}  // namespace hoist
