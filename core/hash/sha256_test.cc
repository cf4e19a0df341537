#include "hoist/core/hash/sha256.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                             text.size());
}

std::string Digest(absl::string_view text) {
  Sha256 sha;
  sha.Update(Bytes(text));
  return sha.FinishHex();
}

// FIPS 180-4 example values.
TEST(Sha256Test, KnownValues) {
  EXPECT_EQ(Digest(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Digest("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Digest(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, WithoutUpdateIsOfNoBytes) {
  EXPECT_EQ(Sha256().FinishHex(), Digest(""));
}

TEST(Sha256Test, PiecesMakeTheWhole) {
  std::string text(300, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  const std::string whole = Digest(text);
  for (size_t split = 0; split <= text.size(); ++split) {
    Sha256 sha;
    sha.Update(Bytes(text).first(split));
    sha.Update({});
    sha.Update(Bytes(text).subspan(split));
    ASSERT_EQ(sha.FinishHex(), whole) << split;
  }
}

TEST(Sha256DeathTest, IsOfNoUseAfterFinish) {
  Sha256 sha;
  sha.FinishHex();
  EXPECT_DEATH(sha.Update(Bytes("a")), "HOIST_CHECK failed");
  EXPECT_DEATH(sha.FinishHex(), "HOIST_CHECK failed");
}

}  // namespace
}  // namespace hoist
