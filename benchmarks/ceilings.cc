// What this machine can do: the rates that loads and writes are held against.
//
//   bazel run //benchmarks:ceilings -- [--file=PATH | --bytes=2GiB]
//       [--repetitions=5] [--threads=1,2] [--only=read_huge,memcpy] [--json]
//
// All rates are measured in turn, --repetitions times; the medians are shown.
// README.md says more.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "hoist/benchmarks/device_rates.h"
#include "hoist/benchmarks/host_rates.h"
#include "hoist/benchmarks/rate.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/benchmarks/temporary_file.h"
#include "hoist/benchmarks/working_directory.h"
#include "hoist/benchmarks/write_rates.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/ui/json_text.h"

namespace hoist {
namespace {

constexpr uint64_t kWrittenBytes = uint64_t{1} << 30;

struct Arguments {
  std::string file;
  uint64_t bytes = uint64_t{2} << 30;
  int repetitions = 5;
  std::vector<int> threads;
  std::vector<std::string> only;
  bool json = false;
};

struct Measured {
  Rate rate;
  std::vector<double> bytes_per_second;  // one of each repetition
  absl::Status problem;                  // why there are none
};

// 1, 2, 4, ... and the number of CPUs.
std::vector<int> UsualThreadCounts() {
  const int cpus =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<int> counts;
  for (int threads = 1; threads < cpus; threads *= 2) {
    counts.push_back(threads);
  }
  counts.push_back(cpus);
  return counts;
}

// A system without what a rate needs is no error of the program.
bool IsNotThere(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsInvalidArgument(status) ||
         absl::IsFailedPrecondition(status);
}

absl::Status Measure(std::vector<Measured>& all, int repetitions) {
  for (int i = 0; i < repetitions; ++i) {
    for (Measured& measured : all) {
      if (!measured.problem.ok()) {
        continue;
      }
      const absl::StatusOr<double> seconds = measured.rate.measure();
      if (seconds.ok()) {
        measured.bytes_per_second.push_back(
            static_cast<double>(measured.rate.bytes) / *seconds);
      } else if (IsNotThere(seconds.status())) {
        measured.problem = seconds.status();
      } else {
        return seconds.status();
      }
    }
  }
  return absl::OkStatus();
}

// The fastest setting of each name.
std::map<std::string, const Measured*> BestOf(
    const std::vector<Measured>& all) {
  std::map<std::string, const Measured*> best;
  for (const Measured& measured : all) {
    if (measured.bytes_per_second.empty()) {
      continue;
    }
    const Measured*& known = best[measured.rate.name];
    if (known == nullptr ||
        Median(known->bytes_per_second) < Median(measured.bytes_per_second)) {
      known = &measured;
    }
  }
  return best;
}

Json SettingJson(const Measured& measured) {
  Json json;
  json["threads"] = measured.rate.threads;
  if (measured.rate.block_bytes > 0) {
    json["block_bytes"] = measured.rate.block_bytes;
  }
  if (measured.problem.ok()) {
    json["bytes_per_second"] = Median(measured.bytes_per_second);
  } else {
    json["problem"] = std::string(measured.problem.message());
  }
  return json;
}

std::string ToJson(const std::vector<Measured>& all,
                   const RandomAccessFile& file,
                   const absl::Status& device_problem) {
  Json json;
  json["schema"] = "hoist.ceilings/1";
  json["cpus"] = std::thread::hardware_concurrency();
  json["file_bytes"] = file.size_bytes();
  json["ceilings"] = Json::object();
  for (const auto& [name, measured] : BestOf(all)) {
    json["ceilings"][name] = SettingJson(*measured);
  }
  json["rates"] = Json::array();
  for (const Measured& measured : all) {
    Json entry;
    entry["name"] = measured.rate.name;
    entry.update(SettingJson(measured));
    entry["runs"] = measured.bytes_per_second;
    json["rates"].push_back(std::move(entry));
  }
  if (!device_problem.ok()) {
    json["no_gpu"] = std::string(device_problem.message());
  }
  return JsonText(json);
}

std::string ToText(const std::vector<Measured>& all,
                   const absl::Status& device_problem) {
  const std::map<std::string, const Measured*> best = BestOf(all);
  std::string text =
      "                                          threads  block     GB/s  "
      "spread\n";
  for (const Measured& measured : all) {
    const Rate& rate = measured.rate;
    absl::StrAppendFormat(
        &text, "%-41s %7d  %5s", rate.description, rate.threads,
        rate.block_bytes == 0
            ? ""
            : absl::StrFormat("%d MiB", rate.block_bytes >> 20));
    if (!measured.problem.ok()) {
      absl::StrAppendFormat(&text, "  %s\n", measured.problem.message());
      continue;
    }
    const auto [low, high] = std::minmax_element(
        measured.bytes_per_second.begin(), measured.bytes_per_second.end());
    const double median = Median(measured.bytes_per_second);
    const auto fastest = best.find(rate.name);
    absl::StrAppendFormat(
        &text, "  %7.2f  %4.0f %%%s\n", median / 1e9,
        100 * (*high - *low) / median,
        fastest != best.end() && fastest->second == &measured ? "  best" : "");
  }
  if (!device_problem.ok()) {
    absl::StrAppendFormat(&text, "no GPU: %s\n", device_problem.message());
  }
  return text;
}

absl::Status Run(const Arguments& arguments) {
  std::unique_ptr<TemporaryFile> made;
  std::string path = arguments.file;
  if (path.empty()) {
    made = TemporaryFile::OfSize(arguments.bytes);
    path = made->path();
  }
  HOIST_ASSIGN_OR_RETURN(std::shared_ptr<const RandomAccessFile> file,
                         OpenFile(path));
  const std::vector<int> threads =
      arguments.threads.empty() ? UsualThreadCounts() : arguments.threads;
  std::vector<Rate> rates = HostRates(file, threads);
  // Beside the file: that is the disk which is asked for.
  const std::vector<Rate> write_rates = WriteRates(
      std::filesystem::absolute(path).parent_path(), kWrittenBytes, threads);
  rates.insert(rates.end(), write_rates.begin(), write_rates.end());
  absl::StatusOr<std::vector<Rate>> device_rates = DeviceRates(0);
  if (device_rates.ok()) {
    rates.insert(rates.end(), device_rates->begin(), device_rates->end());
  }
  std::vector<Measured> all;
  for (Rate& rate : rates) {
    if (arguments.only.empty() ||
        std::count(arguments.only.begin(), arguments.only.end(), rate.name)) {
      all.push_back({.rate = std::move(rate)});
    }
  }
  HOIST_RETURN_IF_ERROR(Measure(all, arguments.repetitions));
  std::cout << (arguments.json ? ToJson(all, *file, device_rates.status())
                               : ToText(all, device_rates.status()));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  EnterUsersWorkingDirectory();
  Arguments arguments;
  CLI::App app("Measures what this machine can do");
  CLI::Option* const file =
      app.add_option("--file", arguments.file,
                     "A file to read; without, one of --bytes is made");
  app.add_option("--bytes", arguments.bytes, "Such as 2GiB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->excludes(file);
  app.add_option("--repetitions", arguments.repetitions)
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", arguments.threads,
                 "Numbers of threads; without, 1, 2, 4, ... and all CPUs")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app.add_option("--only", arguments.only, "Names of rates")->delimiter(',');
  app.add_flag("--json", arguments.json, "Schema hoist.ceilings/1");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Run(arguments);
  if (!status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace hoist

int main(int argc, char** argv) { return hoist::Main(argc, argv); }
