#include "hoist/checkpoint/load/file_facts.h"

#include <string>

#include "hoist/core/system/file_system_type.h"
#include "hoist/core/system/page_cache.h"

namespace hoist {

FileFacts FactsOf(const RandomAccessFile& file, uint64_t read_bytes) {
  FileFacts facts = {.is_file = file.descriptor() >= 0,
                     .read_bytes = read_bytes};
  if (!facts.is_file) {
    return facts;
  }
  if (const auto type = FileSystemTypeOf(file.descriptor()); type.ok()) {
    facts.file_system = std::string(type->name);
    facts.is_memory = type->is_memory;
    facts.is_network = type->is_network;
    facts.supports_direct = type->supports_direct;
  }
  if (const auto resident =
          ResidentFraction(file.descriptor(), 0, file.size_bytes());
      resident.ok()) {
    facts.resident = *resident;
  }
  return facts;
}

}  // namespace hoist
