#include "hoist/core/hash/sha256.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "hoist/core/base/check.h"

namespace hoist {

struct Sha256::Context {
  Context() : evp(EVP_MD_CTX_new()) {}
  ~Context() { EVP_MD_CTX_free(evp); }

  EVP_MD_CTX* const evp;
};

// OpenSSL fails here only for lack of memory or if it is broken.
Sha256::Sha256() : context_(std::make_unique<Context>()) {
  HOIST_CHECK(context_->evp != nullptr);
  HOIST_CHECK(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::Update(absl::Span<const uint8_t> bytes) {
  HOIST_CHECK(context_ != nullptr);
  HOIST_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::FinishHex() {
  HOIST_CHECK(context_ != nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HOIST_CHECK(EVP_DigestFinal_ex(context_->evp, digest, &size) == 1);
  context_.reset();
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace hoist
