#ifndef HOIST_CHECKPOINT_FORMATS_NATIVE_BYTE_CURSOR_H_
#define HOIST_CHECKPOINT_FORMATS_NATIVE_BYTE_CURSOR_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/base/endian.h"

namespace hoist {

// Takes numbers and texts off the front of bytes. What is not there is zero or
// empty, and shows in ok(): so a record is read as a whole and asked about
// once. Thread-compatible.
class ByteCursor {
 public:
  explicit ByteCursor(absl::Span<const uint8_t> bytes)
      : bytes_(bytes), begin_(bytes.data()) {}

  // Whether all that was taken was there.
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }
  // Bytes taken.
  size_t at() const { return static_cast<size_t>(bytes_.data() - begin_); }

  template <typename T>
  T Take() {
    static_assert(std::is_integral_v<T>);
    const absl::Span<const uint8_t> bytes = TakeBytes(sizeof(T));
    return bytes.empty() ? T{0} : LoadLittleEndian<T>(bytes.data());
  }
  double TakeDouble() {
    const auto bits = Take<uint64_t>();
    double number = 0;
    std::memcpy(&number, &bits, sizeof(number));
    return number;
  }
  // A length of 4 bytes, and as many bytes.
  absl::string_view TakeText() {
    const absl::Span<const uint8_t> bytes = TakeBytes(Take<uint32_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Empty if there are not so many.
  absl::Span<const uint8_t> TakeBytes(size_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const absl::Span<const uint8_t> taken = bytes_.first(size);
    bytes_.remove_prefix(size);
    return taken;
  }

 private:
  absl::Span<const uint8_t> bytes_;
  const uint8_t* const begin_;
  bool ok_ = true;
};

// The other way round. Thread-compatible.
class ByteSink {
 public:
  template <typename T>
  void Put(T number) {
    static_assert(std::is_integral_v<T>);
    bytes_.resize(bytes_.size() + sizeof(T));
    StoreLittleEndian(number, bytes_.data() + bytes_.size() - sizeof(T));
  }
  void PutDouble(double number) {
    uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof(bits));
    Put(bits);
  }
  // `text` is shorter than 4 GiB.
  void PutText(absl::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void PutBytes(absl::Span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  size_t size() const { return bytes_.size(); }
  absl::Span<uint8_t> bytes() { return absl::MakeSpan(bytes_); }
  std::vector<uint8_t> Release() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_NATIVE_BYTE_CURSOR_H_
