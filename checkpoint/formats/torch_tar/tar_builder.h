#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TAR_BUILDER_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TAR_BUILDER_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"

// Pieces of tar archives for tests, byte by byte.
namespace hoist::tar_builder {

struct TarHeader {
  std::string name;
  uint64_t size_bytes = 0;
  char type = '0';
  std::string prefix;
  std::string magic = std::string("ustar\0", 6);
  std::string size_field;  // in place of the octal one
};

// Fills in the checksum of a header.
inline std::string WithChecksum(std::string block) {
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : block) {
    sum += static_cast<unsigned char>(c);
  }
  return block.replace(148, 8,
                       absl::StrFormat("%06o", sum) + std::string("\0 ", 2));
}

inline std::string HeaderBlock(const TarHeader& header) {
  std::string block(512, '\0');
  block.replace(0, header.name.size(), header.name);
  block.replace(100, 7, "0000644");
  const std::string size = header.size_field.empty()
                               ? absl::StrFormat("%011o", header.size_bytes)
                               : header.size_field;
  block.replace(124, size.size(), size);
  block[156] = header.type;
  block.replace(257, 6, header.magic);
  block.replace(263, 2, "00");
  block.replace(345, header.prefix.size(), header.prefix);
  return WithChecksum(block);
}

// Content and what fills its last block.
inline std::string Blocks(const std::string& content) {
  return content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline std::string Member(const std::string& name, const std::string& content,
                          char type = '0') {
  return HeaderBlock(
             {.name = name, .size_bytes = content.size(), .type = type}) +
         Blocks(content);
}

inline std::string End() { return std::string(1024, '\0'); }

}  // namespace hoist::tar_builder

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_TAR_TAR_BUILDER_H_
