#include "hoist/checkpoint/formats/torch_tar/torch_tar_reader.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/formats/torch_legacy/old_formats.h"
#include "hoist/checkpoint/formats/torch_tar/tar_directory.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_stream.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// Small: between the pickles are the storages.
constexpr size_t kPieceBytes = 4096;
// PyTorch itself computes with up to 64.
constexpr int32_t kMaxDimensions = 1000;
// After the number of dimensions, which was written as if it had 8 bytes.
constexpr uint64_t kGarbageBytes = 4;
constexpr absl::string_view kOldestVersion = "1000";

// A key, an address, as text: the pickle has it as text, the other members as
// a number. nullopt if it is neither.
std::optional<std::string> KeyOf(Value key) {
  if (key.kind() == ValueKind::kInt || key.kind() == ValueKind::kBigInt) {
    return ValueText(key);
  }
  if (key.kind() != ValueKind::kString) {
    return std::nullopt;
  }
  int64_t number;
  return absl::SimpleAtoi(key.AsString(), &number)
             ? absl::StrCat(number)
             : std::string(key.AsString());
}

// `count` elements in bytes; nullopt if it is negative or does not fit.
std::optional<int64_t> BytesOf(int64_t count, DType dtype) {
  return count < 0
             ? std::nullopt
             : CheckedMul(count, static_cast<int64_t>(DTypeBits(dtype) / 8));
}

// What the file keeps beside the pickle, by key.
class TarObjects {
 public:
  // Each reads a member from its beginning.
  absl::Status ReadStorages(PickleStream& stream);
  absl::Status ReadTensors(PickleStream& stream);

  // `id` is a key, (class, source file, source) or, as other programs write it,
  // ("storage", class, key, location, number of elements). Adds the tensors
  // that are asked for to `tensors`.
  absl::StatusOr<TorchVocabulary::Persistent> Load(
      ValueGraph& graph, Value id, std::vector<TensorEntry>& tensors);

  std::vector<StorageEntry>& entries() { return entries_; }

 private:
  struct TensorObject {
    TensorEntry entry;
    std::optional<ValueId> value;  // once it was asked for
  };

  absl::Status ReadStorage(PickleStream& stream, Value description);
  absl::Status ReadView(Value view);
  absl::Status ReadTensor(PickleStream& stream, Value description);
  absl::StatusOr<PickledStorage> FindStorage(absl::string_view key) const;
  absl::Status AddStorage(const std::string& key, StorageEntry entry,
                          PickledStorage storage);
  int EmptyStorage();
  static absl::StatusOr<DType> StorageDType(Value type);

  std::vector<StorageEntry> entries_;
  std::optional<int> empty_storage_;
  absl::flat_hash_map<std::string, PickledStorage> storages_;
  absl::flat_hash_map<std::string, TensorObject> tensors_;
};

// Reads a pickle of plain values, and gives it to `use` as a Value.
template <typename Use>
absl::Status WithPickle(PickleStream& stream, absl::string_view what, Use use) {
  PlainVocabulary vocabulary;
  ValueGraph graph;
  HOIST_ASSIGN_OR_RETURN(const ValueId id,
                         stream.ReadPickle(what, vocabulary, graph));
  return use(Value(&graph, id));
}

absl::StatusOr<int64_t> ReadCount(PickleStream& stream,
                                  absl::string_view what) {
  int64_t count = 0;
  HOIST_RETURN_IF_ERROR(
      WithPickle(stream, what, [&count, what](Value value) -> absl::Status {
        if (value.kind() != ValueKind::kInt || value.AsInt() < 0) {
          return absl::DataLossError(absl::StrCat(
              what, " is ", ValueText(value), ", no positive integer"));
        }
        count = value.AsInt();
        return absl::OkStatus();
      }));
  return count;
}

absl::StatusOr<DType> TarObjects::StorageDType(Value type) {
  const auto dtype = StorageClassDType(type.AsString());
  if (!dtype) {
    return absl::UnimplementedError(
        absl::StrCat("The storage class ", type.AsString(), " is not known"));
  }
  return *dtype;
}

absl::Status TarObjects::AddStorage(const std::string& key, StorageEntry entry,
                                    PickledStorage storage) {
  storage.index = static_cast<int>(entries_.size());
  if (!storages_.emplace(key, std::move(storage)).second) {
    return absl::DataLossError(
        absl::StrCat("Member storages has storage ", key, " twice"));
  }
  entry.name = absl::StrCat("storage ", key);
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::StatusOr<PickledStorage> TarObjects::FindStorage(
    absl::string_view key) const {
  const auto storage = storages_.find(key);
  if (storage == storages_.end()) {
    return absl::DataLossError(
        absl::StrCat("Member storages has no storage ", key));
  }
  return storage->second;
}

// (key, location, class), or (key, class) from alpha releases; then its size
// and its bytes.
absl::Status TarObjects::ReadStorage(PickleStream& stream, Value description) {
  const size_t size =
      description.kind() == ValueKind::kTuple ? description.size() : 0;
  const bool has_location = size == 3;
  std::optional<std::string> key;
  if (size == 2 || size == 3) {
    key = KeyOf(description[0]);
  }
  if (!key || description[size - 1].kind() != ValueKind::kClass ||
      (has_location && description[1].kind() != ValueKind::kString)) {
    return absl::DataLossError(
        absl::StrCat("The description of a storage before offset ",
                     stream.position(), " is not (key, location, class)"));
  }
  HOIST_ASSIGN_OR_RETURN(const DType dtype,
                         StorageDType(description[size - 1]));
  const std::string what = absl::StrCat("Storage ", *key);
  const uint64_t at = stream.position();
  HOIST_ASSIGN_OR_RETURN(
      const int64_t count,
      stream.ReadInt64(absl::StrCat("The size of storage ", *key)));
  const auto size_bytes = BytesOf(count, dtype);
  if (!size_bytes) {
    return absl::DataLossError(absl::StrCat(
        what, " would have ", count, " elements by its size at offset ", at));
  }
  HOIST_RETURN_IF_ERROR(AddStorage(
      *key,
      {.offset_bytes = stream.position(),
       .size_bytes = static_cast<uint64_t>(*size_bytes)},
      {.dtype = dtype,
       .location = has_location ? std::string(description[1].AsString())
                                : std::string("cpu")}));
  return stream.Skip(static_cast<uint64_t>(*size_bytes), what);
}

// (key, key of the whole, offset, number of elements)
absl::Status TarObjects::ReadView(Value view) {
  if (view.kind() != ValueKind::kTuple || view.size() != 4 || !KeyOf(view[0]) ||
      !KeyOf(view[1]) || view[2].kind() != ValueKind::kInt ||
      view[3].kind() != ValueKind::kInt) {
    return absl::DataLossError(
        "A view of member storages is not (key, key, offset, size)");
  }
  const std::string key = *KeyOf(view[0]);
  HOIST_ASSIGN_OR_RETURN(const PickledStorage whole,
                         FindStorage(*KeyOf(view[1])));
  const StorageEntry& entry = entries_[whole.index];
  const auto offset_bytes = BytesOf(view[2].AsInt(), whole.dtype);
  const auto size_bytes = BytesOf(view[3].AsInt(), whole.dtype);
  const auto end = offset_bytes && size_bytes
                       ? CheckedAdd(*offset_bytes, *size_bytes)
                       : std::nullopt;
  if (!end || static_cast<uint64_t>(*end) > entry.size_bytes) {
    return absl::DataLossError(
        absl::StrCat("View ", key, " of ", view[3].AsInt(), " elements from ",
                     view[2].AsInt(), " does not lie inside ", entry.name,
                     " of ", entry.size_bytes, " bytes"));
  }
  return AddStorage(key,
                    {.offset_bytes = entry.offset_bytes +
                                     static_cast<uint64_t>(*offset_bytes),
                     .size_bytes = static_cast<uint64_t>(*size_bytes)},
                    whole);
}

absl::Status TarObjects::ReadStorages(PickleStream& stream) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count,
                         ReadCount(stream, "The number of storages"));
  for (int64_t i = 0; i < count; ++i) {
    HOIST_RETURN_IF_ERROR(WithPickle(
        stream, absl::StrCat("The description of storage number ", i),
        [this, &stream](Value description) {
          return ReadStorage(stream, description);
        }));
  }
  // Alpha releases had no views.
  if (stream.left_bytes() == 0) {
    return absl::OkStatus();
  }
  return WithPickle(
      stream, "The list of storage views", [this](Value views) -> absl::Status {
        if (views.kind() != ValueKind::kList) {
          return absl::DataLossError(
              absl::StrCat("Where the list of storage views should be is a ",
                           views.ClassName()));
        }
        for (size_t i = 0; i < views.size(); ++i) {
          HOIST_RETURN_IF_ERROR(ReadView(views[i]));
        }
        return absl::OkStatus();
      });
}

// For tensors without a storage, which have no elements.
int TarObjects::EmptyStorage() {
  if (!empty_storage_) {
    empty_storage_ = static_cast<int>(entries_.size());
    entries_.push_back({.name = "no storage"});
  }
  return *empty_storage_;
}

// The dtype of the tensor's class, "torch.FloatTensor".
absl::StatusOr<DType> TensorClassDType(Value type) {
  absl::string_view name = type.AsString();
  const auto dtype = absl::ConsumeSuffix(&name, "Tensor")
                         ? StorageClassDType(absl::StrCat(name, "Storage"))
                         : std::nullopt;
  if (!dtype) {
    return absl::UnimplementedError(
        absl::StrCat("The tensor class ", type.AsString(), " is not known"));
  }
  return *dtype;
}

// (key, key of the storage or None, class), in alpha releases (key, class, key
// of the storage); then its dimensions.
absl::Status TarObjects::ReadTensor(PickleStream& stream, Value description) {
  const bool is_triple =
      description.kind() == ValueKind::kTuple && description.size() == 3;
  const bool is_alpha = is_triple && description[1].kind() == ValueKind::kClass;
  const auto key = is_triple ? KeyOf(description[0]) : std::nullopt;
  if (!key || description[is_alpha ? 1 : 2].kind() != ValueKind::kClass) {
    return absl::DataLossError(
        absl::StrCat("The description of a tensor before offset ",
                     stream.position(), " is not (key, storage, class)"));
  }
  const Value storage_key = description[is_alpha ? 2 : 1];
  const Value type = description[is_alpha ? 1 : 2];
  TensorEntry tensor;
  if (storage_key.kind() == ValueKind::kNone) {
    HOIST_ASSIGN_OR_RETURN(tensor.spec.dtype, TensorClassDType(type));
    tensor.storage = EmptyStorage();
  } else {
    const auto text = KeyOf(storage_key);
    if (!text) {
      return absl::DataLossError(absl::StrCat("Tensor ", *key, " lies over a ",
                                              storage_key.ClassName()));
    }
    auto storage = FindStorage(*text);
    if (!storage.ok()) {
      return Annotate(storage.status(), absl::StrCat("Tensor ", *key));
    }
    tensor.spec.dtype = storage->dtype;
    tensor.storage = storage->index;
    tensor.location = std::move(storage->location);
  }

  const std::string what = absl::StrCat("The shape of tensor ", *key);
  const uint64_t at = stream.position();
  HOIST_ASSIGN_OR_RETURN(const int32_t dimensions, stream.ReadInt32(what));
  if (dimensions < 0 || dimensions > kMaxDimensions) {
    return absl::DataLossError(
        absl::StrCat(what, " at offset ", at, " would have ", dimensions,
                     " dimensions; ", kMaxDimensions, " are the most"));
  }
  HOIST_RETURN_IF_ERROR(stream.Skip(kGarbageBytes, what));
  for (std::vector<int64_t>* const numbers :
       {&tensor.spec.shape, &tensor.spec.strides}) {
    for (int32_t i = 0; i < dimensions; ++i) {
      HOIST_ASSIGN_OR_RETURN(const int64_t number, stream.ReadInt64(what));
      numbers->push_back(number);
    }
  }
  HOIST_ASSIGN_OR_RETURN(tensor.storage_offset, stream.ReadInt64(what));
  if (dimensions == 0 && entries_[*tensor.storage].size_bytes == 0) {
    // There were no scalars yet: without dimensions it has no elements.
    tensor.spec.shape = {0};
    tensor.spec.strides = {1};
  }
  if (storages_.contains(*key) ||
      !tensors_.emplace(*key, TensorObject{.entry = std::move(tensor)})
           .second) {
    return absl::DataLossError(
        absl::StrCat("The archive has two objects of the key ", *key));
  }
  return absl::OkStatus();
}

absl::Status TarObjects::ReadTensors(PickleStream& stream) {
  HOIST_ASSIGN_OR_RETURN(const int64_t count,
                         ReadCount(stream, "The number of tensors"));
  for (int64_t i = 0; i < count; ++i) {
    HOIST_RETURN_IF_ERROR(
        WithPickle(stream, absl::StrCat("The description of tensor number ", i),
                   [this, &stream](Value description) {
                     return ReadTensor(stream, description);
                   }));
  }
  return absl::OkStatus();
}

absl::StatusOr<TorchVocabulary::Persistent> TarObjects::Load(
    ValueGraph& graph, Value id, std::vector<TensorEntry>& tensors) {
  if (id.kind() == ValueKind::kTuple && id.size() == 3 &&
      id[0].kind() == ValueKind::kClass) {
    return id[0].id();
  }
  if (id.kind() == ValueKind::kTuple && (id.size() == 5 || id.size() == 6) &&
      id[0].kind() == ValueKind::kString && id[0].AsString() == "storage" &&
      id[1].kind() == ValueKind::kClass && KeyOf(id[2]) &&
      id[4].kind() == ValueKind::kInt &&
      (id.size() == 5 || id[5].kind() == ValueKind::kNone)) {
    HOIST_ASSIGN_OR_RETURN(PickledStorage storage, FindStorage(*KeyOf(id[2])));
    HOIST_ASSIGN_OR_RETURN(const DType dtype, StorageDType(id[1]));
    const StorageEntry& entry = entries_[storage.index];
    const auto size_bytes = BytesOf(id[4].AsInt(), dtype);
    if (dtype != storage.dtype || !size_bytes ||
        static_cast<uint64_t>(*size_bytes) != entry.size_bytes) {
      return absl::DataLossError(absl::StrCat(
          entry.name, " is ", id[4].AsInt(), " elements of ", DTypeName(dtype),
          " here, and ", entry.size_bytes, " bytes of ",
          DTypeName(storage.dtype), " in member storages"));
    }
    return storage;
  }
  const auto key = KeyOf(id);
  if (!key) {
    return absl::DataLossError(
        "its id is neither a key nor (class, source file, source)");
  }
  const auto tensor = tensors_.find(*key);
  if (tensor == tensors_.end()) {
    if (!storages_.contains(*key)) {
      return absl::DataLossError(absl::StrCat(
          "the archive has no tensor or storage of the key ", *key));
    }
    return FindStorage(*key);
  }
  // The same tensor each time, as in torch.
  std::optional<ValueId>& value = tensor->second.value;
  if (!value) {
    value = graph.Add({.kind = ValueKind::kTensor,
                       .data = static_cast<int64_t>(tensors.size())});
    tensors.push_back(tensor->second.entry);
  }
  return *value;
}

absl::StatusOr<Catalog> Read(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(
      const auto members,
      ReadTarDirectory(file, {"sys_info", "pickle", "tensors", "storages"}));
  if (members.empty()) {
    return WithHint(
        absl::InvalidArgumentError(
            "The tar archive is no checkpoint of PyTorch's: it has none of the "
            "members sys_info, pickle, tensors and storages"),
        "Unpack it, and load the checkpoint inside");
  }
  const auto open =
      [&](absl::string_view name) -> absl::StatusOr<PickleStream> {
    const auto member = members.find(name);
    if (member == members.end()) {
      return absl::DataLossError(
          absl::StrCat("The tar archive has no member ", name));
    }
    return PickleStream(file, member->second.offset_bytes,
                        member->second.offset_bytes + member->second.size_bytes,
                        kPieceBytes);
  };

  Catalog catalog;
  catalog.format = Format::kTorchTar;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  catalog.producer = "PyTorch before 0.1.11";
  catalog.format_version = std::string(kOldestVersion);
  if (members.contains("sys_info")) {
    HOIST_ASSIGN_OR_RETURN(PickleStream sys_info, open("sys_info"));
    HOIST_RETURN_IF_ERROR(WithPickle(
        sys_info, "Member sys_info", [&catalog](Value value) -> absl::Status {
          AddSysInfo(value, catalog);
          const auto little = value.Find("little_endian");
          if (little && little->kind() == ValueKind::kBool &&
              !little->AsBool()) {
            return absl::UnimplementedError(
                "The checkpoint was saved on a big-endian machine, in that "
                "machine's byte order");
          }
          return absl::OkStatus();
        }));
  }
  for (const auto& [key, value] : catalog.metadata) {
    if (key == "protocol_version") {
      catalog.format_version = value;
    }
  }

  TarObjects objects;
  HOIST_ASSIGN_OR_RETURN(PickleStream storages, open("storages"));
  HOIST_RETURN_IF_ERROR(objects.ReadStorages(storages));
  if (members.contains("tensors")) {
    HOIST_ASSIGN_OR_RETURN(PickleStream tensors, open("tensors"));
    HOIST_RETURN_IF_ERROR(objects.ReadTensors(tensors));
  }
  std::vector<TensorEntry>* tensors = nullptr;
  TorchVocabulary vocabulary([&objects, &tensors](ValueGraph& graph, Value id) {
    return objects.Load(graph, id, *tensors);
  });
  tensors = &vocabulary.tensors();
  auto graph = std::make_shared<ValueGraph>();
  HOIST_ASSIGN_OR_RETURN(PickleStream pickle, open("pickle"));
  HOIST_ASSIGN_OR_RETURN(
      const ValueId root,
      pickle.ReadPickle("The pickle of the object", vocabulary, *graph));
  catalog.storages = std::move(objects.entries());
  HOIST_RETURN_IF_ERROR(
      FinishCatalog(std::move(graph), root, vocabulary, catalog));
  return catalog;
}

}  // namespace

absl::StatusOr<Catalog> ReadTorchTar(const RandomAccessFile& file) {
  auto catalog = Read(file);
  if (!catalog.ok()) {
    return WithOldFormatHint(catalog.status());
  }
  return catalog;
}

}  // namespace hoist
