// Writes one checkpoint from tensors in memory, with Hoist, and says how that
// went: what benchmarks/peers runs beside the writers of others, on the same
// terms.
//
//   write_once PATH --format=native|torch|safetensors [--compress]
//       [--bytes=2GiB] [--ballast-bytes=N] [--threads=N] [--keep]
//
// The tensors are bfloat16 matrices of 32 MiB, normally distributed. The clock
// runs from the catalog of the tensors until the checkpoint is at its path and
// the directory on the disk. Then all of it is read again and compared, with
// the clock stopped, and removed. Prints JSON (schema hoist.write_once/1).

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/process_usage.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/working_directory.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/checkpoint/write/catalog_of_tensors.h"
#include "hoist/checkpoint/write/write_checkpoint.h"
#include "hoist/core/io/posix_file_system.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/tensor/tensor.h"
#include "hoist/core/thread/thread_pool.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {
namespace {

constexpr int64_t kSide = 4096;  // of a matrix
constexpr uint64_t kMatrixBytes = 2 * kSide * kSide;

struct Arguments {
  std::string path;
  std::string format;
  bool compress = false;
  bool keep = false;
  uint64_t bytes = uint64_t{2} << 30;
  uint64_t ballast_bytes = 0;
  int threads = DefaultWriteThreadCount();
};

OutputFormat FormatOf(const std::string& name) {
  return name == "native"  ? OutputFormat::kNative
         : name == "torch" ? OutputFormat::kTorchZip
                           : OutputFormat::kSafetensors;
}

absl::StatusOr<std::vector<uint8_t>> NormalWeights() {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal(0, 0.02F);
  std::vector<uint8_t> floats(2 * kMatrixBytes);
  for (uint64_t i = 0; i < floats.size(); i += sizeof(float)) {
    const float number = normal(random);
    std::memcpy(&floats[i], &number, sizeof(number));
  }
  std::vector<uint8_t> weights(kMatrixBytes);
  HOIST_RETURN_IF_ERROR(
      Cast(DType::kFloat32, floats, DType::kBfloat16, absl::MakeSpan(weights)));
  return weights;
}

// Matrices of the same numbers, each turned by another odd number of them, so
// that no two pages are the same.
absl::StatusOr<StateDict> MakeTensors(uint64_t size_bytes) {
  HOIST_ASSIGN_OR_RETURN(std::vector<uint8_t> weights, NormalWeights());
  StateDict tensors;
  const uint64_t count = std::max<uint64_t>(1, size_bytes / kMatrixBytes);
  for (uint64_t i = 0; i < count; ++i) {
    HOIST_ASSIGN_OR_RETURN(std::shared_ptr<Buffer> buffer,
                           Buffer::Allocate(kMatrixBytes));
    std::ranges::copy(weights, buffer->host_bytes().begin());
    HOIST_ASSIGN_OR_RETURN(
        Tensor tensor,
        Tensor::Create({DType::kBfloat16, {kSide, kSide}, {kSide, 1}},
                       std::move(buffer), 0));
    tensors.Add(absl::StrCat("layers.", i, ".weight"), std::move(tensor));
    std::ranges::rotate(weights, weights.begin() + 2 * 1009);
  }
  return tensors;
}

double CpuSeconds() {
  rusage used = {};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

absl::Status CompareWithWritten(const TensorCatalog& source,
                                const std::string& path, ThreadPool* pool) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint written,
                         Checkpoint::Open(path, {.pool = pool}));
  return CompareTensors({source.catalog, source.files},
                        {written.catalog(), written.files()}, pool);
}

absl::StatusOr<Json> Run(const Arguments& arguments) {
  const std::unique_ptr<ThreadPool> pool =
      arguments.threads > 1
          ? std::make_unique<ThreadPool>(arguments.threads - 1)
          : nullptr;
  HOIST_ASSIGN_OR_RETURN(const StateDict tensors, MakeTensors(arguments.bytes));
  const std::unique_ptr<FileSystem> file_system = NewPosixFileSystem();
  // What was written and removed before is no more to be done.
  sync();
  if (arguments.ballast_bytes > 0) {
    HOIST_RETURN_IF_ERROR(
        TouchAndFreeBallast(arguments.ballast_bytes, pool.get()));
  }
  ResetPeakResidentBytes();
  HOIST_ASSIGN_OR_RETURN(const ProcessUsage before, GetProcessUsage());
  const double cpu_before = CpuSeconds();
  TensorCatalog source;
  WriteReport report;
  HOIST_ASSIGN_OR_RETURN(
      const double seconds, SecondsOf([&]() -> absl::Status {
        HOIST_ASSIGN_OR_RETURN(source, CatalogOfTensors(tensors));
        HOIST_ASSIGN_OR_RETURN(
            report, WriteCheckpoint(source.catalog, source.files, *file_system,
                                    arguments.path,
                                    {.format = FormatOf(arguments.format),
                                     .compress = arguments.compress,
                                     .pool = pool.get()}));
        return absl::OkStatus();
      }));
  const double cpu_after = CpuSeconds();
  HOIST_ASSIGN_OR_RETURN(const ProcessUsage after, GetProcessUsage());
  HOIST_RETURN_IF_ERROR(CompareWithWritten(source, arguments.path, pool.get()));
  if (!arguments.keep) {
    std::filesystem::remove(arguments.path);
  }
  Json json;
  json["schema"] = "hoist.write_once/1";
  json["seconds"] = seconds;
  json["bytes"] = report.tensor_bytes;
  json["file_bytes"] = report.file_bytes;
  json["cpu_seconds"] = cpu_after - cpu_before;
  json["peak_beyond_tensors_bytes"] =
      static_cast<int64_t>(after.peak_resident_bytes) -
      static_cast<int64_t>(before.resident_bytes);
  json["minor_faults"] = after.minor_faults - before.minor_faults;
  json["major_faults"] = after.major_faults - before.major_faults;
  return json;
}

int Main(int argc, char** argv) {
  EnterUsersWorkingDirectory();
  Arguments arguments;
  CLI::App app("Writes a checkpoint once, and says how that went");
  app.add_option("path", arguments.path, "Where nothing is")->required();
  app.add_option("--format", arguments.format)
      ->required()
      ->check(CLI::IsMember({"native", "torch", "safetensors"}));
  app.add_flag("--compress", arguments.compress);
  app.add_flag("--keep", arguments.keep, "Leave the checkpoint there");
  app.add_option("--bytes", arguments.bytes, "Of tensors; such as 2GiB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true));
  app.add_option("--ballast-bytes", arguments.ballast_bytes,
                 "Memory to touch and free right before the clock");
  app.add_option("--threads", arguments.threads,
                 "As many as hoist convert has, unless given")
      ->check(CLI::Range(1, 1024));
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
