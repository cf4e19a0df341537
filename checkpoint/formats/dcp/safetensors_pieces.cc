#include "hoist/checkpoint/formats/dcp/safetensors_pieces.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr char kInfoKey[] = "DCP_SHARDING_INFO";
constexpr size_t kMaxDepth = 16;

using Offsets = absl::flat_hash_map<std::string, std::vector<int64_t>>;

absl::StatusOr<Offsets> ParseOffsets(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  const simdjson::padded_string padded(text);
  if (parser.allocate(std::max<size_t>(text.size(), 1), kMaxDepth) !=
          simdjson::SUCCESS ||
      parser.parse(padded).get(root) != simdjson::SUCCESS) {
    return absl::DataLossError(
        absl::StrCat(kInfoKey, " in its header is no JSON object"));
  }
  Offsets all;
  for (const simdjson::dom::key_value_pair field : root) {
    simdjson::dom::array array;
    std::vector<int64_t> offsets;
    bool is_known =
        field.value.at_key("saved_offsets").get(array) == simdjson::SUCCESS;
    if (is_known) {
      for (const simdjson::dom::element item : array) {
        int64_t offset;
        is_known = is_known && item.get(offset) == simdjson::SUCCESS;
        offsets.push_back(is_known ? offset : 0);
      }
    }
    const std::string name(field.key);
    if (!is_known || !all.emplace(name, std::move(offsets)).second) {
      return absl::DataLossError(
          absl::StrCat(kInfoKey, " in its header does not say once where ",
                       QuotedName(name), " begins"));
    }
  }
  return all;
}

// Nullptr if the file says nothing of the kind.
const std::string* FindInfo(const Catalog& catalog) {
  for (const auto& [key, value] : catalog.metadata) {
    if (key == kInfoKey) {
      return &value;
    }
  }
  return nullptr;
}

// Pieces by the tensors that they are of.
class PieceSet {
 public:
  absl::Status AddFile(Catalog catalog, const Offsets& offsets, int file);
  absl::Status JoinAll(PiecedCheckpoint& checkpoint);

 private:
  struct PiecedTensor {
    std::string name;
    DType dtype = DType::kFloat32;
    std::vector<int64_t> shape;
    std::vector<FoundPiece> pieces;
  };

  std::vector<PiecedTensor> tensors_;  // in the order they are found in
  absl::flat_hash_map<std::string, size_t> by_name_;
};

absl::Status PieceSet::AddFile(Catalog catalog, const Offsets& offsets,
                               int file) {
  for (TensorEntry& entry : catalog.tensors) {
    const auto found = offsets.find(entry.name);
    if (found == offsets.end() ||
        found->second.size() != entry.spec.shape.size() || !entry.storage) {
      return absl::DataLossError(
          absl::StrCat("Tensor ", QuotedName(entry.name), " of shape ",
                       ShapeString(entry.spec.shape),
                       ": its header does not say where the piece begins"));
    }
    FoundPiece piece{
        .box = {found->second, entry.spec.shape},
        .storage = catalog.storages[static_cast<size_t>(*entry.storage)],
        .spec = entry.spec,
        .storage_offset = entry.storage_offset};
    piece.storage.file = file;
    const auto [known, is_new] =
        by_name_.try_emplace(entry.name, tensors_.size());
    if (is_new) {
      tensors_.push_back(
          {.name = entry.name,
           .dtype = entry.spec.dtype,
           .shape = std::vector<int64_t>(entry.spec.shape.size(), 0)});
    }
    PiecedTensor& tensor = tensors_[known->second];
    if (tensor.shape.size() != entry.spec.shape.size()) {
      return absl::DataLossError(
          absl::StrCat("Tensor ", QuotedName(entry.name), " has ",
                       tensor.shape.size(), " dimensions in one file and ",
                       entry.spec.shape.size(), " in another"));
    }
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      int64_t end;
      if (piece.box.offsets[i] < 0 ||
          __builtin_add_overflow(piece.box.offsets[i], piece.box.sizes[i],
                                 &end)) {
        return absl::DataLossError(absl::StrCat(
            "Tensor ", QuotedName(entry.name), ": its piece begins at ",
            ShapeString(piece.box.offsets)));
      }
      tensor.shape[i] = std::max(tensor.shape[i], end);
    }
    tensor.pieces.push_back(std::move(piece));
  }
  return absl::OkStatus();
}

absl::Status PieceSet::JoinAll(PiecedCheckpoint& checkpoint) {
  auto graph = std::make_shared<ValueGraph>();
  const auto cache = std::make_shared<BlockCache>(0);
  std::vector<ValueId> items;
  for (PiecedTensor& tensor : tensors_) {
    std::vector<TensorBox> boxes;
    for (const FoundPiece& piece : tensor.pieces) {
      boxes.push_back(piece.box);
    }
    absl::Status status = CheckBoxesCover(boxes, tensor.shape);
    if (status.ok()) {
      std::erase_if(tensor.pieces,
                    [](const FoundPiece& piece) { return IsEmpty(piece.box); });
      auto entry = JoinPieces(tensor.name, tensor.dtype, tensor.shape,
                              std::move(tensor.pieces), cache, checkpoint);
      status = entry.status();
      if (status.ok()) {
        checkpoint.catalog.tensors.push_back(*std::move(entry));
      }
    }
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("Tensor ", QuotedName(tensor.name)));
    }
    items.push_back(graph->AddString(tensor.name));
    items.push_back(graph->Add(
        {.kind = ValueKind::kTensor,
         .data = static_cast<int64_t>(checkpoint.catalog.tensors.size() - 1)}));
  }
  checkpoint.catalog.root_id = graph->AddItems(ValueKind::kDict, items);
  checkpoint.catalog.values = std::move(graph);
  return ValidateCatalog(checkpoint.catalog);
}

}  // namespace

absl::StatusOr<std::optional<PiecedCheckpoint>> ReadSafetensorsPieces(
    absl::Span<const std::shared_ptr<const RandomAccessFile>> files) {
  PiecedCheckpoint checkpoint;
  PieceSet pieces;
  for (size_t i = 0; i < files.size(); ++i) {
    const RandomAccessFile& file = *files[i];
    auto catalog = ReadSafetensors(file);
    if (!catalog.ok()) {
      if (i == 0 && absl::IsInvalidArgument(catalog.status())) {
        return std::nullopt;
      }
      return Annotate(catalog.status(), file.path());
    }
    const std::string* const info = FindInfo(*catalog);
    if (info == nullptr && i == 0) {
      return std::nullopt;
    }
    if (info == nullptr) {
      return absl::DataLossError(
          absl::StrCat(file.path(),
                       ": Its header does not say which pieces of tensors it "
                       "has (",
                       kInfoKey, "), as others beside it do"));
    }
    auto offsets = ParseOffsets(*info);
    absl::Status status = offsets.status();
    if (status.ok()) {
      status =
          pieces.AddFile(*std::move(catalog), *offsets, static_cast<int>(i));
    }
    if (!status.ok()) {
      return Annotate(status, file.path());
    }
    checkpoint.catalog.files.push_back(
        {.path = file.path(), .size_bytes = file.size_bytes()});
    checkpoint.files.push_back(files[i]);
  }
  checkpoint.catalog.format = Format::kDcp;
  checkpoint.catalog.format_version = "safetensors";
  checkpoint.catalog.warnings.push_back(absl::StrCat(
      "Shapes are those that the pieces in ", files.size(),
      files.size() == 1 ? " file" : " files",
      " have together: such files do not say how many there were"));
  HOIST_RETURN_IF_ERROR(pieces.JoinAll(checkpoint));
  return std::optional<PiecedCheckpoint>(std::move(checkpoint));
}

}  // namespace hoist
