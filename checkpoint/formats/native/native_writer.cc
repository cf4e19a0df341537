#include "hoist/checkpoint/formats/native/native_writer.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/checkpoint/formats/native/native_content.h"
#include "hoist/checkpoint/formats/native/native_index.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/formats/native/write_chunks.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/core/io/atomic_directory.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/io/output_file.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;

absl::Status CheckOptions(const WriteOptions& options) {
  if (options.native_version != 1 && options.native_version != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("There is no version ", options.native_version,
                     " of Hoist's format: 1 and 2 there are"));
  }
  if (options.native_version == 1 && options.compress) {
    return absl::InvalidArgumentError(
        "Version 1 of Hoist's format cannot hold what is compressed");
  }
  return absl::OkStatus();
}

uint64_t AllBytes(const NativeContent& content) {
  uint64_t bytes = 0;
  for (const StorageEntry& storage : content.catalog.storages) {
    bytes += storage.size_bytes;
  }
  return bytes;
}

// Storages, by index, of each file: as many as fit, one at least.
std::vector<std::vector<int>> CutIntoShards(const NativeContent& content,
                                            uint64_t max_bytes) {
  std::vector<std::vector<int>> shards;
  uint64_t bytes = 0;
  for (size_t i = 0; i < content.catalog.storages.size(); ++i) {
    const uint64_t size = content.catalog.storages[i].size_bytes;
    if (size == 0) {
      continue;
    }
    if (shards.empty() || size > max_bytes - std::min(bytes, max_bytes)) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(static_cast<int>(i));
    bytes += size;
  }
  return shards;
}

// What a file of `content` takes at most, raw and without its index.
uint64_t DataBytes(const NativeContent& content) {
  return AllBytes(content) +
         kNativePageBytes * (content.catalog.storages.size() + 1);
}

// One checkpoint.
class NativeWrite {
 public:
  NativeWrite(const Catalog& source, CatalogFiles files,
              FileSystem& file_system, const std::string& path,
              const WriteOptions& options, uint32_t chunk_bytes)
      : source_(source),
        file_system_(file_system),
        path_(path),
        options_(options),
        chunk_bytes_(chunk_bytes),
        reader_(source, files),
        content_(MakeNativeContent(source, options.metadata)),
        all_bytes_(AllBytes(content_)) {}

  absl::StatusOr<WriteReport> Run();

 private:
  struct Written {
    uint64_t file_bytes = 0;
    uint32_t footer_crc32c = 0;
  };

  PublishOptions Publishing(uint64_t expected_bytes) const {
    return {.overwrite = options_.overwrite,
            .expected_bytes = expected_bytes,
            .check = options_.check};
  }
  // Compressed, it is known when it is done.
  uint64_t ExpectedBytes(const NativeContent& content) const {
    return options_.compress ? 0 : DataBytes(content);
  }
  absl::Status WriteFile();
  absl::Status WriteDirectory(const std::vector<std::vector<int>>& shards);
  // Writes `content`, to whose storages it gives their places, and what is
  // around it.
  absl::StatusOr<Written> WriteContent(NativeContent& content,
                                       OutputFile& file);
  absl::StatusOr<Written> WriteFrame(const NativeIndex& index,
                                     uint64_t data_end, OutputFile& file) const;

  const Catalog& source_;
  FileSystem& file_system_;
  const std::string& path_;
  const WriteOptions& options_;
  const uint32_t chunk_bytes_;
  StorageReader reader_;
  NativeContent content_;
  const uint64_t all_bytes_;
  uint64_t done_bytes_ = 0;  // of the files before
  WriteReport report_;
};

absl::StatusOr<NativeWrite::Written> NativeWrite::WriteContent(
    NativeContent& content, OutputFile& file) {
  ChunkInputs inputs = {.source = source_,
                        .reader = reader_,
                        .file = file,
                        .chunk_bytes = chunk_bytes_,
                        .pool = options_.pool,
                        .cancel = options_.cancel};
  if (options_.on_progress) {
    inputs.on_progress = [this](uint64_t done_bytes) {
      options_.on_progress(done_bytes_ + done_bytes, all_bytes_);
    };
  }
  HOIST_ASSIGN_OR_RETURN(const uint64_t data_end,
                         options_.compress ? WriteEncodedChunks(inputs, content)
                                           : WriteRawChunks(inputs, content));
  done_bytes_ += AllBytes(content);
  return WriteFrame({.chunk_bytes = chunk_bytes_, .catalog = content.catalog},
                    data_end, file);
}

absl::StatusOr<NativeWrite::Written> NativeWrite::WriteFrame(
    const NativeIndex& index, uint64_t data_end, OutputFile& file) const {
  const int version = options_.native_version;
  const NativeBlock header = EncodeNativeHeader(
      {.version = static_cast<uint16_t>(version),
       .refuse_flags = options_.compress ? kNativeEncodedChunks : 0});
  HOIST_RETURN_IF_ERROR(file.WriteAt(0, header));
  HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes,
                         SerializeNativeIndex(index, version));
  NativeFooter footer;
  footer.index_offset =
      (data_end + kNativeAlignment - 1) / kNativeAlignment * kNativeAlignment;
  footer.index_bytes = bytes.size();
  footer.file_bytes = footer.index_offset + bytes.size() + kNativeBlockBytes;
  footer.index_crc32c = Crc32c(bytes);
  footer.header_crc32c = NativeBlockCrc32c(header);
  const NativeBlock last = EncodeNativeFooter(footer);
  HOIST_RETURN_IF_ERROR(file.WriteAt(footer.index_offset, bytes));
  HOIST_RETURN_IF_ERROR(
      file.WriteAt(footer.file_bytes - kNativeBlockBytes, last));
  return Written{.file_bytes = footer.file_bytes,
                 .footer_crc32c = NativeBlockCrc32c(last)};
}

absl::Status NativeWrite::WriteFile() {
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<AtomicFile> file,
      AtomicFile::Create(file_system_, path_,
                         Publishing(ExpectedBytes(content_))));
  HOIST_ASSIGN_OR_RETURN(const Written written,
                         WriteContent(content_, file->file()));
  HOIST_RETURN_IF_ERROR(reader_.CompareChecksums());
  HOIST_RETURN_IF_ERROR(file->Publish());
  report_.file_bytes = written.file_bytes;
  report_.files = {path_};
  return absl::OkStatus();
}

absl::Status NativeWrite::WriteDirectory(
    const std::vector<std::vector<int>>& shards) {
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<AtomicDirectory> directory,
      AtomicDirectory::Create(file_system_, path_,
                              Publishing(ExpectedBytes(content_))));
  NativeIndex index = {.chunk_bytes = chunk_bytes_,
                       .catalog = content_.catalog};
  for (size_t i = 0; i < shards.size(); ++i) {
    NativeShard shard = {.name = absl::StrFormat("%s%05d%s", kNativeShardPrefix,
                                                 i + 1, kNativeSuffix)};
    NativeContent part = PartOfContent(content_, shards[i]);
    HOIST_ASSIGN_OR_RETURN(
        const std::unique_ptr<OutputFile> file,
        directory->CreateFile(shard.name, ExpectedBytes(part)));
    HOIST_ASSIGN_OR_RETURN(const Written written, WriteContent(part, *file));
    HOIST_RETURN_IF_ERROR(file->Sync());
    for (size_t k = 0; k < shards[i].size(); ++k) {
      StorageEntry& storage = index.catalog.storages[shards[i][k]];
      storage = std::move(part.catalog.storages[k]);
      storage.file = static_cast<int>(i) + 1;
    }
    shard.file_bytes = written.file_bytes;
    shard.footer_crc32c = written.footer_crc32c;
    report_.file_bytes += written.file_bytes;
    report_.files.push_back(absl::StrCat(path_, "/", shard.name));
    index.shards.push_back(std::move(shard));
  }
  HOIST_RETURN_IF_ERROR(reader_.CompareChecksums());
  const std::string name(kNativeIndexName);
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                         directory->CreateFile(name, 0));
  HOIST_ASSIGN_OR_RETURN(const Written written,
                         WriteFrame(index, kNativeBlockBytes, *file));
  HOIST_RETURN_IF_ERROR(file->Sync());
  report_.file_bytes += written.file_bytes;
  report_.files.push_back(absl::StrCat(path_, "/", name));
  return directory->Publish();
}

absl::StatusOr<WriteReport> NativeWrite::Run() {
  const auto start = Clock::now();
  HOIST_RETURN_IF_ERROR(CheckOptions(options_));
  report_.tensor_count = static_cast<int64_t>(content_.catalog.tensors.size());
  report_.tensor_bytes = all_bytes_;
  const uint64_t max_bytes = options_.max_shard_bytes;
  if (max_bytes > 0 && all_bytes_ > max_bytes) {
    HOIST_RETURN_IF_ERROR(WriteDirectory(CutIntoShards(content_, max_bytes)));
  } else {
    HOIST_RETURN_IF_ERROR(WriteFile());
  }
  report_.time_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start)
          .count();
  return std::move(report_);
}

}  // namespace

absl::StatusOr<WriteReport> WriteNative(const Catalog& catalog,
                                        CatalogFiles files,
                                        FileSystem& file_system,
                                        const std::string& path,
                                        const WriteOptions& options,
                                        uint32_t chunk_bytes) {
  return NativeWrite(catalog, files, file_system, path, options, chunk_bytes)
      .Run();
}

}  // namespace hoist
