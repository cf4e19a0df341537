#include "hoist/checkpoint/verify/archive_members.h"

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/checkpoint/zip/zip_header_reader.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {

absl::StatusOr<ArchiveMembers> ReadArchiveMembers(const RandomAccessFile& file,
                                                  int file_index) {
  HOIST_ASSIGN_OR_RETURN(const ZipDirectory directory,
                         ZipDirectory::Read(file));
  ZipHeaderReader headers(file);
  ArchiveMembers members;
  for (const ZipMember& member : directory.members()) {
    const absl::StatusOr<uint64_t> offset = headers.DataOffset(member);
    if (!offset.ok()) {
      members.problems.push_back(
          {member.name, std::string(offset.status().message())});
      continue;
    }
    if (member.is_folder()) {
      continue;
    }
    if (!member.is_stored() && !member.is_deflated()) {
      members.problems.push_back(
          {member.name,
           absl::StrCat("it is compressed by method ", member.method,
                        ", which PyTorch does not use")});
      continue;
    }
    ByteRange range = {.file = file_index,
                       .offset_bytes = *offset,
                       .size_bytes = member.stored_bytes,
                       .name = member.name};
    if (member.is_deflated()) {
      range.inflated_bytes = member.size_bytes;
    }
    if (member.crc32 != 0 || member.size_bytes == 0) {
      range.crc32 = member.crc32;
    }
    members.ranges.push_back(std::move(range));
  }
  return members;
}

}  // namespace hoist
