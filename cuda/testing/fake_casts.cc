#include "hoist/cuda/testing/fake_casts.h"

#include <cstdio>

#include "absl/types/span.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/cast.h"

namespace hoist {

FakeCudart::KernelWork FakeCast(const std::string& name, void** arguments) {
  // "void hoist::(anonymous namespace)::CastAll<(hoist::DType)9, ...>(...)"
  const size_t at = name.find("CastAll<");
  int from_index = 0;
  int to_index = 0;
  if (at == std::string::npos ||
      std::sscanf(name.c_str() + at,
                  "CastAll<(hoist::DType)%d, (hoist::DType)%d", &from_index,
                  &to_index) != 2) {
    return nullptr;
  }
  const auto from = static_cast<DType>(from_index);
  const auto to = static_cast<DType>(to_index);
  const void* const source = *static_cast<const void**>(arguments[0]);
  void* const destination = *static_cast<void**>(arguments[1]);
  const size_t count = *static_cast<size_t*>(arguments[2]);
  return [=](const FakeCudart::FindBytes& find) {
    const size_t from_bytes = count * DTypeBits(from) / 8;
    const size_t to_bytes = count * DTypeBits(to) / 8;
    const uint8_t* const source_bytes = find(source, from_bytes);
    uint8_t* const destination_bytes = find(destination, to_bytes);
    return source_bytes != nullptr && destination_bytes != nullptr &&
           Cast(from, absl::MakeConstSpan(source_bytes, from_bytes), to,
                absl::MakeSpan(destination_bytes, to_bytes))
               .ok();
  };
}

}  // namespace hoist
