#ifndef HOIST_CHECKPOINT_ZIP_ZIP_DIRECTORY_H_
#define HOIST_CHECKPOINT_ZIP_ZIP_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A member of a zip archive as the central directory describes it.
struct ZipMember {
  std::string name;
  uint16_t method = 0;  // 0 stored, 8 deflated
  uint16_t flags = 0;
  uint32_t crc32 = 0;  // of the content, before any compression
  uint64_t stored_bytes = 0;
  uint64_t size_bytes = 0;  // of the content
  uint64_t header_offset_bytes = 0;

  bool is_stored() const { return method == 0; }
  bool is_deflated() const { return method == 8; }
  bool is_folder() const { return !name.empty() && name.back() == '/'; }
};

// The central directory of a zip archive (specs: PKWARE's APPNOTE.TXT 6.3.3,
// and pytorch-formats.md 2.5 and 2.6), zip64 included. Constant once read, and
// thread-safe.
class ZipDirectory {
 public:
  // Reads it from the end of `file`; blocks. kDataLoss if there is none or it
  // does not fit the file; kUnimplemented for archives of several disks, and
  // for encrypted members. A name that occurs twice is kDataLoss: which of the
  // two counts is up to each reader, and they differ. So are members that lie
  // over each other: a small file could ask for all memory by them.
  static absl::StatusOr<ZipDirectory> Read(const RandomAccessFile& file);

  ZipDirectory(ZipDirectory&&) = default;
  ZipDirectory& operator=(ZipDirectory&&) = default;

  // In the order of the directory.
  const std::vector<ZipMember>& members() const { return members_; }

  // The member of exactly that name, or null.
  const ZipMember* Find(absl::string_view name) const;

 private:
  ZipDirectory() = default;

  std::vector<ZipMember> members_;
  // Of the members' own names, which stay where they are when this moves.
  absl::flat_hash_map<absl::string_view, size_t> index_;
};

// Whether `file` has the end record of a zip archive, which a file that was cut
// off has not; reads its end, and blocks.
absl::StatusOr<bool> HasZipEndRecord(const RandomAccessFile& file);

// Offset of the first byte of a member's stored bytes, from its local header;
// reads that. kDataLoss if there is no such header, if it names another member,
// or if the bytes do not lie inside the file. Thread-safe.
absl::StatusOr<uint64_t> ZipDataOffset(const RandomAccessFile& file,
                                       const ZipMember& member);

// The same in two steps: how many bytes at header_offset_bytes it takes, and
// what they say, in a file of `file_size_bytes`. Thread-safe.
size_t ZipLocalHeaderBytes(const ZipMember& member);
absl::StatusOr<uint64_t> ZipDataOffsetOf(const ZipMember& member,
                                         absl::Span<const uint8_t> header,
                                         uint64_t file_size_bytes);

// `max_bytes`, or less for a member that is deflated: how much to read of
// content that takes many times its bytes in memory, like pickles. Those shrink
// to a third, and here may to a 32nd; without a bound a few bytes could ask for
// all memory.
uint64_t MaxExpandingBytes(const ZipMember& member, uint64_t max_bytes);

// Reads the content of a member of at most `max_bytes`, and compares its
// CRC-32, unless none is recorded (0). Too big is kResourceExhausted, damage
// kDataLoss, a member compressed by other means than deflate kUnimplemented.
absl::StatusOr<std::vector<uint8_t>> ReadZipMember(const RandomAccessFile& file,
                                                   const ZipMember& member,
                                                   uint64_t max_bytes);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_ZIP_ZIP_DIRECTORY_H_
