#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Versions of the container that PyTorch reads.
constexpr int64_t kOldestVersion = 1;
constexpr int64_t kNewestVersion = 10;

absl::StatusOr<std::string> ReadVersion(const TorchArchive& archive) {
  HOIST_ASSIGN_OR_RETURN(auto text, archive.ReadText(".data/version"));
  if (!text) {
    HOIST_ASSIGN_OR_RETURN(text, archive.ReadText("version"));
  }
  if (!text) {
    return absl::DataLossError("The archive has no record \"version\"");
  }
  int64_t version;
  if (!absl::SimpleAtoi(*text, &version)) {
    return absl::DataLossError(
        absl::StrCat("The record \"version\" says \"", *text, "\""));
  }
  if (version < kOldestVersion || version > kNewestVersion) {
    return absl::UnimplementedError(
        absl::StrCat("Version ", version, " of the container is not known; ",
                     kOldestVersion, " to ", kNewestVersion, " are"));
  }
  return absl::StrCat(version);
}

absl::StatusOr<bool> ReadIsBigEndian(const TorchArchive& archive) {
  HOIST_ASSIGN_OR_RETURN(const auto order, archive.ReadText("byteorder"));
  if (!order || *order == "little") {
    return false;
  }
  if (*order == "big") {
    return true;
  }
  return absl::DataLossError(
      absl::StrCat("The record \"byteorder\" says \"", *order, "\""));
}

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

// Turns persistent ids into storages of the catalog, each key once.
class StorageRecords {
 public:
  StorageRecords(const RandomAccessFile& file, const TorchArchive& archive,
                 bool is_big_endian)
      : file_(file), archive_(archive), is_big_endian_(is_big_endian) {}

  // `id` is ("storage", class, key, location, number of elements).
  absl::StatusOr<PickledStorage> Load(Value id);

  std::vector<StorageEntry>& entries() { return entries_; }

 private:
  absl::StatusOr<PickledStorage> Add(absl::string_view key, DType dtype,
                                     bool is_untyped,
                                     absl::string_view location,
                                     uint64_t size_bytes);

  const RandomAccessFile& file_;
  const TorchArchive& archive_;
  const bool is_big_endian_;
  std::vector<StorageEntry> entries_;
  absl::flat_hash_map<std::string, PickledStorage> by_key_;
};

absl::StatusOr<PickledStorage> StorageRecords::Load(Value id) {
  if (id.kind() != ValueKind::kTuple || id.size() != 5 ||
      id[0].kind() != ValueKind::kString || id[0].AsString() != "storage" ||
      id[1].kind() != ValueKind::kClass || id[2].kind() != ValueKind::kString ||
      id[3].kind() != ValueKind::kString || id[4].kind() != ValueKind::kInt) {
    return absl::DataLossError(
        "its id is not (\"storage\", class, key, location, size)");
  }
  const auto dtype = StorageClassDType(id[1].AsString());
  if (!dtype) {
    return absl::UnimplementedError(
        absl::StrCat("the storage class ", id[1].AsString(), " is not known"));
  }
  const absl::string_view key = id[2].AsString();
  const auto size_bytes =
      CheckedMul<int64_t>(id[4].AsInt(), DTypeBits(*dtype) / 8);
  if (id[4].AsInt() < 0 || !size_bytes) {
    return absl::DataLossError(absl::StrCat("storage ", key, " would have ",
                                            id[4].AsInt(), " elements"));
  }
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) {
    return Add(key, *dtype, absl::EndsWith(id[1].AsString(), "UntypedStorage"),
               id[3].AsString(), static_cast<uint64_t>(*size_bytes));
  }
  // As torch does: the first one's class counts.
  const StorageEntry& entry = entries_[known->second.index];
  if (entry.size_bytes != static_cast<uint64_t>(*size_bytes)) {
    return absl::DataLossError(
        absl::StrCat("storage ", key, " has ", entry.size_bytes,
                     " bytes in one place and ", *size_bytes, " in another"));
  }
  return known->second;
}

absl::StatusOr<PickledStorage> StorageRecords::Add(absl::string_view key,
                                                   DType dtype, bool is_untyped,
                                                   absl::string_view location,
                                                   uint64_t size_bytes) {
  const std::string record = absl::StrCat("data/", key);
  const ZipMember* const member = archive_.Find(record);
  if (member == nullptr) {
    return absl::DataLossError(
        absl::StrCat("The archive has no record ", record));
  }
  if (!member->is_stored()) {
    return WithHint(
        absl::UnimplementedError(absl::StrCat(
            "Record ", record, " is compressed; Hoist does not read that yet")),
        "Unpack the archive, and pack it again uncompressed (zip -0 -r)");
  }
  if (member->size_bytes != size_bytes) {
    return absl::DataLossError(absl::StrCat("Record ", record, " has ",
                                            member->size_bytes, " bytes, and ",
                                            size_bytes, " belong to it"));
  }
  StorageEntry entry;
  entry.name = record;
  entry.size_bytes = size_bytes;
  HOIST_ASSIGN_OR_RETURN(entry.offset_bytes, ZipDataOffset(file_, *member));
  if (member->crc32 != 0) {
    entry.crc32 = member->crc32;
  }
  if (is_big_endian_ && !is_untyped) {
    entry.swap_bytes = DTypeSwapBytes(dtype);
  }
  const PickledStorage storage{.index = static_cast<int>(entries_.size()),
                               .dtype = dtype,
                               .is_untyped = is_untyped,
                               .location = std::string(location)};
  entries_.push_back(std::move(entry));
  by_key_.emplace(key, storage);
  return storage;
}

// An untyped storage takes its byte order from the tensors over it, which must
// agree. torch leaves these bytes as they are, and so gets other numbers.
absl::Status SwapUntypedStorages(const std::vector<PickledStorage>& storages,
                                 Catalog& catalog) {
  std::vector<bool> is_untyped(catalog.storages.size(), false);
  for (const PickledStorage& storage : storages) {
    is_untyped[storage.index] = storage.is_untyped;
  }
  std::vector<bool> is_set(catalog.storages.size(), false);
  for (const TensorEntry& tensor : catalog.tensors) {
    if (!tensor.storage || !is_untyped[*tensor.storage]) {
      continue;
    }
    StorageEntry& storage = catalog.storages[*tensor.storage];
    const int width = DTypeSwapBytes(tensor.spec.dtype);
    if (is_set[*tensor.storage] && storage.swap_bytes != width) {
      return absl::UnimplementedError(absl::StrCat(
          "Tensor ", tensor.name, ": ", storage.name,
          " is big-endian, and seen as elements of different widths"));
    }
    if (!is_set[*tensor.storage] && width > 1) {
      catalog.warnings.push_back(absl::StrCat(
          tensor.name,
          ": the big-endian bytes are swapped; torch.load does not do so for ",
          DTypeName(tensor.spec.dtype)));
    }
    is_set[*tensor.storage] = true;
    storage.swap_bytes = width;
  }
  return absl::OkStatus();
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

// Storages of which no tensor is listed are not part of the catalog's tensors;
// kStorage values go on to name them.
void ResolveStorageValues(const std::vector<PickledStorage>& storages,
                          ValueGraph& graph) {
  for (size_t id = 0; id < graph.size(); ++id) {
    ValueGraph::Node& node = graph.node(static_cast<ValueId>(id));
    if (node.kind == ValueKind::kStorage) {
      const int64_t index = std::get<int64_t>(node.data);
      node.data = int64_t{storages[static_cast<size_t>(index)].index};
    }
  }
}

}  // namespace

absl::StatusOr<Catalog> ReadTorchZip(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const TorchArchive archive, TorchArchive::Open(file));
  Catalog catalog;
  catalog.format = Format::kTorchZip;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  catalog.producer = ProducerByRecords(archive);
  HOIST_ASSIGN_OR_RETURN(catalog.format_version, ReadVersion(archive));
  HOIST_RETURN_IF_ERROR(ReadMetadata(archive, catalog));
  HOIST_ASSIGN_OR_RETURN(const bool is_big_endian, ReadIsBigEndian(archive));

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
  catalog.root_id = read->root;
  HOIST_ASSIGN_OR_RETURN(catalog.tensors,
                         NameTensors(*graph, read->root, vocabulary.tensors()));
  ResolveStorageValues(vocabulary.storages(), *graph);
  catalog.values = std::move(graph);
  if (is_big_endian) {
    HOIST_RETURN_IF_ERROR(SwapUntypedStorages(vocabulary.storages(), catalog));
  }
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return catalog;
}

}  // namespace hoist
