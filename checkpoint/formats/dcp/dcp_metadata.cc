#include "hoist/checkpoint/formats/dcp/dcp_metadata.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

// PyTorch has no tensors of more.
constexpr size_t kMaxDimensions = 64;
// Of the name of a tensor or a file, which may be in many places.
constexpr size_t kMaxNameBytes = 16'384;

absl::Status CheckFileName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes ||
      absl::StrContains(name, '\0')) {
    return absl::DataLossError(
        absl::StrCat("It is in a file without a name: ", QuotedName(name)));
  }
  const std::vector<absl::string_view> parts =
      absl::StrSplit(name, absl::ByAnyChar("/\\"));
  if (parts[0].empty() ||
      std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return WithHint(
        absl::PermissionDeniedError(
            absl::StrCat("It is in ", QuotedName(name),
                         ", which leads out of the checkpoint's folder")),
        "No program writes such metadata; do not trust where it comes from");
  }
  return absl::OkStatus();
}

// The name of a class without its module, which has changed over the years.
absl::string_view ClassOf(const std::string& class_name) {
  const size_t dot = class_name.rfind('.');
  return dot == std::string::npos
             ? absl::string_view(class_name)
             : absl::string_view(class_name).substr(dot + 1);
}

bool IsObject(Value value, absl::string_view class_name) {
  return value.kind() == ValueKind::kOpaque &&
         ClassOf(value.ClassName()) == class_name;
}

// An attribute that is not None.
std::optional<Value> Attribute(Value object, absl::string_view name) {
  const std::optional<Value> found = object.state().Find(name);
  return found && found->kind() != ValueKind::kNone ? found : std::nullopt;
}

class MetadataReader {
 public:
  explicit MetadataReader(size_t pickle_bytes) : left_numbers_(pickle_bytes) {}

  absl::StatusOr<DcpMetadata> Read(Value root);

 private:
  // What storage_data is looked up by.
  struct Key {
    absl::string_view name;
    std::vector<int64_t> offsets;
    bool has_offsets = false;

    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.name, key.offsets, key.has_offsets);
    }
    friend bool operator==(const Key&, const Key&) = default;
  };

  absl::StatusOr<std::vector<int64_t>> Sizes(std::optional<Value> value,
                                             absl::string_view what);
  absl::Status ReadStorageData(Value data);
  absl::StatusOr<DcpExtent> ReadExtent(Value info);
  absl::StatusOr<DcpExtent> FindExtent(const Key& key) const;
  absl::Status ReadItem(Value entry, DcpItem& item);
  absl::Status ReadTensor(Value entry, DcpItem& item);
  void SortFiles(DcpMetadata& metadata) const;

  // Numbers that may still be copied: a tuple can be in many places, but no
  // file that is one has more of them than bytes.
  size_t left_numbers_;
  absl::flat_hash_map<Key, DcpExtent> extents_;
  absl::flat_hash_map<std::string, int> files_;
};

absl::StatusOr<std::vector<int64_t>> MetadataReader::Sizes(
    std::optional<Value> value, absl::string_view what) {
  if (value && IsObject(*value, "Size") && value->size() == 1) {
    value = (*value)[0];
  }
  if (!value || (value->kind() != ValueKind::kTuple &&
                 value->kind() != ValueKind::kList)) {
    return absl::DataLossError(absl::StrCat("its ", what, " are no tuple"));
  }
  if (value->size() > kMaxDimensions) {
    return absl::DataLossError(
        absl::StrCat("its ", what, " have ", value->size(), " dimensions"));
  }
  if (value->size() > left_numbers_) {
    return absl::DataLossError("more pieces than fit into its bytes");
  }
  left_numbers_ -= value->size();
  std::vector<int64_t> sizes;
  sizes.reserve(value->size());
  for (size_t i = 0; i < value->size(); ++i) {
    if ((*value)[i].kind() != ValueKind::kInt || (*value)[i].AsInt() < 0) {
      return absl::DataLossError(absl::StrCat("its ", what, " have a ",
                                              ValueText((*value)[i]),
                                              " in place of a size"));
    }
    sizes.push_back((*value)[i].AsInt());
  }
  return sizes;
}

absl::StatusOr<DcpExtent> MetadataReader::ReadExtent(Value info) {
  const auto path = Attribute(info, "relative_path");
  const auto offset = Attribute(info, "offset");
  const auto length = Attribute(info, "length");
  if (info.kind() != ValueKind::kOpaque || !path ||
      path->kind() != ValueKind::kString || !offset ||
      offset->kind() != ValueKind::kInt || !length ||
      length->kind() != ValueKind::kInt) {
    return absl::UnimplementedError(
        absl::StrCat("Where it is says a ", info.ClassName(),
                     ", which Hoist does not know"));
  }
  HOIST_RETURN_IF_ERROR(CheckFileName(path->AsString()));
  if (offset->AsInt() < 0 || length->AsInt() < 0) {
    return absl::DataLossError(absl::StrCat("It has ", length->AsInt(),
                                            " bytes from byte ",
                                            offset->AsInt(), " on"));
  }
  DcpExtent extent{.offset_bytes = static_cast<uint64_t>(offset->AsInt()),
                   .size_bytes = static_cast<uint64_t>(length->AsInt())};
  extent.file = files_
                    .try_emplace(std::string(path->AsString()),
                                 static_cast<int>(files_.size()))
                    .first->second;
  const auto transforms = Attribute(info, "transform_descriptors");
  constexpr size_t kMaxTransforms = 8;
  if (transforms) {
    if ((transforms->kind() != ValueKind::kList &&
         transforms->kind() != ValueKind::kTuple) ||
        transforms->size() > kMaxTransforms ||
        transforms->size() > left_numbers_) {
      return absl::DataLossError("Its transform_descriptors are no short list");
    }
    left_numbers_ -= transforms->size();
    for (size_t i = 0; i < transforms->size(); ++i) {
      constexpr size_t kMaxShown = 60;
      extent.transforms.push_back(
          ValueText((*transforms)[i]).substr(0, kMaxShown));
    }
  }
  return extent;
}

absl::Status MetadataReader::ReadStorageData(Value data) {
  if (data.kind() != ValueKind::kDict) {
    return absl::UnimplementedError(absl::StrCat(
        "storage_data is a ", data.ClassName(), ", which Hoist does not know"));
  }
  for (size_t i = 0; i < data.size(); ++i) {
    const Value index = data.key(i);
    const auto name = Attribute(index, "fqn");
    if (!IsObject(index, "MetadataIndex") || !name ||
        name->kind() != ValueKind::kString ||
        name->AsString().size() > kMaxNameBytes) {
      return absl::DataLossError(absl::StrCat("storage_data has a ",
                                              index.ClassName(),
                                              " as a key, not a "
                                              "MetadataIndex with a name"));
    }
    const std::string context =
        absl::StrCat("storage_data of ", QuotedName(name->AsString()));
    Key key{.name = name->AsString()};
    if (const auto offset = Attribute(index, "offset")) {
      auto offsets = Sizes(offset, "offsets");
      if (!offsets.ok()) {
        return Annotate(offsets.status(), context);
      }
      key.offsets = *std::move(offsets);
      key.has_offsets = true;
    }
    auto extent = ReadExtent(data.value(i));
    if (!extent.ok()) {
      return Annotate(extent.status(), context);
    }
    if (!extents_.try_emplace(key, *std::move(extent)).second) {
      return absl::DataLossError(absl::StrCat(context, ": What begins at ",
                                              ShapeString(key.offsets),
                                              " is in two places"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DcpExtent> MetadataReader::FindExtent(const Key& key) const {
  const auto found = extents_.find(key);
  if (found == extents_.end()) {
    return absl::DataLossError("storage_data does not say where it is");
  }
  return found->second;
}

absl::Status MetadataReader::ReadTensor(Value entry, DcpItem& item) {
  const auto properties = Attribute(entry, "properties");
  std::optional<Value> dtype;
  if (properties) {
    const Value state = properties->state();
    if (state.kind() == ValueKind::kTuple && state.size() > 0) {
      dtype = state[0];
    } else {
      dtype = state.Find("dtype");
    }
  }
  if (!dtype || dtype->kind() != ValueKind::kClass) {
    return absl::DataLossError("its properties have no dtype");
  }
  absl::string_view dtype_name = dtype->AsString();
  const std::optional<DType> known = absl::ConsumePrefix(&dtype_name, "torch.")
                                         ? DTypeFromName(dtype_name)
                                         : std::nullopt;
  if (!known) {
    return absl::UnimplementedError(absl::StrCat(
        "the dtype ", QuotedName(dtype->AsString()), " is not known"));
  }
  item.dtype = *known;
  HOIST_ASSIGN_OR_RETURN(item.shape, Sizes(Attribute(entry, "size"), "sizes"));
  HOIST_ASSIGN_OR_RETURN(const TensorSpec spec,
                         ContiguousSpec(item.dtype, item.shape));
  HOIST_RETURN_IF_ERROR(LogicalBytes(spec).status());
  const auto chunks = Attribute(entry, "chunks");
  if (!chunks || chunks->kind() != ValueKind::kList) {
    return absl::DataLossError("its chunks are no list");
  }
  std::vector<TensorBox> boxes;
  // What every rank has of a scalar is the same.
  const size_t count =
      item.shape.empty() ? std::min<size_t>(chunks->size(), 1) : chunks->size();
  for (size_t i = 0; i < count; ++i) {
    const Value chunk = (*chunks)[i];
    DcpPiece piece;
    HOIST_ASSIGN_OR_RETURN(piece.box.offsets, Sizes(Attribute(chunk, "offsets"),
                                                    "piece's offsets"));
    HOIST_ASSIGN_OR_RETURN(piece.box.sizes,
                           Sizes(Attribute(chunk, "sizes"), "piece's sizes"));
    HOIST_RETURN_IF_ERROR(CheckBoxInside(piece.box, item.shape));
    // Ranks that have nothing of a tensor begin where it ends, all of them.
    if (IsEmpty(piece.box)) {
      continue;
    }
    Key key{
        .name = item.name, .offsets = piece.box.offsets, .has_offsets = true};
    if (count == 1 && !extents_.contains(key)) {
      key.offsets.clear();
      key.has_offsets = false;
    }
    auto extent = FindExtent(key);
    if (!extent.ok()) {
      return Annotate(extent.status(),
                      absl::StrCat("piece ", BoxText(piece.box)));
    }
    piece.extent = *std::move(extent);
    boxes.push_back(piece.box);
    item.pieces.push_back(std::move(piece));
  }
  return CheckBoxesCover(boxes, item.shape);
}

absl::Status MetadataReader::ReadItem(Value entry, DcpItem& item) {
  if (IsObject(entry, "TensorStorageMetadata")) {
    item.is_tensor = true;
    return ReadTensor(entry, item);
  }
  if (!IsObject(entry, "BytesStorageMetadata")) {
    return absl::UnimplementedError(absl::StrCat(
        "it is a ", entry.ClassName(), ", which Hoist does not know"));
  }
  HOIST_ASSIGN_OR_RETURN(DcpExtent extent, FindExtent({.name = item.name}));
  item.pieces.push_back({.extent = std::move(extent)});
  return absl::OkStatus();
}

// The keys of `path`, a tuple, if they are those that are in the item's name;
// else that as one key.
void SetPath(const std::optional<Value>& path, DcpItem& item) {
  std::string joined;
  const bool is_tuple =
      path && path->kind() == ValueKind::kTuple && path->size() > 0;
  for (size_t i = 0; is_tuple && i < path->size(); ++i) {
    const Value key = (*path)[i];
    if (joined.size() > item.name.size() ||
        (i == 0 && key.kind() != ValueKind::kString)) {
      joined.clear();
      break;
    }
    absl::StrAppend(&joined, i > 0 ? "." : "");
    if (key.kind() == ValueKind::kString) {
      absl::StrAppend(&joined, key.AsString());
      item.path.emplace_back(std::string(key.AsString()));
    } else if (key.kind() == ValueKind::kInt && key.AsInt() >= 0) {
      absl::StrAppend(&joined, key.AsInt());
      item.path.emplace_back(key.AsInt());
    } else {
      item.path.clear();
      break;
    }
  }
  if (item.path.empty() || joined != item.name ||
      item.path.size() != path->size()) {
    item.path.clear();
    item.path.emplace_back(item.name);
  }
}

// Gives extents the indices that their files have by name.
void MetadataReader::SortFiles(DcpMetadata& metadata) const {
  for (const auto& [name, index] : files_) {
    metadata.files.push_back(name);
  }
  std::sort(metadata.files.begin(), metadata.files.end());
  std::vector<int> sorted(files_.size());
  for (const auto& [name, index] : files_) {
    sorted[static_cast<size_t>(index)] = static_cast<int>(
        std::lower_bound(metadata.files.begin(), metadata.files.end(), name) -
        metadata.files.begin());
  }
  for (DcpItem& item : metadata.items) {
    for (DcpPiece& piece : item.pieces) {
      piece.extent.file = sorted[static_cast<size_t>(piece.extent.file)];
    }
  }
}

absl::StatusOr<DcpMetadata> MetadataReader::Read(Value root) {
  const auto entries = Attribute(root, "state_dict_metadata");
  if (!IsObject(root, "Metadata") || !entries ||
      entries->kind() != ValueKind::kDict) {
    return absl::DataLossError(
        absl::StrCat("A ", root.ClassName(),
                     " in place of the metadata of a distributed checkpoint"));
  }
  DcpMetadata metadata;
  if (const auto data = Attribute(root, "storage_data")) {
    HOIST_RETURN_IF_ERROR(ReadStorageData(*data));
  }
  if (const auto version = Attribute(root, "version");
      version && version->kind() == ValueKind::kString) {
    metadata.version = std::string(version->AsString());
  }
  // Paths by name, of a planner that keeps them.
  absl::flat_hash_map<absl::string_view, Value> paths;
  if (const auto planner = Attribute(root, "planner_data");
      planner && planner->kind() == ValueKind::kDict) {
    for (size_t i = 0; i < planner->size(); ++i) {
      if (planner->key(i).kind() == ValueKind::kString) {
        paths.insert_or_assign(planner->key(i).AsString(), planner->value(i));
      }
    }
  }
  metadata.items.reserve(entries->size());
  for (size_t i = 0; i < entries->size(); ++i) {
    const Value name = entries->key(i);
    if (name.kind() != ValueKind::kString ||
        name.AsString().size() > kMaxNameBytes) {
      return absl::DataLossError(absl::StrCat(
          "state_dict_metadata has a ", name.ClassName(),
          " as a name, not a string of up to ", kMaxNameBytes, " bytes"));
    }
    DcpItem item{.name = std::string(name.AsString())};
    if (absl::Status status = ReadItem(entries->value(i), item); !status.ok()) {
      // A number of the file's is at fault, not the caller.
      if (absl::IsInvalidArgument(status)) {
        status = absl::DataLossError(status.message());
      }
      return Annotate(status,
                      absl::StrCat(item.is_tensor ? "Tensor " : "Value ",
                                   QuotedName(item.name)));
    }
    const auto path = paths.find(item.name);
    SetPath(
        path == paths.end() ? std::nullopt : std::optional<Value>(path->second),
        item);
    metadata.items.push_back(std::move(item));
  }
  SortFiles(metadata);
  return metadata;
}

}  // namespace

absl::StatusOr<DcpMetadata> ParseDcpMetadata(absl::Span<const uint8_t> bytes) {
  TorchVocabulary vocabulary(
      [](ValueGraph&, Value) -> absl::StatusOr<TorchVocabulary::Persistent> {
        return absl::DataLossError(
            "The metadata refers to something outside of it");
      });
  ValueGraph graph;
  HOIST_ASSIGN_OR_RETURN(const PickleResult read,
                         ReadPickle(bytes, vocabulary, graph));
  return MetadataReader(bytes.size()).Read(Value(&graph, read.root));
}

}  // namespace hoist
