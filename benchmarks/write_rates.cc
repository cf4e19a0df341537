#include "hoist/benchmarks/write_rates.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "hoist/benchmarks/chunks.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/core/io/file_system.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/thread_pool.h"

namespace hoist {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// All is written from this much memory, which is not a part of what is
// measured.
constexpr uint64_t kSourceBytes = 64 * kMiB;

absl::Status SystemError(const char* what) {
  const int error_number = errno;
  return ErrnoStatus(error_number, what);
}

// Touched memory to write from.
absl::StatusOr<FreshMemory> MakeSource() {
  HOIST_ASSIGN_OR_RETURN(FreshMemory memory,
                         FreshMemory::Map(kSourceBytes, Pages::kHuge));
  // Nothing that a disk could leave out, as it might zeros.
  uint64_t state = 1;
  for (uint64_t i = 0; i < kSourceBytes; i += sizeof(state)) {
    state = state * 6364136223846793005 + 1442695040888963407;
    std::memcpy(&memory.bytes()[i], &state, sizeof(state));
  }
  return memory;
}

// By system calls alone, so that it owes nothing to what is held against it.
absl::StatusOr<double> WriteFrom(absl::Span<const uint8_t> source,
                                 const std::string& path, uint64_t size_bytes,
                                 uint64_t block_bytes, bool is_direct,
                                 ThreadPool* pool) {
  sync();
  const absl::Cleanup remove = [&path] { unlink(path.c_str()); };
  return SecondsOf([&]() -> absl::Status {
    const int descriptor = open(
        path.c_str(),
        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (is_direct ? O_DIRECT : 0),
        0600);
    if (descriptor < 0) {
      return SystemError("Creating a file to write");
    }
    const absl::Cleanup close_it = [descriptor] { close(descriptor); };
    if (fallocate(descriptor, 0, 0, static_cast<off_t>(size_bytes)) != 0) {
      return SystemError("Reserving space");
    }
    HOIST_RETURN_IF_ERROR(ForEachChunk(
        pool, size_bytes, block_bytes, [&](uint64_t offset, uint64_t size) {
          return pwrite(descriptor, &source[offset % kSourceBytes], size,
                        static_cast<off_t>(offset)) ==
                         static_cast<ssize_t>(size)
                     ? absl::OkStatus()
                     : SystemError("Writing");
        }));
    return fsync(descriptor) == 0 ? absl::OkStatus() : SystemError("fsync");
  });
}

class Bench {
 public:
  Bench(const std::string& directory, uint64_t size_bytes)
      : path_(absl::StrCat(directory, "/hoist_benchmark_write_", getpid())),
        size_bytes_(size_bytes) {}

  absl::StatusOr<double> Write(int threads, uint64_t block_bytes,
                               bool is_direct) {
    HOIST_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> source, Source());
    return WriteFrom(source, path_, size_bytes_, block_bytes, is_direct,
                     pool(threads));
  }

  absl::StatusOr<double> WriteFile(int threads, uint64_t block_bytes) {
    HOIST_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> source, Source());
    const absl::Cleanup remove = [this] { unlink(path_.c_str()); };
    return SecondsOf([&]() -> absl::Status {
      HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                             files_->CreateFile(path_, size_bytes_, 0600));
      HOIST_RETURN_IF_ERROR(ForEachChunk(
          pool(threads), size_bytes_, block_bytes,
          [&](uint64_t offset, uint64_t size) {
            return file->WriteAt(offset,
                                 source.subspan(offset % kSourceBytes, size));
          }));
      return file->Sync();
    });
  }

 private:
  // Null for one thread, which is the caller's.
  ThreadPool* pool(int threads) {
    if (threads == 1) {
      return nullptr;
    }
    std::unique_ptr<ThreadPool>& pool = pools_[threads];
    if (pool == nullptr) {
      pool = std::make_unique<ThreadPool>(threads - 1);
    }
    return pool.get();
  }

  // Ready to be written, with nothing left of what was written before.
  absl::StatusOr<absl::Span<const uint8_t>> Source() {
    if (source_ == nullptr) {
      HOIST_ASSIGN_OR_RETURN(FreshMemory memory, MakeSource());
      source_ = std::make_unique<FreshMemory>(std::move(memory));
    }
    sync();
    return source_->bytes();
  }

  const std::string path_;
  const uint64_t size_bytes_;
  const std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
  std::map<int, std::unique_ptr<ThreadPool>> pools_;
  std::unique_ptr<FreshMemory> source_;
};

}  // namespace

absl::StatusOr<double> PlainWrite(const std::string& path, uint64_t size_bytes,
                                  uint64_t block_bytes, bool is_direct,
                                  ThreadPool* pool) {
  HOIST_ASSIGN_OR_RETURN(const FreshMemory source, MakeSource());
  return WriteFrom(source.bytes(), path, size_bytes, block_bytes, is_direct,
                   pool);
}

std::vector<Rate> WriteRates(const std::string& directory, uint64_t size_bytes,
                             const std::vector<int>& thread_counts) {
  const auto bench = std::make_shared<Bench>(directory, size_bytes);
  std::vector<Rate> rates;
  const auto add = [&](const char* name, const char* description, int threads,
                       uint64_t block_bytes, auto measure) {
    rates.push_back({.name = name,
                     .description = description,
                     .threads = threads,
                     .block_bytes = block_bytes,
                     .bytes = size_bytes,
                     .measure = [bench, threads, block_bytes, measure] {
                       return measure(*bench, threads, block_bytes);
                     }});
  };
  // What keeps a device busy is a matter of its own, not of the CPUs.
  for (const int threads : {1, 2, 4}) {
    for (const uint64_t block_bytes : {kMiB, 4 * kMiB, 8 * kMiB}) {
      add("write_direct", "memory to the device, O_DIRECT", threads,
          block_bytes, [](Bench& b, int threads, uint64_t block_bytes) {
            return b.Write(threads, block_bytes, /*is_direct=*/true);
          });
    }
  }
  for (const int threads : thread_counts) {
    add("write_buffered", "memory through the page cache", threads, 4 * kMiB,
        [](Bench& b, int threads, uint64_t block_bytes) {
          return b.Write(threads, block_bytes, /*is_direct=*/false);
        });
    add("write_file", "memory by OutputFile", threads, 4 * kMiB,
        [](Bench& b, int threads, uint64_t block_bytes) {
          return b.WriteFile(threads, block_bytes);
        });
  }
  return rates;
}

}  // namespace hoist
