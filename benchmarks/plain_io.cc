// Writes or reads a file once in the plainest way, as the ceiling of those who
// write and read checkpoints: what benchmarks/peers runs beside them.
//
//   plain_io write|read PATH [--cached] [--keep] [--threads=N]
//       [--block-bytes=N] [--bytes=N] [--ballast-bytes=N]
//
// `write` makes a file of --bytes, reserves its space, writes it from 64 MiB of
// memory, and syncs it: past the page cache by O_DIRECT, or with --cached
// through it. The file is removed. `read` reads a file into one block of memory
// for each thread, again and again: past the page cache, out of which it is put
// first, or with --cached from there; with --keep into fresh huge pages, where
// all of it is in the end. Prints JSON (schema hoist.plain_io/1).

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hoist/benchmarks/evict.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/working_directory.h"
#include "hoist/benchmarks/write_rates.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {
namespace {

struct Arguments {
  std::string verb;
  std::string path;
  bool is_cached = false;
  bool keep = false;
  int threads =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  uint64_t block_bytes = uint64_t{4} << 20;
  uint64_t bytes = uint64_t{2} << 30;
  uint64_t ballast_bytes = 0;
};

absl::Status SystemError(const char* what) {
  const int error_number = errno;
  return ErrnoStatus(error_number, what);
}

// Every block once, by any thread, into that thread's memory, or into its place
// in memory of all of it.
absl::Status ReadBlocks(int descriptor, uint64_t size_bytes,
                        uint64_t block_bytes, absl::Span<uint8_t> memory,
                        bool keep, ThreadPool* pool) {
  std::atomic<uint64_t> next = 0;
  const auto work = [&](int64_t thread) -> absl::Status {
    for (uint64_t at = next.fetch_add(block_bytes); at < size_bytes;
         at = next.fetch_add(block_bytes)) {
      uint8_t* const out =
          &memory[keep ? at : static_cast<uint64_t>(thread) * block_bytes];
      // A last block that is no whole page ends with the file.
      const auto wanted =
          static_cast<ssize_t>(std::min(block_bytes, size_bytes - at));
      if (pread(descriptor, out, block_bytes, static_cast<off_t>(at)) !=
          wanted) {
        return SystemError("Reading a block");
      }
    }
    return absl::OkStatus();
  };
  return pool == nullptr ? work(0)
                         : ParallelFor(*pool, pool->thread_count() + 1, work);
}

absl::Status ReadFile(const Arguments& arguments, absl::Span<uint8_t> memory,
                      ThreadPool* pool) {
  const int descriptor =
      open(arguments.path.c_str(),
           O_RDONLY | O_CLOEXEC | (arguments.is_cached ? 0 : O_DIRECT));
  if (descriptor < 0) {
    return SystemError("Opening the file");
  }
  const absl::Cleanup close_it = [descriptor] { close(descriptor); };
  return ReadBlocks(descriptor, std::filesystem::file_size(arguments.path),
                    arguments.block_bytes, memory, arguments.keep, pool);
}

absl::StatusOr<double> Read(const Arguments& arguments, ThreadPool* pool) {
  const uint64_t block = arguments.block_bytes;
  const uint64_t blocks =
      arguments.keep
          ? (std::filesystem::file_size(arguments.path) + block - 1) / block
          : static_cast<uint64_t>(arguments.threads);
  HOIST_RETURN_IF_ERROR(arguments.is_cached
                            ? WarmPageCache(arguments.path)
                            : EvictFromPageCache(arguments.path));
  if (arguments.ballast_bytes > 0) {
    HOIST_RETURN_IF_ERROR(TouchAndFreeBallast(arguments.ballast_bytes, pool));
  }
  if (arguments.keep) {
    return SecondsOf([&]() -> absl::StatusOr<FreshMemory> {
      HOIST_ASSIGN_OR_RETURN(FreshMemory memory,
                             FreshMemory::Map(blocks * block, Pages::kHuge));
      HOIST_RETURN_IF_ERROR(ReadFile(arguments, memory.bytes(), pool));
      return memory;
    });
  }
  HOIST_ASSIGN_OR_RETURN(const FreshMemory memory,
                         FreshMemory::Map(blocks * block, Pages::kHuge));
  HOIST_RETURN_IF_ERROR(Touch(memory.bytes(), nullptr));
  return SecondsOf([&] { return ReadFile(arguments, memory.bytes(), pool); });
}

absl::StatusOr<double> Write(const Arguments& arguments, ThreadPool* pool) {
  if (arguments.ballast_bytes > 0) {
    HOIST_RETURN_IF_ERROR(TouchAndFreeBallast(arguments.ballast_bytes, pool));
  }
  return PlainWrite(arguments.path, arguments.bytes, arguments.block_bytes,
                    !arguments.is_cached, pool);
}

absl::StatusOr<Json> Run(const Arguments& arguments) {
  const std::unique_ptr<ThreadPool> pool =
      arguments.threads > 1
          ? std::make_unique<ThreadPool>(arguments.threads - 1)
          : nullptr;
  const bool is_write = arguments.verb == "write";
  HOIST_ASSIGN_OR_RETURN(
      const double seconds,
      is_write ? Write(arguments, pool.get()) : Read(arguments, pool.get()));
  Json json;
  json["schema"] = "hoist.plain_io/1";
  json["seconds"] = seconds;
  json["bytes"] =
      is_write ? arguments.bytes : std::filesystem::file_size(arguments.path);
  return json;
}

int Main(int argc, char** argv) {
  EnterUsersWorkingDirectory();
  Arguments arguments;
  CLI::App app("Writes or reads a file once in the plainest way");
  app.add_option("verb", arguments.verb)
      ->required()
      ->check(CLI::IsMember({"write", "read"}));
  app.add_option("path", arguments.path)->required();
  app.add_flag("--cached", arguments.is_cached, "Through the page cache");
  app.add_flag("--keep", arguments.keep, "Keep what is read");
  app.add_option("--threads", arguments.threads)->check(CLI::Range(1, 1024));
  app.add_option("--block-bytes", arguments.block_bytes,
                 "What a call reads or writes; a multiple of 4096")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->check(CLI::PositiveNumber);
  app.add_option("--bytes", arguments.bytes, "What is written; such as 2GiB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->check(CLI::PositiveNumber);
  app.add_option("--ballast-bytes", arguments.ballast_bytes,
                 "Memory to touch and free right before the clock");
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<Json> json = Run(arguments);
  if (!json.ok()) {
    std::cerr << json.status() << "\n";
    return 1;
  }
  std::cout << JsonText(*json);
  return 0;
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
