#ifndef HOIST_CHECKPOINT_ZIP_ZIP_BUILDER_H_
#define HOIST_CHECKPOINT_ZIP_ZIP_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoist {

// Makes zip archives for tests, laid out as torch.save does
// (pytorch-formats.md 2.5), or wrong in ways that tests want.
class ZipBuilder {
 public:
  struct Options {
    bool zip64 = true;              // as torch always has it
    bool zip64_in_entries = false;  // sizes and offsets of members moved too
    std::string comment;
  };
  struct MemberOptions {
    std::optional<uint32_t> crc32;  // in place of the right one
    uint16_t method = 0;
    uint16_t flags = 0x0808;
    std::optional<std::string> local_name;
    std::optional<uint32_t> header_offset;
    std::optional<uint32_t> stored_bytes;
    // What is stored, where it is not the content itself (deflated).
    std::optional<std::string> stored;
  };

  explicit ZipBuilder(Options options) : options_(std::move(options)) {}
  ZipBuilder() : ZipBuilder(Options()) {}

  void Add(absl::string_view name, absl::string_view content,
           const MemberOptions& member);
  void Add(absl::string_view name, absl::string_view content) {
    Add(name, content, MemberOptions());
  }
  // Where the content added last begins.
  uint64_t last_offset() const { return last_offset_; }

  std::string Finish();

 private:
  Options options_;
  std::string bytes_;
  std::string directory_;
  uint64_t count_ = 0;
  uint64_t last_offset_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_ZIP_ZIP_BUILDER_H_
