#include "hoist/benchmarks/fresh_memory.h"

#include <errno.h>
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/chunks.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kAlignment = FreshMemory::kAlignmentBytes;

}  // namespace

absl::StatusOr<FreshMemory> FreshMemory::Map(size_t size_bytes, Pages pages) {
  const size_t mapped =
      (size_bytes + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  void* const mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    return ErrnoStatus(errno, absl::StrCat("Mapping ", mapped, " bytes"));
  }
  // A wish: systems without huge pages answer EINVAL, and have small ones.
  madvise(mapping, mapped,
          pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  auto* const begin = static_cast<uint8_t*>(mapping);
  const size_t before =
      (kAlignment - reinterpret_cast<uintptr_t>(begin) % kAlignment) %
      kAlignment;
  return FreshMemory({begin, mapped}, {begin + before, size_bytes});
}

FreshMemory::~FreshMemory() {
  if (!mapping_.empty()) {
    munmap(mapping_.data(), mapping_.size());
  }
}

absl::Status Touch(absl::Span<uint8_t> bytes, ThreadPool* pool) {
  return ForEachChunk(
      pool, bytes.size(), kAlignment, [&bytes](uint64_t offset, uint64_t size) {
        constexpr uint64_t kPageBytes = 4096;
        for (uint64_t i = offset; i < offset + size; i += kPageBytes) {
          *const_cast<volatile uint8_t*>(&bytes[i]) = 1;
        }
        return absl::OkStatus();
      });
}

absl::Status TouchAndFreeBallast(size_t size_bytes, ThreadPool* pool) {
  HOIST_ASSIGN_OR_RETURN(const FreshMemory ballast,
                         FreshMemory::Map(size_bytes, Pages::kHuge));
  return Touch(ballast.bytes(), pool);
}

}  // namespace hoist
