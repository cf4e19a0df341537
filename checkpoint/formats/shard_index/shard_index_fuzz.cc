#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/shard_index/shard_index.h"

// Whatever is read, no file of it is outside the folder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto index = hoist::ParseShardIndex(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (index.ok()) {
    for (const std::string& file : index->Files()) {
      if (file.empty() || file[0] == '/' || file == ".." ||
          absl::StartsWith(file, "../") || absl::StrContains(file, "/../")) {
        std::abort();
      }
    }
  }
  return 0;
}
