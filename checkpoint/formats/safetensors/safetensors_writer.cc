#include "hoist/checkpoint/formats/safetensors/safetensors_writer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/user_metadata.h"
#include "hoist/checkpoint/formats/safetensors/flat_tensors.h"
#include "hoist/checkpoint/formats/safetensors/plain_values.h"
#include "hoist/checkpoint/formats/safetensors/shard_layout.h"
#include "hoist/checkpoint/write/execute_write.h"
#include "hoist/checkpoint/write/name_list.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/checkpoint/write/write_plan.h"
#include "hoist/core/io/atomic_directory.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Sets the value of `key`, which may be there.
void Set(TextPairs& pairs, const std::string& key, const std::string& value) {
  const auto known = std::ranges::find_if(
      pairs, [&key](const auto& pair) { return pair.first == key; });
  if (known == pairs.end()) {
    pairs.emplace_back(key, value);
  } else {
    known->second = value;
  }
}

void SetIfAbsent(TextPairs& pairs, const std::string& key,
                 const std::string& value) {
  if (std::ranges::none_of(
          pairs, [&key](const auto& pair) { return pair.first == key; })) {
    pairs.emplace_back(key, value);
  }
}

TextPairs MetadataOf(const Catalog& catalog, const WriteOptions& options,
                     std::vector<std::string>& warnings) {
  TextPairs metadata = UserMetadata(catalog);
  for (const auto& [key, value] : options.metadata) {
    Set(metadata, key, value);
  }
  const PlainValues values = FindPlainValues(catalog);
  NameList kept, left_out;
  for (const auto& [key, value] : values.texts) {
    kept.Add(key);
    SetIfAbsent(metadata, key, value);
  }
  for (const std::string& name : values.others) {
    left_out.Add(name);
  }
  if (kept.count() > 0) {
    warnings.push_back(absl::StrCat(
        "Values that are no tensors are text in the metadata: ", kept.text()));
  }
  if (left_out.count() > 0) {
    warnings.push_back(absl::StrCat("Values that are no tensors are left out: ",
                                    left_out.text()));
  }
  SetIfAbsent(metadata, "format", "pt");
  return metadata;
}

WritePlan PlanOf(const FlatTensors& tensors,
                 const std::vector<SafetensorsShard>& shards) {
  std::vector<StoragePlacement> placements;
  for (size_t file = 0; file < shards.size(); ++file) {
    for (const SafetensorsShard::Place& place : shards[file].places) {
      const TensorEntry& tensor = tensors.catalog.tensors[place.tensor];
      if (place.size_bytes > 0) {
        placements.push_back(
            {.storage = *tensor.storage,
             .begin_bytes =
                 static_cast<uint64_t>(tensor.storage_offset) *
                 static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8,
             .size_bytes = place.size_bytes,
             .file = static_cast<int>(file),
             .file_offset = place.file_offset});
      }
    }
  }
  return MakeWritePlan(tensors.catalog, std::move(placements));
}

// Brings headers and tensors into the files of the shards.
absl::Status WriteShards(const FlatTensors& tensors,
                         const std::vector<SafetensorsShard>& shards,
                         absl::Span<OutputFile* const> files,
                         const WriteOptions& options) {
  const WritePlan plan = PlanOf(tensors, shards);
  StorageReader reader(tensors.catalog, tensors.files);
  WriteInputs inputs{.plan = plan,
                     .reader = reader,
                     .files = files,
                     .pool = options.pool,
                     .cancel = options.cancel};
  if (options.on_progress) {
    inputs.on_progress = [&options, &plan](uint64_t done_bytes) {
      options.on_progress(done_bytes, plan.bytes);
    };
  }
  HOIST_RETURN_IF_ERROR(ExecuteWrite(inputs));
  HOIST_RETURN_IF_ERROR(reader.CompareChecksums());
  for (size_t i = 0; i < shards.size(); ++i) {
    HOIST_RETURN_IF_ERROR(files[i]->WriteAt(0, BytesOf(shards[i].header)));
  }
  if (options.cancel != nullptr && options.cancel->is_cancelled()) {
    return absl::CancelledError("Writing was cancelled");
  }
  return absl::OkStatus();
}

absl::Status WriteFile(const FlatTensors& tensors,
                       const std::vector<SafetensorsShard>& shards,
                       FileSystem& file_system, const std::string& path,
                       const WriteOptions& options) {
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<AtomicFile> output,
      AtomicFile::Create(file_system, path,
                         {.overwrite = options.overwrite,
                          .expected_bytes = shards[0].file_bytes(),
                          .check = options.check}));
  OutputFile* const files[] = {&output->file()};
  HOIST_RETURN_IF_ERROR(WriteShards(tensors, shards, files, options));
  return output->Publish();
}

// What the names of files in the directory begin with.
std::string StemOf(absl::string_view path) {
  path = absl::StripSuffix(path, "/");
  absl::string_view name = path.substr(path.rfind('/') + 1);
  return absl::ConsumeSuffix(&name, ".safetensors") && !name.empty()
             ? std::string(name)
             : "model";
}

absl::Status WriteDirectory(const FlatTensors& tensors,
                            const std::vector<SafetensorsShard>& shards,
                            FileSystem& file_system, const std::string& path,
                            const WriteOptions& options, WriteReport& report) {
  const std::string stem = StemOf(path);
  const std::string index = ShardIndexText(tensors, shards, stem);
  report.file_bytes += index.size();
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<AtomicDirectory> output,
      AtomicDirectory::Create(file_system, path,
                              {.overwrite = options.overwrite,
                               .expected_bytes = report.file_bytes,
                               .check = options.check}));
  std::vector<std::unique_ptr<OutputFile>> owned;
  std::vector<OutputFile*> files;
  std::vector<std::string> names;
  const auto create = [&](std::string name,
                          uint64_t size_bytes) -> absl::Status {
    HOIST_ASSIGN_OR_RETURN(owned.emplace_back(),
                           output->CreateFile(name, size_bytes));
    files.push_back(owned.back().get());
    names.push_back(std::move(name));
    return absl::OkStatus();
  };
  for (size_t i = 0; i < shards.size(); ++i) {
    HOIST_RETURN_IF_ERROR(
        create(ShardFileName(stem, i, shards.size()), shards[i].file_bytes()));
  }
  HOIST_RETURN_IF_ERROR(WriteShards(tensors, shards, files, options));
  HOIST_RETURN_IF_ERROR(
      create(absl::StrCat(stem, ".safetensors.index.json"), index.size()));
  HOIST_RETURN_IF_ERROR(files.back()->WriteAt(0, BytesOf(index)));
  for (OutputFile* const file : files) {
    HOIST_RETURN_IF_ERROR(file->Sync());
  }
  owned.clear();
  HOIST_RETURN_IF_ERROR(output->Publish());
  for (const std::string& name : names) {
    report.files.push_back(
        absl::StrCat(absl::StripSuffix(path, "/"), "/", name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WriteReport> WriteSafetensors(const Catalog& catalog,
                                             CatalogFiles files,
                                             FileSystem& file_system,
                                             const std::string& path,
                                             const WriteOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  if (options.compress) {
    return absl::InvalidArgumentError("safetensors has no compression");
  }
  HOIST_ASSIGN_OR_RETURN(const FlatTensors tensors,
                         FlattenTensors(catalog, files));
  WriteReport report{
      .tensor_count = static_cast<int64_t>(tensors.catalog.tensors.size()),
      .warnings = tensors.warnings};
  HOIST_ASSIGN_OR_RETURN(
      const std::vector<SafetensorsShard> shards,
      LayOutShards(tensors, MetadataOf(catalog, options, report.warnings),
                   options.max_shard_bytes));
  for (const SafetensorsShard& shard : shards) {
    report.tensor_bytes += shard.tensor_bytes;
    report.file_bytes += shard.file_bytes();
  }
  if (shards.size() == 1) {
    HOIST_RETURN_IF_ERROR(
        WriteFile(tensors, shards, file_system, path, options));
    report.files = {path};
  } else {
    HOIST_RETURN_IF_ERROR(
        WriteDirectory(tensors, shards, file_system, path, options, report));
  }
  report.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::steady_clock::now() - begin)
                       .count();
  return report;
}

}  // namespace hoist
