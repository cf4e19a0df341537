#include "hoist/checkpoint/testing/catalog_text.h"

#include <bit>
#include <complex>
#include <cstdint>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/core/base/check.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {
namespace {

template <typename T>
std::string Optional(const std::optional<T>& value) {
  return value ? absl::StrCat(*value) : "-";
}

void AddStorage(const StorageEntry& storage, std::string& text) {
  absl::StrAppend(&text, "storage ", absl::CHexEscape(storage.name), " file ",
                  storage.file, " at ", storage.offset_bytes, " size ",
                  storage.size_bytes, " deflated ",
                  Optional(storage.deflated_bytes), " crc ",
                  Optional(storage.crc32), " swap ", storage.swap_bytes,
                  " encoded ", Optional(storage.encoded_bytes), "\n");
  for (const StorageChunk& chunk : storage.chunks) {
    absl::StrAppend(&text, "chunk at ", chunk.offset_bytes, " stored ",
                    chunk.stored_bytes, " size ", chunk.size_bytes, " crcs ",
                    chunk.stored_crc32c, " ", chunk.crc32c, " encoding ",
                    static_cast<int>(chunk.encoding), "\n");
  }
}

void AddTensor(const TensorEntry& tensor, std::string& text) {
  absl::StrAppend(
      &text, "tensor ", absl::CHexEscape(tensor.name), " ",
      DTypeName(tensor.spec.dtype), " ", ShapeString(tensor.spec.shape), " ",
      ShapeString(tensor.spec.strides), " storage ", Optional(tensor.storage),
      " from ", tensor.storage_offset, " of ",
      absl::CHexEscape(tensor.location), " flags ", tensor.requires_grad,
      tensor.is_parameter, tensor.is_persistent, tensor.is_conjugate,
      tensor.is_negative, "\n");
}

struct DataText {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(int64_t number) const { return absl::StrCat(number); }
  std::string operator()(double number) const {
    // Bits: a NaN has to equal itself.
    return absl::StrCat(absl::Hex(std::bit_cast<uint64_t>(number)));
  }
  std::string operator()(const std::complex<double>& number) const {
    return absl::StrCat((*this)(number.real()), "+", (*this)(number.imag()));
  }
  std::string operator()(const std::string& bytes) const {
    return absl::CHexEscape(bytes);
  }
  std::string operator()(const ValueGraph::Items& ids) const {
    return absl::StrCat("[", absl::StrJoin(ids, " "), "]");
  }
};

// Whether the data is what the kind has.
bool IsOfKind(const ValueGraph::Node& node) {
  switch (node.kind) {
    case ValueKind::kNone:
      return true;
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kTensor:
    case ValueKind::kStorage:
      return std::holds_alternative<int64_t>(node.data);
    case ValueKind::kFloat:
      return std::holds_alternative<double>(node.data);
    case ValueKind::kComplex:
      return std::holds_alternative<std::complex<double>>(node.data);
    case ValueKind::kBigInt:
    case ValueKind::kString:
    case ValueKind::kBytes:
    case ValueKind::kClass:
      return std::holds_alternative<std::string>(node.data);
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kDict:
    case ValueKind::kSet:
    case ValueKind::kOpaque:
      return std::holds_alternative<ValueGraph::Items>(node.data);
  }
  return false;
}

void AddNode(const Catalog& catalog, const ValueGraph::Node& node,
             std::string& text) {
  const size_t size = catalog.values->size();
  HOIST_CHECK(IsOfKind(node));
  HOIST_CHECK(node.type < size && node.state < size);
  if (const auto* ids = std::get_if<ValueGraph::Items>(&node.data)) {
    HOIST_CHECK(node.kind != ValueKind::kDict || ids->size() % 2 == 0);
    for (const ValueId id : *ids) {
      HOIST_CHECK(id < size);
    }
  }
  if (node.kind == ValueKind::kTensor) {
    const int64_t index = std::get<int64_t>(node.data);
    HOIST_CHECK(index >= -1 &&
                index < static_cast<int64_t>(catalog.tensors.size()));
  }
  if (node.kind == ValueKind::kStorage) {
    const int64_t index = std::get<int64_t>(node.data);
    HOIST_CHECK(index >= 0 &&
                index < static_cast<int64_t>(catalog.storages.size()));
  }
  absl::StrAppend(&text, "value kind ", static_cast<int>(node.kind), " type ",
                  node.type, " state ", node.state, " ",
                  std::visit(DataText(), node.data), "\n");
}

}  // namespace

std::string CatalogText(const Catalog& catalog) {
  std::string text =
      absl::StrCat(FormatName(catalog.format), " ", catalog.format_version,
                   " by ", absl::CHexEscape(catalog.producer), "\n");
  for (const FileEntry& file : catalog.files) {
    absl::StrAppend(&text, "file ", file.path, " size ", file.size_bytes,
                    file.content != nullptr ? " in memory" : "", "\n");
    HOIST_CHECK(file.content == nullptr ||
                file.content->size_bytes() == file.size_bytes);
  }
  for (const StorageEntry& storage : catalog.storages) {
    AddStorage(storage, text);
  }
  for (const TensorEntry& tensor : catalog.tensors) {
    AddTensor(tensor, text);
  }
  if (catalog.values != nullptr) {
    HOIST_CHECK(catalog.root_id < catalog.values->size());
    absl::StrAppend(&text, "root ", catalog.root_id, "\n");
    for (size_t id = 0; id < catalog.values->size(); ++id) {
      AddNode(catalog, catalog.values->node(static_cast<ValueId>(id)), text);
    }
  }
  for (const auto& [key, value] : catalog.metadata) {
    absl::StrAppend(&text, "metadata ", absl::CHexEscape(key), " ",
                    absl::CHexEscape(value), "\n");
  }
  for (const std::string& warning : catalog.warnings) {
    absl::StrAppend(&text, "warning ", absl::CHexEscape(warning), "\n");
  }
  return text;
}

}  // namespace hoist
