#include "hoist/checkpoint/formats/dcp/dcp_reader.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/formats/dcp/dcp_metadata.h"
#include "hoist/checkpoint/formats/dcp/nested_values.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/checkpoint/formats/torch_zip/storage_records.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/io/file_range.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kCacheBytes = size_t{64} << 20;

class DcpReader {
 public:
  DcpReader(DcpMetadata metadata, ThreadPool* pool)
      : metadata_(std::move(metadata)),
        pool_(pool),
        vocabulary_([this](ValueGraph&, Value id) { return LoadStorage(id); }) {
  }

  absl::StatusOr<PiecedCheckpoint> Read(OpenInFolder open);

 private:
  absl::Status OpenFiles(OpenInFolder open);
  absl::Status CheckExtent(const DcpExtent& extent) const;
  absl::Status ReadPieces();
  absl::StatusOr<FoundPiece> ReadPiece(const DcpPiece& piece) const;
  absl::StatusOr<ValueId> ReadItem(size_t index);
  absl::StatusOr<ValueId> ReadTensor(size_t index);
  absl::StatusOr<ValueId> ReadValue(const DcpExtent& extent);
  absl::StatusOr<TorchVocabulary::Persistent> LoadStorage(Value id);
  absl::Status InItem(const absl::Status& status, const DcpItem& item) const;
  std::string PlaceOf(const DcpExtent& extent) const;
  const RandomAccessFile& FileOf(const DcpExtent& extent) const {
    return *checkpoint_.files[static_cast<size_t>(extent.file)];
  }

  const DcpMetadata metadata_;
  ThreadPool* const pool_;
  PiecedCheckpoint checkpoint_;
  const std::shared_ptr<BlockCache> cache_ =
      std::make_shared<BlockCache>(kCacheBytes);
  // By item and piece.
  std::vector<std::vector<FoundPiece>> pieces_;
  // All values are of one graph.
  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
  TorchVocabulary vocabulary_;
  StorageRecords* records_ = nullptr;  // of the value that is being read
};

// "__0_0.distcp at byte 1577"
std::string DcpReader::PlaceOf(const DcpExtent& extent) const {
  return absl::StrCat(metadata_.files[static_cast<size_t>(extent.file)],
                      " at byte ", extent.offset_bytes);
}

absl::Status DcpReader::InItem(const absl::Status& status,
                               const DcpItem& item) const {
  return Annotate(status, absl::StrCat(item.is_tensor ? "Tensor " : "Value ",
                                       QuotedName(item.name)));
}

absl::Status DcpReader::OpenFiles(OpenInFolder open) {
  std::vector<absl::Status> missing;
  for (const std::string& name : metadata_.files) {
    auto file = open(name);
    if (absl::IsNotFound(file.status())) {
      missing.push_back(file.status());
      checkpoint_.files.push_back(nullptr);
      continue;
    }
    HOIST_RETURN_IF_ERROR(file.status());
    checkpoint_.catalog.files.push_back(
        {.path = (*file)->path(), .size_bytes = (*file)->size_bytes()});
    checkpoint_.files.push_back(*std::move(file));
  }
  if (missing.empty()) {
    return absl::OkStatus();
  }
  size_t items = 0;
  std::string first_file;
  std::string first_item;
  for (const DcpItem& item : metadata_.items) {
    for (const DcpPiece& piece : item.pieces) {
      const auto file = static_cast<size_t>(piece.extent.file);
      if (checkpoint_.files[file] == nullptr) {
        if (items++ == 0) {
          first_file = metadata_.files[file];
          first_item = QuotedName(item.name);
        }
        break;
      }
    }
  }
  if (items == 0) {
    // Nothing that is there refers to it.
    return missing[0];
  }
  return WithHint(
      absl::DataLossError(absl::StrCat(
          missing.size(), " of ", metadata_.files.size(),
          missing.size() == 1 ? " files is" : " files are",
          " not there: ", first_file, ", which has ", first_item,
          missing.size() > 1 ? ", and others" : "", "; ", items, " of ",
          metadata_.items.size(), " entries cannot be read without")),
      "Copy all files of the checkpoint: every rank has written its own, maybe "
      "to a disk of its own");
}

absl::Status DcpReader::CheckExtent(const DcpExtent& extent) const {
  const uint64_t file_bytes = FileOf(extent).size_bytes();
  if (extent.offset_bytes > file_bytes ||
      extent.size_bytes > file_bytes - extent.offset_bytes) {
    return absl::DataLossError(absl::StrCat(
        "its ", extent.size_bytes, " bytes are not inside the file's ",
        file_bytes, ", which is cut off, or of another save"));
  }
  if (!extent.transforms.empty()) {
    return WithHint(
        absl::UnimplementedError(
            absl::StrCat("it was written through ",
                         absl::StrJoin(extent.transforms, " and "),
                         ", which Hoist does not undo")),
        "Load it with PyTorch, and save it again without extensions");
  }
  return absl::OkStatus();
}

absl::StatusOr<FoundPiece> DcpReader::ReadPiece(const DcpPiece& piece) const {
  const DcpExtent& extent = piece.extent;
  HOIST_RETURN_IF_ERROR(CheckExtent(extent));
  const FileRange range(FileOf(extent), extent.offset_bytes, extent.size_bytes);
  HOIST_ASSIGN_OR_RETURN(Catalog catalog, ReadTorchZip(range));
  const Value root = catalog.root();
  if (root.kind() != ValueKind::kTensor || root.AsIndex() < 0) {
    return absl::UnimplementedError(absl::StrCat(
        "a ", root.ClassName(), " in place of a plain tensor's piece"));
  }
  TensorEntry& tensor = catalog.tensors[static_cast<size_t>(root.AsIndex())];
  if (!tensor.storage) {
    return absl::DataLossError("a tensor without data");
  }
  if (tensor.is_conjugate || tensor.is_negative) {
    return absl::UnimplementedError(
        "a tensor whose elements are to be conjugated or negated");
  }
  FoundPiece found{.box = piece.box,
                   .storage = std::move(
                       catalog.storages[static_cast<size_t>(*tensor.storage)]),
                   .spec = std::move(tensor.spec),
                   .storage_offset = tensor.storage_offset};
  found.storage.file = extent.file;
  found.storage.offset_bytes += extent.offset_bytes;
  found.storage.name = absl::StrCat(PlaceOf(extent), ": ", found.storage.name);
  return found;
}

// All pieces of all tensors, each of which is an archive of its own.
absl::Status DcpReader::ReadPieces() {
  std::vector<std::pair<size_t, size_t>> all;
  pieces_.resize(metadata_.items.size());
  for (size_t i = 0; i < metadata_.items.size(); ++i) {
    const DcpItem& item = metadata_.items[i];
    if (item.is_tensor) {
      pieces_[i].resize(item.pieces.size());
      for (size_t j = 0; j < item.pieces.size(); ++j) {
        all.emplace_back(i, j);
      }
    }
  }
  const auto read = [&](int64_t index) -> absl::Status {
    const auto& place = all[static_cast<size_t>(index)];
    const DcpItem& item = metadata_.items[place.first];
    const DcpPiece& piece = item.pieces[place.second];
    auto found = ReadPiece(piece);
    if (!found.ok()) {
      return InItem(Annotate(Annotate(found.status(), PlaceOf(piece.extent)),
                             absl::StrCat("piece ", BoxText(piece.box))),
                    item);
    }
    pieces_[place.first][place.second] = *std::move(found);
    return absl::OkStatus();
  };
  const auto count = static_cast<int64_t>(all.size());
  if (pool_ != nullptr) {
    return ParallelFor(*pool_, count, read);
  }
  for (int64_t i = 0; i < count; ++i) {
    HOIST_RETURN_IF_ERROR(read(i));
  }
  return absl::OkStatus();
}

absl::StatusOr<TorchVocabulary::Persistent> DcpReader::LoadStorage(Value id) {
  HOIST_ASSIGN_OR_RETURN(PickledStorage storage, records_->Load(id));
  storage.index += static_cast<int>(checkpoint_.catalog.storages.size());
  return storage;
}

absl::StatusOr<ValueId> DcpReader::ReadValue(const DcpExtent& extent) {
  HOIST_RETURN_IF_ERROR(CheckExtent(extent));
  const FileRange range(FileOf(extent), extent.offset_bytes, extent.size_bytes);
  HOIST_ASSIGN_OR_RETURN(const TorchArchive archive,
                         TorchArchive::Open(range, std::nullopt));
  HOIST_RETURN_IF_ERROR(archive.ReadVersion().status());
  HOIST_ASSIGN_OR_RETURN(const bool is_big_endian, archive.ReadIsBigEndian());
  HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> pickle,
                         archive.ReadPickle());
  StorageRecords records(range, archive, is_big_endian);
  records_ = &records;
  const auto read = ReadPickle(pickle, vocabulary_, *graph_);
  records_ = nullptr;
  if (!read.ok()) {
    return Annotate(read.status(), "data.pkl");
  }
  if (is_big_endian && !records.entries().empty()) {
    return absl::UnimplementedError(
        "a value with tensors inside that a big-endian machine has written");
  }
  HOIST_RETURN_IF_ERROR(records.SetOffsets());
  for (StorageEntry& storage : records.entries()) {
    storage.file = extent.file;
    storage.offset_bytes += extent.offset_bytes;
    storage.name = absl::StrCat(PlaceOf(extent), ": ", storage.name);
    checkpoint_.catalog.storages.push_back(std::move(storage));
  }
  return read->root;
}

absl::StatusOr<ValueId> DcpReader::ReadTensor(size_t index) {
  const DcpItem& item = metadata_.items[index];
  HOIST_ASSIGN_OR_RETURN(
      TensorEntry tensor,
      JoinPieces(item.name, item.dtype, item.shape, std::move(pieces_[index]),
                 cache_, checkpoint_));
  HOIST_ASSIGN_OR_RETURN(const int64_t entry,
                         vocabulary_.AddEntry(std::move(tensor)));
  return graph_->Add({.kind = ValueKind::kTensor, .data = entry});
}

absl::StatusOr<ValueId> DcpReader::ReadItem(size_t index) {
  const DcpItem& item = metadata_.items[index];
  if (item.is_tensor) {
    return ReadTensor(index);
  }
  const DcpExtent& extent = item.pieces[0].extent;
  auto value = ReadValue(extent);
  return value.ok() ? value
                    : absl::StatusOr<ValueId>(
                          Annotate(value.status(), PlaceOf(extent)));
}

absl::StatusOr<PiecedCheckpoint> DcpReader::Read(OpenInFolder open) {
  Catalog& catalog = checkpoint_.catalog;
  catalog.format = Format::kDcp;
  catalog.format_version = metadata_.version;
  HOIST_RETURN_IF_ERROR(OpenFiles(open));
  HOIST_RETURN_IF_ERROR(ReadPieces());
  NestedValues nested(*graph_);
  for (size_t i = 0; i < metadata_.items.size(); ++i) {
    const DcpItem& item = metadata_.items[i];
    const auto value = ReadItem(i);
    if (!value.ok()) {
      return InItem(value.status(), item);
    }
    // Where another value is in the way, the flat name is a key as well.
    if (!nested.Add(item.path, *value) && !nested.Add({item.name}, *value)) {
      return absl::DataLossError(
          absl::StrCat("Two values are in one place: ", QuotedName(item.name)));
    }
  }
  HOIST_ASSIGN_OR_RETURN(const ValueId root, nested.Finish());
  HOIST_RETURN_IF_ERROR(
      FinishCatalog(std::move(graph_), root, vocabulary_, catalog));
  // Arrays that were in pickles have become files.
  for (size_t i = checkpoint_.files.size(); i < catalog.files.size(); ++i) {
    checkpoint_.files.push_back(catalog.files[i].content);
  }
  return std::move(checkpoint_);
}

}  // namespace

absl::StatusOr<PiecedCheckpoint> ReadDcp(const RandomAccessFile& metadata,
                                         OpenInFolder open, ThreadPool* pool) {
  if (metadata.size_bytes() > kMaxDcpMetadataBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Metadata of ", metadata.size_bytes(),
                     " bytes are more than is read: ", kMaxDcpMetadataBytes));
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(metadata.size_bytes()));
  HOIST_RETURN_IF_ERROR(metadata.ReadAt(0, absl::MakeSpan(bytes)));
  auto parsed = ParseDcpMetadata(bytes);
  if (!parsed.ok()) {
    return Annotate(parsed.status(), ".metadata");
  }
  bytes = {};
  return DcpReader(*std::move(parsed), pool).Read(open);
}

}  // namespace hoist
