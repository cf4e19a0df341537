#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/checkpoint/zip/zip_header_reader.h"
#include "hoist/checkpoint/zip/zip_walk.h"
#include "hoist/core/base/check.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/memory_file.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxMemberBytes = uint64_t{1} << 20;
// Members whose content is read: they may all be the same bytes.
constexpr size_t kMaxMembers = 20;

void CheckMember(const MemoryFile& file, const ZipMember& member,
                 ZipHeaderReader& headers) {
  const auto offset = ZipDataOffset(file, member);
  CheckBytesError(offset.status());
  const auto same = headers.DataOffset(member);
  HOIST_CHECK(same.ok() == offset.ok());
  if (offset.ok()) {
    HOIST_CHECK(*same == *offset);
    HOIST_CHECK(*offset <= file.size_bytes());
    HOIST_CHECK(member.stored_bytes <= file.size_bytes() - *offset);
  }
  const auto content = ReadZipMember(file, member, kMaxMemberBytes);
  CheckBytesError(content.status());
  if (content.ok()) {
    HOIST_CHECK(offset.ok());
    HOIST_CHECK(content->size() == member.size_bytes);
    HOIST_CHECK(content->size() <= kMaxMemberBytes);
    HOIST_CHECK(member.crc32 == 0 || Crc32(*content) == member.crc32);
    HOIST_CHECK(*ReadZipMember(file, member, kMaxMemberBytes) == *content);
  }
}

void CheckDirectory(const MemoryFile& file) {
  const auto directory = ZipDirectory::Read(file);
  CheckBytesError(directory.status());
  const auto has_end = HasZipEndRecord(file);
  CheckBytesError(has_end.status());
  if (!directory.ok()) {
    return;
  }
  HOIST_CHECK(has_end.ok() && *has_end);
  // A header each, in the file.
  constexpr size_t kHeaderBytes = 46;
  HOIST_CHECK(directory->members().size() <= file.size_bytes() / kHeaderBytes);
  ZipHeaderReader headers(file);
  size_t count = 0;
  for (const ZipMember& member : directory->members()) {
    HOIST_CHECK(directory->Find(member.name) == &member);
    if (++count <= kMaxMembers) {
      CheckMember(file, member, headers);
    }
  }
}

void CheckWalk(const MemoryFile& file) {
  ZipWalk walk(file);
  uint64_t end = 0;
  while (true) {
    const auto member = walk.Next([](absl::string_view name) {
      return name.size() % 2 == 0 ? std::optional<uint64_t>(name.size())
                                  : std::nullopt;
    });
    CheckBytesError(member.status());
    if (!member.ok() || !member->has_value()) {
      return;
    }
    HOIST_CHECK(walk.end_offset_bytes() > end);
    end = walk.end_offset_bytes();
    HOIST_CHECK(end <= file.size_bytes());
  }
}

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const hoist::MemoryFile file("fuzz", {data, data + size});
  hoist::CheckDirectory(file);
  hoist::CheckWalk(file);
  return 0;
}
