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

// Side by side where there are threads for it.
void RunBoth(ThreadPool* pool, absl::FunctionRef<void()> first,
             absl::FunctionRef<void()> second) {
  if (pool == nullptr) {
    first();
    second();
    return;
  }
  // Neither fails.
  (void)ParallelFor(*pool, 2, [&](int64_t i) {
    i == 0 ? first() : second();
    return absl::OkStatus();
  });
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
  const auto read = ReadPickle(pickle, vocabulary, *graph);
  if (!read.ok()) {
    return Annotate(read.status(), "data.pkl");
  }
  catalog.storages = std::move(records.entries());
  absl::StatusOr<std::vector<uint64_t>> offsets;
  absl::Status named;
  RunBoth(
      pool, [&] { offsets = records.ReadOffsets(pool); },
      [&] {
        named = NameContents(std::move(graph), read->root, vocabulary, catalog);
      });
  HOIST_RETURN_IF_ERROR(named);
  HOIST_RETURN_IF_ERROR(offsets.status());
  SetOffsets(*offsets, catalog.storages);
  if (is_big_endian) {
    HOIST_RETURN_IF_ERROR(SwapUntypedStorages(vocabulary.storages(), catalog));
  }
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return catalog;
}

}  // namespace hoist
