#ifndef HOIST_CHECKPOINT_ZIP_ZIP_WRITER_H_
#define HOIST_CHECKPOINT_ZIP_ZIP_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hoist {

// The places of stored members in a zip archive that is written, and what
// stands around them (specs: PKWARE's APPNOTE.TXT 6.3.3, pytorch-formats.md
// 2.5 and 2.7). Places depend on names and sizes alone, so that contents can be
// written in any order, and headers when their checksums are known.
//
// Members begin at a multiple of some alignment: their headers are followed by
// PyTorch's padding field, "FB". Headers have the true sizes and checksum, and
// no data descriptors follow. As PyTorch's own, an archive ends with zip64
// records, whether it needs them or not; fields of 64 bits elsewhere are only
// there where 32 are too few. Thread-compatible.
class ZipWriter {
 public:
  struct Member {
    std::string name;
    uint64_t size_bytes = 0;
    uint64_t header_offset = 0;
    uint64_t data_offset = 0;

    uint64_t header_bytes() const { return data_offset - header_offset; }
  };

  // Adds a member after the last one; `alignment` is 32,768 at most, and a
  // power of two. Its name is UTF-8, of at most kMaxNameBytes.
  static constexpr size_t kMaxNameBytes = 4096;
  void Add(absl::string_view name, uint64_t size_bytes, uint64_t alignment);

  const std::vector<Member>& members() const { return members_; }

  // What is between header_offset and data_offset of a member whose bytes have
  // that CRC-32.
  std::string Header(const Member& member, uint32_t crc32) const;

  // Where the last member ends, and the directory begins.
  uint64_t directory_offset() const { return end_; }
  uint64_t file_bytes() const;

  // The rest of the file from there, by the CRC-32 of each member.
  std::string Directory(absl::Span<const uint32_t> crc32s) const;

 private:
  std::vector<Member> members_;
  uint64_t end_ = 0;
  uint64_t directory_bytes_ = 0;  // of all entries
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_ZIP_ZIP_WRITER_H_
