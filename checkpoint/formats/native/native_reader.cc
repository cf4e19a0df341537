#include "hoist/checkpoint/formats/native/native_reader.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/native/native_index.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/ops/crc32c.h"

namespace hoist {
namespace {

// The fixed parts of a file.
struct Frame {
  NativeHeader header;
  NativeFooter footer;
  uint32_t footer_crc32c = 0;
};

absl::StatusOr<NativeBlock> ReadBlock(const RandomAccessFile& file,
                                      uint64_t offset) {
  NativeBlock block;
  HOIST_RETURN_IF_ERROR(file.ReadAt(offset, absl::MakeSpan(block)));
  return block;
}

absl::StatusOr<Frame> ReadFrame(const RandomAccessFile& file) {
  const uint64_t size = file.size_bytes();
  if (size < 2 * kNativeBlockBytes) {
    return WithHint(
        absl::DataLossError(absl::StrCat(
            "The file is cut off: its header and footer take ",
            2 * kNativeBlockBytes, " bytes, ", size, " are there")),
        "The download may be incomplete: fetch the file again, and compare its "
        "size; if it was being saved, take the checkpoint before it");
  }
  Frame frame;
  HOIST_ASSIGN_OR_RETURN(const NativeBlock first, ReadBlock(file, 0));
  HOIST_ASSIGN_OR_RETURN(frame.header, DecodeNativeHeader(first));
  HOIST_ASSIGN_OR_RETURN(const NativeBlock last,
                         ReadBlock(file, size - kNativeBlockBytes));
  HOIST_ASSIGN_OR_RETURN(frame.footer, DecodeNativeFooter(last, size));
  frame.footer_crc32c = NativeBlockCrc32c(last);
  if (frame.footer.header_crc32c != NativeBlockCrc32c(first)) {
    return WithHint(
        absl::DataLossError("Its header and its footer are of two files"),
        "Two files were mixed up: get it again");
  }
  return frame;
}

absl::StatusOr<NativeIndex> ReadIndex(const RandomAccessFile& file,
                                      const Frame& frame) {
  std::vector<uint8_t> bytes(frame.footer.index_bytes);
  HOIST_RETURN_IF_ERROR(
      file.ReadAt(frame.footer.index_offset, absl::MakeSpan(bytes)));
  if (Crc32c(bytes) != frame.footer.index_crc32c) {
    return absl::DataLossError(absl::StrCat(
        "Its index is damaged: ", bytes.size(), " bytes at byte ",
        frame.footer.index_offset, " have another checksum than is recorded"));
  }
  return ParseNativeIndex(bytes, frame.header.version);
}

// Storages lie one after the other, with nothing between them but what aligns
// the next: no byte of the file is left for anything else.
absl::Status CheckPlaces(const Catalog& catalog, const NativeFooter& footer) {
  std::vector<const StorageEntry*> places;
  places.reserve(catalog.storages.size());
  for (const StorageEntry& storage : catalog.storages) {
    if (storage.size_bytes > 0) {
      places.push_back(&storage);
    } else if (storage.offset_bytes != 0 || storage.file != 0) {
      return absl::DataLossError(
          absl::StrCat("Empty ", storage.name, " has a place"));
    }
  }
  std::sort(places.begin(), places.end(),
            [](const StorageEntry* a, const StorageEntry* b) {
              return std::pair(a->file, a->offset_bytes) <
                     std::pair(b->file, b->offset_bytes);
            });
  int file = 0;
  uint64_t end = kNativeBlockBytes;
  const auto check_end = [&] {
    // Of other files, what follows is for their own footers to say.
    return file != 0 || (end <= footer.index_offset &&
                         footer.index_offset - end < kNativeAlignment)
               ? absl::OkStatus()
               : absl::DataLossError(absl::StrCat(
                     "Its storages end at byte ", end,
                     ", and its index begins at ", footer.index_offset));
  };
  for (const StorageEntry* const storage : places) {
    if (storage->file != file) {
      HOIST_RETURN_IF_ERROR(check_end());
      file = storage->file;
      end = kNativeBlockBytes;
    }
    if (storage->offset_bytes < end ||
        storage->offset_bytes - end >= kNativePageBytes ||
        storage->offset_bytes % kNativeAlignment != 0) {
      return absl::DataLossError(absl::StrCat(
          storage->name, TensorOver(catalog, storage - &catalog.storages[0]),
          " begins at byte ", storage->offset_bytes,
          ", and what is before it ends at ", end));
    }
    end = storage->offset_bytes + storage->stored_bytes();
  }
  return check_end();
}

absl::Status CheckEncodings(const Catalog& catalog,
                            const NativeHeader& header) {
  if ((header.refuse_flags & kNativeEncodedChunks) != 0) {
    return absl::OkStatus();
  }
  for (const StorageEntry& storage : catalog.storages) {
    if (storage.encoded_bytes) {
      return absl::DataLossError(absl::StrCat(
          storage.name,
          " is encoded, and by its header the file has no such chunks"));
    }
  }
  return absl::OkStatus();
}

// The catalog of `index`, complete.
absl::StatusOr<Catalog> MakeCatalog(
    const Frame& frame, NativeIndex index,
    absl::Span<const std::shared_ptr<const RandomAccessFile>> shards,
    const RandomAccessFile& file) {
  Catalog catalog = std::move(index.catalog);
  catalog.format = Format::kHoist;
  catalog.format_version = absl::StrCat(frame.header.version);
  catalog.files.push_back(
      {.path = file.path(), .size_bytes = file.size_bytes()});
  for (const auto& shard : shards) {
    catalog.files.push_back(
        {.path = shard->path(), .size_bytes = shard->size_bytes()});
  }
  if (frame.header.read_only_flags != 0) {
    catalog.warnings.push_back(absl::StrCat(
        "The file has feature ", std::countr_zero(frame.header.read_only_flags),
        " of a newer Hoist: what this one writes of it lacks that"));
  }
  HOIST_RETURN_IF_ERROR(CheckPlaces(catalog, frame.footer));
  HOIST_RETURN_IF_ERROR(CheckEncodings(catalog, frame.header));
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return catalog;
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

absl::StatusOr<std::shared_ptr<const RandomAccessFile>> OpenShard(
    const std::string& directory, const NativeShard& shard) {
  const std::string path = absl::StrCat(directory, shard.name);
  HOIST_ASSIGN_OR_RETURN(auto file, OpenFile(path));
  if (file->size_bytes() != shard.file_bytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": It has ", file->size_bytes(), " bytes, and had ",
                     shard.file_bytes, " when the index was written"));
  }
  const absl::StatusOr<Frame> frame = ReadFrame(*file);
  if (!frame.ok()) {
    return Annotate(frame.status(), path);
  }
  if (frame->footer_crc32c != shard.footer_crc32c) {
    return absl::DataLossError(
        absl::StrCat(path,
                     ": It is not the file that the index was written "
                     "with: its footer is another"));
  }
  return std::shared_ptr<const RandomAccessFile>(std::move(file));
}

absl::Status DamagedHint(const absl::Status& status) {
  return absl::IsDataLoss(status)
             ? WithHint(status,
                        "The file has changed since it was written; get it "
                        "again, or take another checkpoint")
             : status;
}

absl::StatusOr<NativeCheckpoint> ReadShards(
    std::shared_ptr<const RandomAccessFile> file) {
  HOIST_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(*file));
  HOIST_ASSIGN_OR_RETURN(NativeIndex index, ReadIndex(*file, frame));
  NativeCheckpoint checkpoint;
  const std::string directory = DirectoryOf(file->path());
  for (const NativeShard& shard : index.shards) {
    HOIST_ASSIGN_OR_RETURN(checkpoint.files.emplace_back(),
                           OpenShard(directory, shard));
  }
  HOIST_ASSIGN_OR_RETURN(
      checkpoint.catalog,
      MakeCatalog(frame, std::move(index), checkpoint.files, *file));
  checkpoint.files.insert(checkpoint.files.begin(), std::move(file));
  return checkpoint;
}

absl::StatusOr<Catalog> ReadAlone(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(file));
  HOIST_ASSIGN_OR_RETURN(NativeIndex index, ReadIndex(file, frame));
  if (!index.shards.empty()) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            "The index of a checkpoint in ", index.shards.size(),
            " files, the first of which is ", index.shards[0].name)),
        "Give the directory that they are in");
  }
  return MakeCatalog(frame, std::move(index), {}, file);
}

}  // namespace

absl::StatusOr<Catalog> ReadNative(const RandomAccessFile& file) {
  absl::StatusOr<Catalog> catalog = ReadAlone(file);
  return catalog.ok() ? std::move(catalog) : DamagedHint(catalog.status());
}

absl::StatusOr<NativeCheckpoint> ReadNativeShards(
    std::shared_ptr<const RandomAccessFile> file) {
  absl::StatusOr<NativeCheckpoint> checkpoint = ReadShards(std::move(file));
  return checkpoint.ok() ? std::move(checkpoint)
                         : DamagedHint(checkpoint.status());
}

bool IsNative(const RandomAccessFile& file) {
  std::string head(kNativeMagic.size(), '\0');
  return file.ReadAt(0, absl::MakeSpan(reinterpret_cast<uint8_t*>(head.data()),
                                       head.size()))
             .ok() &&
         head == kNativeMagic;
}

}  // namespace hoist
