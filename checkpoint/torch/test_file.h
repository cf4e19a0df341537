#ifndef HOIST_CHECKPOINT_TORCH_TEST_FILE_H_
#define HOIST_CHECKPOINT_TORCH_TEST_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace hoist::libtorch {

// The bytes of a safetensors file that a test writes down tensor by tensor.
class TestFile {
 public:
  // `dtype` as the format names it, "F32".
  template <typename Number>
  TestFile& Add(absl::string_view name, absl::string_view dtype,
                const std::vector<int64_t>& shape,
                const std::vector<Number>& numbers) {
    const size_t begin = data_.size();
    data_.append(reinterpret_cast<const char*>(numbers.data()),
                 numbers.size() * sizeof(Number));
    entries_.push_back(absl::StrCat("\"", name, "\":{\"dtype\":\"", dtype,
                                    "\",\"shape\":[", absl::StrJoin(shape, ","),
                                    "],\"data_offsets\":[", begin, ",",
                                    data_.size(), "]}"));
    return *this;
  }
  TestFile& Floats(absl::string_view name, const std::vector<int64_t>& shape,
                   const std::vector<float>& numbers) {
    return Add(name, "F32", shape, numbers);
  }

  std::string bytes() const {
    std::string header = absl::StrCat("{", absl::StrJoin(entries_, ","), "}");
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) +
           header + data_;
  }

 private:
  std::vector<std::string> entries_;
  std::string data_;
};

}  // namespace hoist::libtorch

#endif  // HOIST_CHECKPOINT_TORCH_TEST_FILE_H_
