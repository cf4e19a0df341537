#include "hoist/checkpoint/compat/torch_use.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/scan/byte_window.h"
#include "hoist/checkpoint/scan/pickle_globals.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Python 2's names, under which protocol 2 writes them.
std::string Python3Module(const std::string& module) {
  if (module == "__builtin__") {
    return "builtins";
  }
  return module == "copy_reg" ? "copyreg" : module;
}

// The end of the pickle.
uint64_t AddPickle(ByteWindow& window, uint64_t start, TorchUse& use) {
  const absl::Span<const uint8_t> head = window.At(start, 2);
  constexpr uint8_t kProtocolOpcode = 0x80;
  const int protocol =
      head.size() == 2 && head[0] == kProtocolOpcode ? head[1] : 0;
  use.pickle_protocol = std::max(use.pickle_protocol.value_or(0), protocol);
  const PickleWalk walk = WalkPickle(window, start, {.stops_at_damage = true});
  for (const PickleGlobal& global : walk.globals) {
    use.globals.emplace_back(Python3Module(global.module), global.name);
  }
  return walk.end;
}

}  // namespace

absl::StatusOr<TorchUse> TorchUseOf(const Checkpoint& checkpoint) {
  const Catalog& catalog = checkpoint.catalog();
  TorchUse use;
  use.format = catalog.format;
  use.container_version = catalog.format_version;
  for (const TensorEntry& tensor : catalog.tensors) {
    if (use.dtypes.empty() || use.dtypes.back() != tensor.spec.dtype) {
      use.dtypes.push_back(tensor.spec.dtype);
    }
  }
  std::sort(use.dtypes.begin(), use.dtypes.end());
  use.dtypes.erase(std::unique(use.dtypes.begin(), use.dtypes.end()),
                   use.dtypes.end());
  for (size_t i = 0; i < checkpoint.files().size(); ++i) {
    const auto& file = checkpoint.files()[i];
    if (file == nullptr || catalog.files[i].content != nullptr) {
      continue;
    }
    ByteWindow window(*file);
    if (catalog.format == Format::kTorchZip ||
        catalog.format == Format::kTorchIndex) {
      HOIST_ASSIGN_OR_RETURN(const TorchArchive archive,
                             TorchArchive::Open(*file, std::nullopt));
      const ZipMember* const pickle = archive.Find("data.pkl");
      if (pickle != nullptr && pickle->is_stored()) {
        HOIST_ASSIGN_OR_RETURN(const uint64_t start,
                               ZipDataOffset(*file, *pickle));
        AddPickle(window, start, use);
      }
    } else if (catalog.format == Format::kTorchLegacy) {
      // A magic number, a version, what machine it was, the object: each a
      // pickle. (pytorch-formats.md 5.1)
      constexpr int kPickles = 4;
      uint64_t start = 0;
      for (int k = 0; k < kPickles && start < file->size_bytes(); ++k) {
        const uint64_t end = AddPickle(window, start, use);
        if (end <= start) {
          break;
        }
        start = end;
      }
    } else if (catalog.format == Format::kPickle) {
      AddPickle(window, 0, use);
    }
    HOIST_RETURN_IF_ERROR(window.status());
  }
  return use;
}

}  // namespace hoist
