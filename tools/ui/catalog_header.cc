#include "hoist/tools/ui/catalog_header.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

constexpr size_t kMaxTextWidth = 60;

std::string FormatTitle(Format format) {
  switch (format) {
    case Format::kTorchZip:
      return "PyTorch zip archive";
    case Format::kTorchLegacy:
      return "PyTorch legacy file";
    case Format::kTorchTar:
      return "PyTorch tar file";
    case Format::kTorchScript:
      return "TorchScript archive";
    case Format::kTorchPt2:
      return "PyTorch export archive (PT2)";
    case Format::kPickle:
      return "Pickle";
    case Format::kSafetensors:
      return "safetensors";
    case Format::kSafetensorsIndex:
      return "safetensors in several files";
    case Format::kTorchIndex:
      return "PyTorch zip archives, several files";
    case Format::kDcp:
      return "PyTorch distributed checkpoint (DCP)";
    case Format::kHoist:
      return "Hoist checkpoint";
  }
  return "";
}

}  // namespace

std::string CatalogHeader(const Catalog& catalog, absl::string_view path,
                          const Terminal& terminal) {
  uint64_t size = 0;
  int64_t files = 0;
  for (const FileEntry& file : catalog.files) {
    if (file.content == nullptr) {
      size += file.size_bytes;
      ++files;
    }
  }
  std::string text = absl::StrCat(
      Styled(DisplayText(path), TextStyle::kBold, terminal.has_color), "  ",
      HumanBytes(size));
  if (files > 1) {
    absl::StrAppend(&text, " in ", CountText(files, "file"));
  }
  std::vector<std::string> facts = {FormatTitle(catalog.format)};
  if (!catalog.format_version.empty()) {
    facts.push_back(absl::StrCat(
        "version ", DisplayText(catalog.format_version, kMaxTextWidth)));
  }
  if (!catalog.producer.empty()) {
    facts.push_back(absl::StrCat("written by ",
                                 DisplayText(catalog.producer, kMaxTextWidth)));
  }
  for (const auto& [key, value] : catalog.metadata) {
    if (catalog.format == Format::kTorchZip && key == "byteorder" &&
        value == "big") {
      facts.push_back("big-endian");
    }
  }
  absl::StrAppend(&text, "\n", absl::StrJoin(facts, ", "), "\n");
  return text;
}

}  // namespace hoist
