#include "hoist/checkpoint/write/catalog_of_tensors.h"

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr char kPath[] = "memory";

// The runs of a layout on the CPU, one after the other. Thread-safe.
class RunsFile : public RandomAccessFile {
 public:
  explicit RunsFile(TensorLayout layout) : layout_(std::move(layout)) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return layout_.file_bytes; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override;

 private:
  const std::string path_ = kPath;
  const TensorLayout layout_;
};

absl::Status RunsFile::ReadAt(uint64_t offset, absl::Span<uint8_t> out) const {
  if (offset > layout_.file_bytes || out.size() > layout_.file_bytes - offset) {
    return absl::DataLossError(
        absl::StrCat("Wanted ", out.size(), " bytes from byte ", offset,
                     " of tensors of ", layout_.file_bytes));
  }
  // The first run that ends behind the offset.
  auto run = std::partition_point(
      layout_.runs.begin(), layout_.runs.end(),
      [offset](const TensorLayout::Run& candidate) {
        return candidate.file_offset + candidate.size_bytes <= offset;
      });
  while (!out.empty()) {
    const uint64_t begin =
        run == layout_.runs.end() ? layout_.file_bytes : run->file_offset;
    if (offset < begin) {
      // Between two runs.
      const size_t size = std::min<uint64_t>(begin - offset, out.size());
      std::memset(out.data(), 0, size);
      out.remove_prefix(size);
      offset += size;
      continue;
    }
    const size_t size =
        std::min<uint64_t>(begin + run->size_bytes - offset, out.size());
    std::memcpy(out.data(), run->data + (offset - begin), size);
    out.remove_prefix(size);
    offset += size;
    ++run;
  }
  return absl::OkStatus();
}

ValueId AddPlain(const PlainValue& value, ValueGraph& graph) {
  if (std::holds_alternative<std::monostate>(value)) {
    return ValueGraph::kNoneId;
  }
  if (const auto* const truth = std::get_if<bool>(&value)) {
    return *truth ? ValueGraph::kTrueId : ValueGraph::kFalseId;
  }
  if (const auto* const number = std::get_if<int64_t>(&value)) {
    return graph.AddInt(*number);
  }
  if (const auto* const number = std::get_if<double>(&value)) {
    return graph.Add({.kind = ValueKind::kFloat, .data = *number});
  }
  return graph.AddString(std::get<std::string>(value));
}

absl::Status CheckKeys(const StateDict& tensors, const NamedValues& values) {
  absl::flat_hash_set<absl::string_view> keys;
  const auto add = [&keys](const std::string& key) {
    return keys.insert(key).second ? absl::OkStatus()
                                   : absl::InvalidArgumentError(absl::StrCat(
                                         "Two entries are named ", key));
  };
  for (const StateDict::Item& item : tensors) {
    HOIST_RETURN_IF_ERROR(add(item.name));
  }
  for (const auto& [key, value] : values) {
    HOIST_RETURN_IF_ERROR(add(key));
  }
  return absl::OkStatus();
}

TensorEntry EntryOf(const StateDict::Item& item,
                    const TensorLayout::Place& place, int empty_storage) {
  const auto bits = static_cast<uint64_t>(DTypeBits(item.tensor.dtype()));
  return {.name = item.name,
          .spec = item.tensor.spec(),
          .storage = place.run < 0 ? empty_storage : place.run,
          .storage_offset = static_cast<int64_t>(place.offset_bytes * 8 / bits),
          .location = item.tensor.device().ToString()};
}

}  // namespace

absl::StatusOr<TensorCatalog> CatalogOfCopy(
    const StateDict& tensors, const NamedValues& values,
    const TensorLayout& layout, std::shared_ptr<const RandomAccessFile> file) {
  HOIST_RETURN_IF_ERROR(CheckKeys(tensors, values));
  TensorCatalog result;
  Catalog& catalog = result.catalog;
  catalog.producer = "Hoist";
  catalog.files = {{.path = file->path(), .size_bytes = file->size_bytes()}};
  result.files = {std::move(file)};
  for (const TensorLayout::Run& run : layout.runs) {
    catalog.storages.push_back(
        {.offset_bytes = run.file_offset,
         .size_bytes = run.size_bytes,
         .name = absl::StrCat("storage ", catalog.storages.size())});
  }
  const auto values_graph = std::make_shared<ValueGraph>();
  std::vector<ValueId> items;
  items.reserve(2 * (tensors.size() + values.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const StateDict::Item& item = *(tensors.begin() + i);
    const TensorLayout::Place& place = layout.places[i];
    catalog.tensors.push_back(
        EntryOf(item, place, static_cast<int>(catalog.storages.size())));
    if (place.run < 0) {
      // No two tensors without elements are aliases.
      catalog.storages.push_back(
          {.name = absl::StrCat("storage ", catalog.storages.size())});
    }
    items.push_back(values_graph->AddString(item.name));
    items.push_back(values_graph->Add(
        {.kind = ValueKind::kTensor, .data = static_cast<int64_t>(i)}));
  }
  for (const auto& [key, value] : values) {
    items.push_back(values_graph->AddString(key));
    items.push_back(AddPlain(value, *values_graph));
  }
  catalog.root_id = values_graph->AddItems(
      ValueKind::kDict, items,
      values_graph->AddClass("collections", "OrderedDict"));
  catalog.values = values_graph;
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return result;
}

absl::StatusOr<TensorCatalog> CatalogOfTensors(const StateDict& tensors,
                                               const NamedValues& values) {
  for (const StateDict::Item& item : tensors) {
    if (!item.tensor.device().is_cpu()) {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat(
              "Tensor ", item.name, " is on ", item.tensor.device().ToString(),
              ", and not in host memory")),
          "Save() and AsyncSaver copy it from there");
    }
  }
  HOIST_ASSIGN_OR_RETURN(TensorLayout layout, LayOutTensors(tensors));
  return CatalogOfCopy(tensors, values, layout,
                       std::make_shared<RunsFile>(layout));
}

}  // namespace hoist
