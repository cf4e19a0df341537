#include "hoist/core/system/text_file.h"

#include <cstddef>
#include <fstream>

namespace hoist {

std::optional<std::string> ReadTextFile(const std::string& path) {
  constexpr size_t kMaxBytes = size_t{16} << 20;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char buffer[4096];
  while (file.good() && text.size() <= kMaxBytes) {
    file.read(buffer, sizeof(buffer));
    text.append(buffer, static_cast<size_t>(file.gcount()));
  }
  const bool is_whole = file.eof() && text.size() <= kMaxBytes;
  return is_whole ? std::make_optional(std::move(text)) : std::nullopt;
}

}  // namespace hoist
