#include "hoist/core/tensor/ops/digest.h"

#include <cstddef>
#include <cstring>

#include "hoist/core/tensor/ops/cpu_level.h"
#include "hoist/core/tensor/ops/digest_element.h"
#include "hoist/core/tensor/ops/digest_loops.h"

namespace hoist {

uint64_t Digest64(absl::Span<const uint8_t> bytes) {
  return DigestOfTerms(DigestTerms(bytes, 0), bytes.size());
}

uint64_t DigestTerms(absl::Span<const uint8_t> bytes, uint64_t first_word) {
  const size_t words = bytes.size() / 8;
  uint64_t sum =
      HOIST_FOR_CPU_LEVEL(DigestLoop)(bytes.data(), words, first_word);
  const absl::Span<const uint8_t> rest = bytes.subspan(words * 8);
  if (!rest.empty()) {
    uint64_t last = 0;
    std::memcpy(&last, rest.data(), rest.size());
    sum += DigestElement()(last, first_word + words);
  }
  return sum;
}

uint64_t DigestOfTerms(uint64_t sum, uint64_t size_bytes) {
  return sum + DigestElement()(size_bytes, ~uint64_t{0});
}

}  // namespace hoist
