#ifndef HOIST_CHECKPOINT_ZIP_ZIP_WALK_H_
#define HOIST_CHECKPOINT_ZIP_ZIP_WALK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Goes through the members of a zip archive from its start by their own
// headers: for an archive that was cut off, and so has no directory. What it
// finds serves to say what is left, not to load: only the directory says what
// the members are. Thread-compatible.
class ZipWalk {
 public:
  // Bytes of the content of a member, where the caller knows it. A writer that
  // does not go back says it only after the content.
  using SizeOf =
      absl::FunctionRef<std::optional<uint64_t>(absl::string_view name)>;

  // `file` must outlive it.
  explicit ZipWalk(const RandomAccessFile& file) : file_(file) {}

  // The next member, all of whose bytes are there; nullopt if there is none.
  // Where neither its header nor `size_of` tell a member's size, its end is
  // searched for, in at most 256 MiB altogether. Errors are those of reading;
  // blocks.
  absl::StatusOr<std::optional<ZipMember>> Next(SizeOf size_of);

  // After Next() gave none: the member that begins there and is not whole, or
  // whose end was not found; "" if none begins.
  const std::string& cut_name() const { return cut_name_; }
  // Whether the members are followed by the directory, or the start of it.
  bool has_directory() const { return has_directory_; }
  // Where the last whole member ends.
  uint64_t end_offset_bytes() const { return offset_; }

 private:
  struct Header;

  absl::StatusOr<std::optional<Header>> ReadHeader();
  // The end of a member whose size is after its content, and that size.
  absl::StatusOr<bool> FindEnd(const Header& header,
                               std::optional<uint64_t> size, ZipMember& member,
                               uint64_t& end);
  absl::StatusOr<bool> HasDescriptor(const Header& header, uint64_t offset,
                                     ZipMember& member, uint64_t& end);
  absl::StatusOr<bool> Search(const Header& header, ZipMember& member,
                              uint64_t& end);
  absl::StatusOr<bool> HasSignature(uint64_t offset, uint32_t signature);

  const RandomAccessFile& file_;
  uint64_t offset_ = 0;
  uint64_t searched_bytes_ = 0;
  uint64_t count_ = 0;
  std::string cut_name_;
  bool has_directory_ = false;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_ZIP_ZIP_WALK_H_
