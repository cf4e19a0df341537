// Writes the golden files, which is done once for each: write_sample DIRECTORY

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/native/native_writer.h"
#include "hoist/checkpoint/formats/native/sample_checkpoint.h"
#include "hoist/core/io/file_system.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "write_sample DIRECTORY\n");
    return 2;
  }
  const auto file_system = hoist::NewPosixFileSystem();
  struct Case {
    const char* name;
    hoist::WriteOptions options;
  };
  const Case cases[] = {
      {"version_1.hoist", {.native_version = 1}},
      {"version_2_raw.hoist", {}},
      {"version_2_encoded.hoist", {.compress = true}},
      {"version_1_directory", {.max_shard_bytes = 40'000, .native_version = 1}},
      {"version_2_directory", {.max_shard_bytes = 40'000, .compress = true}}};
  const hoist::SampleCheckpoint sample = hoist::MakeSampleCheckpoint(20'000);
  for (const Case& c : cases) {
    const auto report = hoist::WriteNative(
        sample.catalog, sample.files, *file_system,
        absl::StrCat(argv[1], "/", c.name), c.options, hoist::kMinChunkBytes);
    if (!report.ok()) {
      std::fprintf(stderr, "%s: %s\n", c.name,
                   report.status().ToString().c_str());
      return 1;
    }
  }
  return 0;
}
