#include "hoist/checkpoint/formats/torch_legacy/torch_legacy_reader.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/torch_legacy/old_formats.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_stream.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
// 0x1950A86A20F9469CFC6C: in decimal it does not matter in how many bytes a
// pickle has it.
constexpr absl::string_view kMagic = "119547037146038801333356";
constexpr int64_t kProtocolVersion = 1001;

// Turns persistent ids into storages of the catalog, each key once, and finds
// them in the file.
class LegacyStorages {
 public:
  // `id` is ("storage", class, key, location, number of elements, view), where
  // the view is None or (key, offset, number of elements), or ("module", class,
  // source file, source).
  absl::StatusOr<TorchVocabulary::Persistent> Load(Value id);

  // Finds the storages behind the list of their keys, where `stream` is.
  absl::Status Place(Value keys, PickleStream& stream);

  std::vector<StorageEntry>& entries() { return entries_; }
  const std::vector<StorageEntry>& entries() const { return entries_; }

 private:
  // Of the entry with the same index.
  struct Extent {
    std::optional<int> root;    // what it is a view of
    int64_t offset_bytes = 0;   // of a view, in its root
    int64_t element_bytes = 1;  // by which the file counts a root
    bool is_placed = false;
  };

  absl::StatusOr<PickledStorage> LoadRoot(Value id);
  absl::StatusOr<PickledStorage> LoadView(const PickledStorage& root,
                                          DType dtype, bool is_untyped,
                                          Value view);
  absl::StatusOr<PickledStorage> Add(absl::string_view key, int64_t size_bytes,
                                     PickledStorage storage, Extent extent);
  absl::Status PlaceRoot(absl::string_view key, PickleStream& stream);

  std::vector<StorageEntry> entries_;
  std::vector<Extent> extents_;
  // Roots and views, as torch has them.
  absl::flat_hash_map<std::string, PickledStorage> by_key_;
};

int64_t ElementBytes(DType dtype) { return DTypeBits(dtype) / 8; }

// `count` elements in bytes; nullopt if it is negative or does not fit.
std::optional<int64_t> BytesOf(int64_t count, int64_t element_bytes) {
  return count < 0 ? std::nullopt : CheckedMul(count, element_bytes);
}

absl::StatusOr<TorchVocabulary::Persistent> LegacyStorages::Load(Value id) {
  if (id.kind() == ValueKind::kString) {
    return WithHint(
        absl::DataLossError("its id is text: pickle protocol 0 cannot tell "
                            "which storage is meant"),
        "PyTorch does not read such a file either; save the checkpoint again "
        "with pickle_protocol=2");
  }
  if (id.kind() == ValueKind::kTuple && id.size() == 4 &&
      id[0].kind() == ValueKind::kString && id[0].AsString() == "module" &&
      id[1].kind() == ValueKind::kClass) {
    return id[1].id();
  }
  if (id.kind() != ValueKind::kTuple || (id.size() != 5 && id.size() != 6) ||
      id[0].kind() != ValueKind::kString || id[0].AsString() != "storage" ||
      id[1].kind() != ValueKind::kClass || id[2].kind() != ValueKind::kString ||
      id[3].kind() != ValueKind::kString || id[4].kind() != ValueKind::kInt) {
    return absl::DataLossError(
        "its id is not (\"storage\", class, key, location, size, view)");
  }
  const auto dtype = StorageClassDType(id[1].AsString());
  if (!dtype) {
    return absl::UnimplementedError(
        absl::StrCat("the storage class ", id[1].AsString(), " is not known"));
  }
  HOIST_ASSIGN_OR_RETURN(PickledStorage storage, LoadRoot(id));
  if (id.size() == 6 && id[5].kind() != ValueKind::kNone) {
    HOIST_ASSIGN_OR_RETURN(
        storage,
        LoadView(storage, *dtype,
                 absl::EndsWith(id[1].AsString(), "UntypedStorage"), id[5]));
  }
  return storage;
}

absl::StatusOr<PickledStorage> LegacyStorages::LoadRoot(Value id) {
  const DType dtype = *StorageClassDType(id[1].AsString());
  const absl::string_view key = id[2].AsString();
  const auto size_bytes = BytesOf(id[4].AsInt(), ElementBytes(dtype));
  if (!size_bytes) {
    return absl::DataLossError(absl::StrCat("storage ", key, " would have ",
                                            id[4].AsInt(), " elements"));
  }
  PickledStorage storage{
      .dtype = dtype,
      .is_untyped = absl::EndsWith(id[1].AsString(), "UntypedStorage"),
      .location = std::string(id[3].AsString())};
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) {
    return Add(key, *size_bytes, std::move(storage),
               {.element_bytes = ElementBytes(dtype)});
  }
  const int index = known->second.index;
  if (extents_[index].root) {
    return absl::DataLossError(absl::StrCat(
        "storage ", key, " is whole here, and a part of another elsewhere"));
  }
  if (entries_[index].size_bytes != static_cast<uint64_t>(*size_bytes)) {
    return absl::DataLossError(
        absl::StrCat("storage ", key, " has ", entries_[index].size_bytes,
                     " bytes in one place and ", *size_bytes, " in another"));
  }
  if (*size_bytes == 0) {
    // Only these may have several classes, as in torch.
    storage.index = index;
    return storage;
  }
  return known->second;
}

absl::StatusOr<PickledStorage> LegacyStorages::LoadView(
    const PickledStorage& root, DType dtype, bool is_untyped, Value view) {
  if (view.kind() != ValueKind::kTuple || view.size() != 3 ||
      view[0].kind() != ValueKind::kString ||
      view[1].kind() != ValueKind::kInt || view[2].kind() != ValueKind::kInt) {
    return absl::DataLossError("the view in its id is not (key, offset, size)");
  }
  const absl::string_view key = view[0].AsString();
  const StorageEntry& whole = entries_[root.index];
  const auto offset_bytes = BytesOf(view[1].AsInt(), ElementBytes(dtype));
  const auto size_bytes = BytesOf(view[2].AsInt(), ElementBytes(dtype));
  const auto end = offset_bytes && size_bytes
                       ? CheckedAdd(*offset_bytes, *size_bytes)
                       : std::nullopt;
  if (!end || static_cast<uint64_t>(*end) > whole.size_bytes) {
    return absl::DataLossError(
        absl::StrCat("view ", key, " of ", view[2].AsInt(), " elements from ",
                     view[1].AsInt(), " does not lie inside ", whole.name,
                     " of ", whole.size_bytes, " bytes"));
  }
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) {
    return Add(
        key, *size_bytes,
        {.dtype = dtype, .is_untyped = is_untyped, .location = root.location},
        {.root = root.index, .offset_bytes = *offset_bytes});
  }
  const int index = known->second.index;
  if (extents_[index].root.value_or(index) != root.index ||
      extents_[index].offset_bytes != *offset_bytes ||
      entries_[index].size_bytes != static_cast<uint64_t>(*size_bytes)) {
    return absl::DataLossError(
        absl::StrCat("view ", key,
                     " is one part of the storages here, and another "
                     "elsewhere"));
  }
  return known->second;
}

absl::StatusOr<PickledStorage> LegacyStorages::Add(absl::string_view key,
                                                   int64_t size_bytes,
                                                   PickledStorage storage,
                                                   Extent extent) {
  storage.index = static_cast<int>(entries_.size());
  entries_.push_back({.size_bytes = static_cast<uint64_t>(size_bytes),
                      .name = absl::StrCat("storage ", key)});
  extents_.push_back(extent);
  by_key_.emplace(key, storage);
  return storage;
}

absl::Status LegacyStorages::PlaceRoot(absl::string_view key,
                                       PickleStream& stream) {
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) {
    return absl::DataLossError(absl::StrCat(
        "The list of keys has ", key, ", which the object does not refer to"));
  }
  StorageEntry& entry = entries_[known->second.index];
  Extent& extent = extents_[known->second.index];
  if (extent.root || extent.is_placed) {
    return absl::DataLossError(absl::StrCat(
        "The list of keys has ", key,
        extent.root ? ", which is a part of another storage" : " twice"));
  }
  const std::string what = absl::StrCat("Storage ", key);
  const uint64_t at = stream.position();
  HOIST_ASSIGN_OR_RETURN(
      const int64_t count,
      stream.ReadInt64(absl::StrCat("The size of storage ", key)));
  const auto size_bytes = BytesOf(count, extent.element_bytes);
  if (!size_bytes || static_cast<uint64_t>(*size_bytes) != entry.size_bytes) {
    return absl::DataLossError(absl::StrCat(
        what, " has ", count, " elements by its size at offset ", at, ", and ",
        entry.size_bytes / static_cast<uint64_t>(extent.element_bytes),
        " belong to it"));
  }
  entry.offset_bytes = stream.position();
  extent.is_placed = true;
  return stream.Skip(entry.size_bytes, what);
}

absl::Status LegacyStorages::Place(Value keys, PickleStream& stream) {
  if (keys.kind() != ValueKind::kList && keys.kind() != ValueKind::kTuple) {
    return absl::DataLossError(
        absl::StrCat("Where the list of the storages' keys should be is a ",
                     keys.ClassName()));
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].kind() != ValueKind::kString) {
      return absl::DataLossError(
          absl::StrCat("Key ", i, " of the storages is a ", keys[i].ClassName(),
                       ", not text"));
    }
    HOIST_RETURN_IF_ERROR(PlaceRoot(keys[i].AsString(), stream));
  }
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Extent& extent = extents_[i];
    if (extent.root) {
      // Inside the root's extent, as was looked at.
      entries_[i].offset_bytes = entries_[*extent.root].offset_bytes +
                                 static_cast<uint64_t>(extent.offset_bytes);
    } else if (!extent.is_placed) {
      return absl::DataLossError(absl::StrCat("The list of keys does not have ",
                                              entries_[i].name,
                                              ", which the object refers to"));
    }
  }
  return absl::OkStatus();
}

// The three small pickles before the object.
absl::Status ReadHeader(PickleStream& stream, Catalog& catalog) {
  PlainVocabulary vocabulary;
  ValueGraph graph;
  const auto read = [&](absl::string_view what) -> absl::StatusOr<Value> {
    HOIST_ASSIGN_OR_RETURN(const ValueId id,
                           stream.ReadPickle(what, vocabulary, graph));
    return Value(&graph, id);
  };
  HOIST_ASSIGN_OR_RETURN(const Value magic, read("The magic number"));
  if (magic.kind() != ValueKind::kBigInt || ValueText(magic) != kMagic) {
    return WithHint(
        absl::InvalidArgumentError(
            absl::StrCat("The file starts with a pickled ", magic.ClassName(),
                         ", not with the magic number of torch.save")),
        "Check that this is the right file: it is a pickle, but not a "
        "checkpoint of PyTorch's");
  }
  const uint64_t at = stream.position();
  HOIST_ASSIGN_OR_RETURN(const Value version, read("The protocol version"));
  if (version.kind() != ValueKind::kInt) {
    return absl::DataLossError(absl::StrCat("The protocol version at offset ",
                                            at, " is a ", version.ClassName()));
  }
  if (version.AsInt() != kProtocolVersion) {
    return absl::UnimplementedError(absl::StrCat(
        "Version ", version.AsInt(), " of the legacy format is not known; ",
        kProtocolVersion, " is"));
  }
  catalog.format_version = absl::StrCat(version.AsInt());
  HOIST_ASSIGN_OR_RETURN(const Value sys_info,
                         read("The description of the system"));
  AddSysInfo(sys_info, catalog);
  return absl::OkStatus();
}

// A file as far as its object goes.
class LegacyFile {
 public:
  explicit LegacyFile(const RandomAccessFile& file)
      : stream_(file, 0, file.size_bytes(), kPieceBytes),
        vocabulary_(
            [this](ValueGraph&, Value id) { return storages_.Load(id); }) {
    catalog_.format = Format::kTorchLegacy;
    catalog_.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
    catalog_.producer = "PyTorch before 1.6 or its legacy writer";
  }

  // Reads the pickles, and finds the storages.
  absl::Status Read();

  absl::StatusOr<Catalog> MakeCatalog() &&;
  // Of an object that is a storage.
  absl::StatusOr<LegacyStorage> MakeStorage() const;

 private:
  PickleStream stream_;
  LegacyStorages storages_;
  TorchVocabulary vocabulary_;
  Catalog catalog_;
  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
  ValueId root_ = ValueGraph::kNoneId;
};

absl::Status LegacyFile::Read() {
  HOIST_RETURN_IF_ERROR(ReadHeader(stream_, catalog_));
  HOIST_ASSIGN_OR_RETURN(root_, stream_.ReadPickle("The pickle of the object",
                                                   vocabulary_, *graph_));
  PlainVocabulary plain;
  ValueGraph keys;
  HOIST_ASSIGN_OR_RETURN(
      const ValueId id,
      stream_.ReadPickle("The list of the storages' keys", plain, keys));
  return storages_.Place(Value(&keys, id), stream_);
}

absl::StatusOr<Catalog> LegacyFile::MakeCatalog() && {
  catalog_.storages = std::move(storages_.entries());
  if (stream_.left_bytes() > 0) {
    catalog_.warnings.push_back(absl::StrCat(
        stream_.left_bytes(), " bytes follow the checkpoint, at offset ",
        stream_.position(), ": torch.load does not read them either"));
  }
  HOIST_RETURN_IF_ERROR(
      FinishCatalog(std::move(graph_), root_, vocabulary_, catalog_));
  return std::move(catalog_);
}

absl::StatusOr<LegacyStorage> LegacyFile::MakeStorage() const {
  const Value root(graph_.get(), root_);
  if (root.kind() != ValueKind::kStorage) {
    return absl::UnimplementedError(
        absl::StrCat("the object is a ", root.ClassName(), ", not a storage"));
  }
  PickledStorage storage =
      vocabulary_.storages()[static_cast<size_t>(root.AsIndex())];
  const StorageEntry& entry =
      storages_.entries()[static_cast<size_t>(storage.index)];
  storage.index = 0;
  return LegacyStorage{.entry = entry, .storage = std::move(storage)};
}

}  // namespace

absl::StatusOr<Catalog> ReadTorchLegacy(const RandomAccessFile& file) {
  LegacyFile legacy(file);
  absl::Status status = legacy.Read();
  if (status.ok()) {
    auto catalog = std::move(legacy).MakeCatalog();
    if (catalog.ok()) {
      return catalog;
    }
    status = catalog.status();
  }
  return WithOldFormatHint(status);
}

absl::StatusOr<LegacyStorage> ReadLegacyStorage(const RandomAccessFile& file) {
  LegacyFile legacy(file);
  HOIST_RETURN_IF_ERROR(legacy.Read());
  return legacy.MakeStorage();
}

}  // namespace hoist
