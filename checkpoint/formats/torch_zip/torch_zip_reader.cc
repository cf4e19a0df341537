#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/torch_zip/storage_records.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/checkpoint/zip/zip_header_reader.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// PyTorch writes no version of its own; the records that it adds since a
// release tell it roughly.
std::string ProducerByRecords(const TorchArchive& archive) {
  if (archive.Find(".storage_alignment") != nullptr) {
    return "PyTorch 2.8 or later";
  }
  if (archive.Find(".format_version") != nullptr) {
    return "PyTorch 2.7";
  }
  if (archive.Find("byteorder") != nullptr) {
    return "PyTorch 2.1 to 2.6";
  }
  return "PyTorch 1.6 to 2.0";
}

absl::Status ReadMetadata(const TorchArchive& archive, Catalog& catalog) {
  for (const absl::string_view record :
       {"byteorder", ".format_version", ".storage_alignment",
        ".data/serialization_id"}) {
    HOIST_ASSIGN_OR_RETURN(const auto text, archive.ReadText(record));
    if (text) {
      const size_t name = record.find_first_not_of('.');
      const absl::string_view key = record == ".data/serialization_id"
                                        ? "serialization_id"
                                        : record.substr(name);
      catalog.metadata.emplace_back(key, *text);
    }
  }
  return absl::OkStatus();
}

// The offsets of all members, in the order of the directory, read while `work`
// is done, where there are threads for it; nullopt where there are none, or a
// member is damaged, which may not be a storage's.
std::optional<std::vector<uint64_t>> ReadOffsetsBeside(
    absl::FunctionRef<void()> work, const RandomAccessFile& file,
    const ZipDirectory& directory, ThreadPool* pool) {
  if (pool == nullptr) {
    work();
    return std::nullopt;
  }
  std::vector<const ZipMember*> members;
  members.reserve(directory.members().size());
  for (const ZipMember& member : directory.members()) {
    members.push_back(&member);
  }
  std::optional<std::vector<uint64_t>> offsets;
  // Neither of the two fails here.
  (void)ParallelFor(*pool, 2, [&](int64_t i) {
    if (i == 0) {
      work();
    } else if (auto read = ReadZipDataOffsets(file, members, pool); read.ok()) {
      offsets = *std::move(read);
    }
    return absl::OkStatus();
  });
  return offsets;
}

}  // namespace

absl::StatusOr<Catalog> ReadTorchZip(const RandomAccessFile& file,
                                     ThreadPool* pool,
                                     std::optional<ZipDirectory> directory) {
  HOIST_ASSIGN_OR_RETURN(const TorchArchive archive,
                         TorchArchive::Open(file, std::move(directory)));
  Catalog catalog;
  catalog.format = Format::kTorchZip;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  catalog.producer = ProducerByRecords(archive);
  HOIST_ASSIGN_OR_RETURN(catalog.format_version, archive.ReadVersion());
  HOIST_RETURN_IF_ERROR(ReadMetadata(archive, catalog));
  HOIST_ASSIGN_OR_RETURN(const bool is_big_endian, archive.ReadIsBigEndian());

  HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> pickle,
                         archive.ReadPickle());
  StorageRecords records(file, archive, is_big_endian);
  TorchVocabulary vocabulary([&records](ValueGraph&, Value id) {
    return absl::StatusOr<TorchVocabulary::Persistent>(records.Load(id));
  });
  auto graph = std::make_shared<ValueGraph>();
  absl::StatusOr<PickleResult> read;
  const std::optional<std::vector<uint64_t>> offsets =
      ReadOffsetsBeside([&] { read = ReadPickle(pickle, vocabulary, *graph); },
                        file, archive.directory(), pool);
  if (!read.ok()) {
    return Annotate(read.status(), "data.pkl");
  }
  HOIST_RETURN_IF_ERROR(records.SetOffsets(offsets));
  catalog.storages = std::move(records.entries());
  HOIST_RETURN_IF_ERROR(
      FinishCatalog(std::move(graph), read->root, vocabulary, catalog));
  if (is_big_endian) {
    HOIST_RETURN_IF_ERROR(SwapUntypedStorages(vocabulary.storages(), catalog));
    HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  }
  return catalog;
}

}  // namespace hoist
