#ifndef HOIST_CORE_HASH_SHA256_H_
#define HOIST_CORE_HASH_SHA256_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"

namespace hoist {

// SHA-256 of bytes that come piece by piece (OpenSSL's). Thread-compatible.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(absl::Span<const uint8_t> bytes);

  // 64 lower-case hexadecimal digits; ends the use of this object.
  std::string FinishHex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace hoist

#endif  // HOIST_CORE_HASH_SHA256_H_
