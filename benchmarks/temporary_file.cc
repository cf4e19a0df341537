#include "hoist/benchmarks/temporary_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/core/base/check.h"

namespace hoist {

TemporaryFile::TemporaryFile() {
  const char* const folder = std::getenv("TMPDIR");
  path_ = absl::StrCat(folder != nullptr ? folder : "/tmp",
                       "/hoist_benchmark_XXXXXX");
  const int descriptor = mkstemp(path_.data());
  HOIST_CHECK(descriptor >= 0);
  close(descriptor);
}

TemporaryFile::TemporaryFile(const std::string& content) : TemporaryFile() {
  std::ofstream out(path_, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  HOIST_CHECK(out.good());
}

std::unique_ptr<TemporaryFile> TemporaryFile::OfSize(uint64_t size_bytes) {
  std::unique_ptr<TemporaryFile> file(new TemporaryFile);
  constexpr uint64_t kChunkBytes = uint64_t{1} << 20;
  std::vector<uint32_t> chunk(kChunkBytes / sizeof(uint32_t));
  std::ofstream out(file->path_, std::ios::binary);
  uint32_t seed = 1;
  for (uint64_t left = size_bytes; left > 0;) {
    for (uint32_t& word : chunk) {
      seed = seed * 1664525 + 1013904223;
      word = seed;
    }
    const uint64_t size = std::min(left, kChunkBytes);
    out.write(reinterpret_cast<const char*>(chunk.data()),
              static_cast<std::streamsize>(size));
    left -= size;
  }
  out.close();
  HOIST_CHECK(out.good());
  return file;
}

TemporaryFile::~TemporaryFile() { unlink(path_.c_str()); }

}  // namespace hoist
