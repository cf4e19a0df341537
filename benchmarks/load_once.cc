// Loads a checkpoint once, with Hoist, and says how that went: what
// benchmarks/peers runs beside the loaders of others, on the same terms.
//
//   load_once [--state=warm|cold] [--ballast-bytes=N] [--no-verify]
//       [--io=auto|pread|mmap|direct] [--threads=N] [--device=cpu] PATH
//
// The clock runs from before the file is opened until every byte is in its
// place. Prints JSON (schema hoist.load_once/1).

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hoist/benchmarks/evict.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/process_usage.h"
#include "hoist/benchmarks/working_directory.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/read_method.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/device.h"
#include "hoist/core/tensor/tensor.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/tools/commands/huge_page_heap.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {
namespace {

struct Arguments {
  std::string path;
  std::string state;  // "" is as it is
  std::string device = "cpu";
  std::string io = "auto";
  uint64_t ballast_bytes = 0;
  int threads =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  bool verify = true;
};

// Null for "auto".
std::optional<ReadMethod> ParseReadMethod(const std::string& name) {
  for (const ReadMethod method :
       {ReadMethod::kPread, ReadMethod::kMmap, ReadMethod::kDirect}) {
    if (name == ReadMethodName(method)) {
      return method;
    }
  }
  return std::nullopt;
}

// The sum of the CRC-32 of each tensor's elements, modulo 2^64, which any
// loader's tensors have if they are right.
uint64_t DigestOf(const StateDict& tensors) {
  uint64_t sum = 0;
  for (const StateDict::Item& item : tensors) {
    uint32_t crc = 0;
    ForEachContiguousRun(item.tensor, [&crc](absl::Span<const uint8_t> bytes) {
      crc = Crc32(bytes, crc);
    });
    sum += crc;
  }
  return sum;
}

absl::StatusOr<Json> Run(const Arguments& arguments) {
  HOIST_ASSIGN_OR_RETURN(const Device device, ParseDevice(arguments.device));
  const std::unique_ptr<ThreadPool> pool =
      arguments.threads > 1
          ? std::make_unique<ThreadPool>(arguments.threads - 1)
          : nullptr;
  if (arguments.state == "warm") {
    HOIST_RETURN_IF_ERROR(WarmPageCache(arguments.path));
  } else if (arguments.state == "cold") {
    HOIST_RETURN_IF_ERROR(EvictFromPageCache(arguments.path));
  }
  if (arguments.ballast_bytes > 0) {
    HOIST_RETURN_IF_ERROR(
        TouchAndFreeBallast(arguments.ballast_bytes, pool.get()));
  }
  ResetPeakResidentBytes();
  HOIST_ASSIGN_OR_RETURN(const ProcessUsage before, GetProcessUsage());
  const auto start = std::chrono::steady_clock::now();
  HOIST_ASSIGN_OR_RETURN(
      const Checkpoint checkpoint,
      Checkpoint::Open(arguments.path, {.pool = pool.get()}));
  HOIST_ASSIGN_OR_RETURN(
      const LoadResult loaded,
      Load(checkpoint, {.device = device,
                        .pool = pool.get(),
                        .verify_checksums = arguments.verify,
                        .read_method = ParseReadMethod(arguments.io)}));
  const std::chrono::duration<double> time =
      std::chrono::steady_clock::now() - start;
  HOIST_ASSIGN_OR_RETURN(const ProcessUsage after, GetProcessUsage());

  const LoadReport& report = loaded.report;
  const int64_t grown = static_cast<int64_t>(after.peak_resident_bytes) -
                        static_cast<int64_t>(before.resident_bytes);
  Json json;
  json["schema"] = "hoist.load_once/1";
  json["seconds"] = time.count();
  json["bytes"] = report.bytes;
  json["tensors"] = report.tensor_count;
  json["peak_beyond_tensors_bytes"] =
      grown - (device.is_cpu() ? static_cast<int64_t>(report.bytes) : 0);
  json["minor_faults"] = after.minor_faults - before.minor_faults;
  json["major_faults"] = after.major_faults - before.major_faults;
  json["verified"] = std::string(VerifiedName(report.verified));
  if (device.is_cpu()) {
    json["digest"] = DigestOf(loaded.tensors);
  }
  json["phases"] = Json::object();
  for (const LoadReport::Phase& phase : report.phases) {
    json["phases"][phase.name] = static_cast<double>(phase.time_ns) / 1e9;
  }
  if (!report.io.empty()) {
    json["io"] = report.io[0].method;
    json["io_reason"] = report.io[0].reason;
  }
  return json;
}

int Main(int argc, char** argv) {
  EnterUsersWorkingDirectory();
  Arguments arguments;
  CLI::App app("Loads a checkpoint once, and says how that went");
  app.add_option("path", arguments.path)->required();
  app.add_option("--state", arguments.state,
                 "Puts the file into the page cache first, or out of it")
      ->check(CLI::IsMember({"warm", "cold"}));
  app.add_option("--ballast-bytes", arguments.ballast_bytes,
                 "Memory to touch and free right before the clock");
  app.add_option("--device", arguments.device);
  app.add_option("--threads", arguments.threads)->check(CLI::Range(1, 1024));
  app.add_option("--io", arguments.io, "How to read")
      ->check(CLI::IsMember({"auto", "pread", "mmap", "direct"}));
  app.add_flag("--verify,!--no-verify", arguments.verify);
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

int main(int argc, char** argv) {
  // As the program `hoist` does.
  hoist::UseHugePagesForHeap(size_t{64} << 20);
  return hoist::Main(argc, argv);
}
