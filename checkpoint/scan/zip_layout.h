#ifndef HOIST_CHECKPOINT_SCAN_ZIP_LAYOUT_H_
#define HOIST_CHECKPOINT_SCAN_ZIP_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hoist/core/io/random_access_file.h"

namespace hoist {

// A run of bytes of a zip archive: a member's, or bytes that are of none.
struct ZipPart {
  std::string name;  // "(bytes from 17)" for what is no member
  bool is_member = false;
  bool is_encrypted = false;
  uint16_t method = 0;  // 0 stored, 8 deflated
  uint32_t crc32 = 0;   // 0: not recorded
  uint64_t offset_bytes = 0;
  uint64_t stored_bytes = 0;
  uint64_t size_bytes = 0;  // of the content
};

// Everything in a zip archive, as far as it can be made out.
struct ZipLayout {
  std::vector<ZipPart> parts;
  // Why this may not be all, or why another reader may see something else.
  struct Problem {
    std::string member;
    std::string message;
  };
  std::vector<Problem> problems;
};

// Whether a reader of zip archives would take `file` for one: it begins as one,
// or ends as one. Reads its start and end; false if they cannot be read.
bool LooksLikeZip(const RandomAccessFile& file);

// Where the archives begin that `file` consists of, one behind the other, as
// the files of torch.distributed.checkpoint do; empty if it is one archive, if
// other bytes are between, or there are very many. Blocks.
std::vector<uint64_t> FindArchives(const RandomAccessFile& file);

// Reads the directory and every local header (specs: PKWARE's APPNOTE.TXT
// 6.3.3). Unlike ZipDirectory, which refuses what is not in order, this takes
// what there is, and says what is wrong with it: members of the same name,
// headers that disagree with the directory, members that lie over each other,
// bytes that belong to nothing, encryption, a directory that is damaged or
// missing. Ranges of parts lie inside of the file. Blocks.
ZipLayout ReadZipLayout(const RandomAccessFile& file);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_SCAN_ZIP_LAYOUT_H_
