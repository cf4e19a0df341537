#include "hoist/checkpoint/formats/torch_pt2/torch_pt2_reader.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/formats/torch_pt2/payload_config.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/file_range.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxJsonBytes = uint64_t{256} << 20;
constexpr absl::string_view kOldProgram = "serialized_exported_program.json";
constexpr absl::string_view kArchiveFormat = "archive_format";
constexpr absl::string_view kCompiled = "data/aotinductor/";
constexpr absl::string_view kWeights = "data/weights/";
constexpr absl::string_view kConstants = "data/constants/";

absl::Status NoWeights(absl::string_view what) {
  return WithHint(
      absl::UnimplementedError(
          absl::StrCat(what, ": Hoist reads the weights of exported programs")),
      "Save the weights alone: torch.save(model.state_dict(), \"weights.pt\")");
}

absl::Status CompiledOnly() {
  return NoWeights(
      "This is an AOTInductor package: compiled code, with the weights inside");
}

absl::StatusOr<std::string> ReadText(const RandomAccessFile& file,
                                     const ZipMember& member,
                                     uint64_t max_bytes) {
  const auto bytes =
      ReadZipMember(file, member, MaxExpandingBytes(member, max_bytes));
  if (!bytes.ok()) {
    return Annotate(bytes.status(), member.name);
  }
  return std::string(bytes->begin(), bytes->end());
}

// What is a file of its own must lie in the archive as it is.
absl::Status ExpectStored(const ZipMember& member) {
  if (!member.is_stored()) {
    return WithHint(
        absl::UnimplementedError(absl::StrCat(
            "Member ", member.name,
            " is compressed; Hoist reads such archives uncompressed")),
        "Unpack the archive, and pack it again uncompressed (zip -0 -r)");
  }
  return absl::OkStatus();
}

// Adds the storages and tensors of a checkpoint inside the archive; gives its
// catalog for the rest. A tensor's name gets `prefix`, and a dot between.
absl::StatusOr<Catalog> AddNested(const RandomAccessFile& file,
                                  const ZipMember& member,
                                  absl::string_view prefix, bool is_persistent,
                                  Catalog& catalog) {
  HOIST_RETURN_IF_ERROR(ExpectStored(member));
  HOIST_ASSIGN_OR_RETURN(const uint64_t offset_bytes,
                         ZipDataOffset(file, member));
  const FileRange slice(file, offset_bytes, member.size_bytes);
  auto nested = ReadTorchZip(slice);
  if (!nested.ok()) {
    return Annotate(nested.status(), member.name);
  }
  const auto first_storage = static_cast<int>(catalog.storages.size());
  // The first file is the member itself, the others what was in its pickle.
  const auto first_content = static_cast<int>(catalog.files.size());
  catalog.files.insert(catalog.files.end(), nested->files.begin() + 1,
                       nested->files.end());
  for (StorageEntry storage : nested->storages) {
    if (storage.file == 0) {
      storage.offset_bytes += offset_bytes;
    } else {
      storage.file += first_content - 1;
    }
    storage.name = absl::StrCat(member.name, ":", storage.name);
    catalog.storages.push_back(std::move(storage));
  }
  for (TensorEntry tensor : nested->tensors) {
    tensor.name = absl::StrCat(
        prefix, prefix.empty() || tensor.name.empty() ? "" : ".", tensor.name);
    tensor.is_persistent = tensor.is_persistent && is_persistent;
    if (tensor.storage) {
      *tensor.storage += first_storage;
    }
    catalog.tensors.push_back(std::move(tensor));
  }
  for (const std::string& warning : nested->warnings) {
    catalog.warnings.push_back(absl::StrCat(member.name, ": ", warning));
  }
  return nested;
}

// The dict of a state dict whose tensors are the first in `catalog`.
void MakeRoot(Catalog& catalog) {
  auto graph = std::make_shared<ValueGraph>();
  std::vector<ValueId> items;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    if (catalog.tensors[i].is_persistent) {
      items.push_back(graph->AddString(catalog.tensors[i].name));
      items.push_back(graph->Add(
          {.kind = ValueKind::kTensor, .data = static_cast<int64_t>(i)}));
    }
  }
  catalog.root_id = graph->AddItems(ValueKind::kDict, std::move(items));
  catalog.values = std::move(graph);
}

// The program's values are what the JSON of the graph and other members hold.
absl::StatusOr<Catalog> ReadOldProgram(const RandomAccessFile& file,
                                       const ZipDirectory& zip,
                                       Catalog catalog) {
  // The first of these that is there.
  const auto find = [&zip](absl::string_view stem) -> const ZipMember* {
    for (const absl::string_view suffix : {".pt", ".json"}) {
      if (const auto* const member = zip.Find(absl::StrCat(stem, suffix))) {
        return member;
      }
    }
    return nullptr;
  };
  const ZipMember* const version = zip.Find("version");
  if (version != nullptr) {
    constexpr uint64_t kMaxVersionBytes = 4096;
    HOIST_ASSIGN_OR_RETURN(std::string text,
                           ReadText(file, *version, kMaxVersionBytes));
    catalog.format_version = std::string(absl::StripAsciiWhitespace(text));
  }
  catalog.producer = "PyTorch before 2.8";
  catalog.metadata.emplace_back("program", "ignored: Hoist never runs it");
  const ZipMember* const weights = find("serialized_state_dict");
  if (weights == nullptr) {
    return absl::DataLossError(
        "The archive has an exported program, and no serialized_state_dict.pt");
  }
  HOIST_ASSIGN_OR_RETURN(const Catalog state_dict,
                         AddNested(file, *weights, "", true, catalog));
  catalog.values = state_dict.values;
  catalog.root_id = state_dict.root_id;
  if (const ZipMember* const constants = find("serialized_constants")) {
    HOIST_ASSIGN_OR_RETURN(const Catalog nested,
                           AddNested(file, *constants, "", false, catalog));
    const Value root = nested.root();
    for (size_t i = 0; root.kind() == ValueKind::kDict && i < root.size();
         ++i) {
      if (root.value(i).kind() != ValueKind::kTensor) {
        catalog.warnings.push_back(
            absl::StrCat("Constant ", ValueText(root.key(i)),
                         ": an object that is no tensor; ignored"));
      }
    }
  }
  return catalog;
}

// Reads the models of a PT2 archive.
class Pt2Models {
 public:
  Pt2Models(const RandomAccessFile& file, const TorchArchive& archive,
            Catalog& catalog)
      : file_(file), archive_(archive), catalog_(catalog) {}

  absl::Status Read();

 private:
  // One kind of tensors of one model.
  absl::Status ReadTensors(absl::string_view model, absl::string_view prefix,
                           bool is_persistent);
  absl::Status AddConfig(const ZipMember& config, absl::string_view folder,
                         absl::string_view prefix, bool is_persistent);
  absl::Status AddPayload(Payload payload, absl::string_view folder,
                          bool is_persistent);
  absl::StatusOr<int> StorageOf(const std::string& record, DType dtype);
  absl::Status ReadInfo(const ZipMember& model);

  const RandomAccessFile& file_;
  const TorchArchive& archive_;
  Catalog& catalog_;
  bool is_big_endian_ = false;
  absl::flat_hash_map<std::string, int> storages_;  // by record
};

absl::Status Pt2Models::ReadInfo(const ZipMember& model) {
  HOIST_ASSIGN_OR_RETURN(const std::string json,
                         ReadText(file_, model, kMaxJsonBytes));
  const auto info = ParseModelInfo(json);
  if (!info.ok()) {
    return Annotate(info.status(), model.name);
  }
  if (!info->schema_version.empty()) {
    catalog_.format_version = info->schema_version;
  }
  if (!info->torch_version.empty()) {
    catalog_.producer = absl::StrCat("PyTorch ", info->torch_version);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Pt2Models::StorageOf(const std::string& record,
                                         DType dtype) {
  const int width = is_big_endian_ ? DTypeSwapBytes(dtype) : 1;
  const auto known = storages_.find(record);
  if (known != storages_.end()) {
    if (catalog_.storages[known->second].swap_bytes != width) {
      return absl::UnimplementedError(absl::StrCat(
          record, " is big-endian, and seen as elements of different widths"));
    }
    return known->second;
  }
  const ZipMember* const member = archive_.Find(record);
  if (member == nullptr) {
    return absl::DataLossError(
        absl::StrCat("The archive has no record ", record));
  }
  if (!member->is_deflated()) {
    HOIST_RETURN_IF_ERROR(ExpectStored(*member));
  }
  StorageEntry storage;
  storage.name = record;
  storage.size_bytes = member->size_bytes;
  storage.swap_bytes = width;
  HOIST_ASSIGN_OR_RETURN(storage.offset_bytes, ZipDataOffset(file_, *member));
  if (member->is_deflated()) {
    storage.deflated_bytes = member->stored_bytes;
  }
  if (member->crc32 != 0) {
    storage.crc32 = member->crc32;
  }
  const auto index = static_cast<int>(catalog_.storages.size());
  catalog_.storages.push_back(std::move(storage));
  storages_.emplace(record, index);
  return index;
}

absl::Status Pt2Models::AddPayload(Payload payload, absl::string_view folder,
                                   bool is_persistent) {
  const std::string record = absl::StrCat(folder, payload.record);
  if (!payload.tensor) {
    catalog_.warnings.push_back(
        absl::StrCat(payload.name, ": an object that is no tensor; ignored"));
    return absl::OkStatus();
  }
  if (payload.is_pickled) {
    const ZipMember* const member = archive_.Find(record);
    if (member == nullptr) {
      return absl::DataLossError(
          absl::StrCat("The archive has no record ", record));
    }
    const size_t first = catalog_.tensors.size();
    HOIST_RETURN_IF_ERROR(
        AddNested(file_, *member, payload.name, is_persistent, catalog_)
            .status());
    if (catalog_.tensors.size() != first + 1 ||
        catalog_.tensors[first].name != payload.name) {
      catalog_.warnings.push_back(absl::StrCat(
          payload.name, ": a tensor subclass, of which Hoist lists the parts"));
    }
    return absl::OkStatus();
  }
  TensorEntry entry;
  entry.name = payload.name;
  entry.spec = std::move(payload.tensor->spec);
  entry.storage_offset = payload.tensor->storage_offset;
  entry.location = std::move(payload.tensor->location);
  entry.requires_grad = payload.tensor->requires_grad;
  entry.is_parameter = payload.is_parameter;
  entry.is_persistent = is_persistent;
  if (entry.location != "meta") {
    HOIST_ASSIGN_OR_RETURN(entry.storage, StorageOf(record, entry.spec.dtype));
  }
  catalog_.tensors.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status Pt2Models::AddConfig(const ZipMember& config,
                                  absl::string_view folder,
                                  absl::string_view prefix,
                                  bool is_persistent) {
  HOIST_ASSIGN_OR_RETURN(const std::string json,
                         ReadText(file_, config, kMaxJsonBytes));
  auto payloads = ParsePayloadConfig(json);
  if (!payloads.ok()) {
    return Annotate(payloads.status(), config.name);
  }
  for (Payload& payload : *payloads) {
    payload.name =
        absl::StrCat(prefix, prefix.empty() ? "" : ".", payload.name);
    const std::string name = payload.name;
    const absl::Status status =
        AddPayload(std::move(payload), folder, is_persistent);
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("Tensor ", name));
    }
  }
  return absl::OkStatus();
}

absl::Status Pt2Models::ReadTensors(absl::string_view model,
                                    absl::string_view prefix,
                                    bool is_persistent) {
  const absl::string_view folder = is_persistent ? kWeights : kConstants;
  const std::vector<absl::string_view> suffixes =
      is_persistent ? std::vector<absl::string_view>{"_weights_config.json",
                                                     "_model_param_config.json"}
                    : std::vector<absl::string_view>{"_constants_config.json"};
  for (const absl::string_view suffix : suffixes) {
    if (const auto* const config =
            archive_.Find(absl::StrCat(folder, model, suffix))) {
      return AddConfig(*config, folder, prefix, is_persistent);
    }
  }
  if (const auto* const pickled =
          archive_.Find(absl::StrCat(folder, model, ".pt"))) {
    return AddNested(file_, *pickled, prefix, is_persistent, catalog_).status();
  }
  if (is_persistent) {
    return absl::DataLossError(
        absl::StrCat("Model ", model, " has no record ", folder, model,
                     "_weights_config.json or ", folder, model, ".pt"));
  }
  return absl::OkStatus();
}

absl::Status Pt2Models::Read() {
  constexpr absl::string_view kModels = "models/";
  std::vector<std::string> models;
  bool is_compiled = false;
  for (const std::string& record : archive_.Records()) {
    absl::string_view name = record;
    if (absl::ConsumePrefix(&name, kModels) &&
        absl::ConsumeSuffix(&name, ".json")) {
      models.emplace_back(name);
    }
    is_compiled = is_compiled || absl::StartsWith(record, kCompiled);
  }
  if (models.empty()) {
    return is_compiled ? CompiledOnly()
                       : NoWeights("This PT2 archive has no model in models/");
  }
  if (is_compiled) {
    catalog_.metadata.emplace_back("aotinductor",
                                   "ignored: Hoist never runs it");
  }
  HOIST_ASSIGN_OR_RETURN(is_big_endian_, archive_.ReadIsBigEndian());
  for (const bool is_persistent : {true, false}) {
    for (const std::string& model : models) {
      HOIST_RETURN_IF_ERROR(ReadTensors(
          model, models.size() > 1 ? model : std::string(), is_persistent));
    }
  }
  for (const std::string& model : models) {
    catalog_.metadata.emplace_back(absl::StrCat("models/", model),
                                   "ignored: Hoist never runs it");
    HOIST_RETURN_IF_ERROR(
        ReadInfo(*archive_.Find(absl::StrCat(kModels, model, ".json"))));
  }
  return absl::OkStatus();
}

absl::StatusOr<Catalog> ReadArchive(const RandomAccessFile& file,
                                    Catalog catalog) {
  HOIST_ASSIGN_OR_RETURN(
      const TorchArchive archive,
      TorchArchive::OpenHolding(file, {kArchiveFormat}, "PT2 archive"));
  HOIST_ASSIGN_OR_RETURN(const auto record, archive.ReadText(kArchiveFormat));
  const std::string format = record.value_or("");
  if (format != "pt2") {
    return absl::InvalidArgumentError(absl::StrCat(
        "The record archive_format says \"", format, "\", and not \"pt2\""));
  }
  HOIST_ASSIGN_OR_RETURN(const std::string version, archive.ReadVersion());
  catalog.metadata.emplace_back("container_version", version);
  for (const auto& [name, key] :
       {std::pair<absl::string_view, absl::string_view>{"archive_version",
                                                        "archive_version"},
        {"byteorder", "byteorder"},
        {".data/serialization_id", "serialization_id"}}) {
    HOIST_ASSIGN_OR_RETURN(const auto text, archive.ReadText(name));
    if (text) {
      catalog.metadata.emplace_back(key, *text);
    }
  }
  catalog.producer = "PyTorch 2.8 or later";
  HOIST_RETURN_IF_ERROR(Pt2Models(file, archive, catalog).Read());
  MakeRoot(catalog);
  return catalog;
}

}  // namespace

absl::StatusOr<Catalog> ReadTorchPt2(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const ZipDirectory zip, ZipDirectory::Read(file));
  Catalog catalog;
  catalog.format = Format::kTorchPt2;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  if (zip.Find(kOldProgram) != nullptr) {
    HOIST_ASSIGN_OR_RETURN(catalog,
                           ReadOldProgram(file, zip, std::move(catalog)));
  } else if (zip.Find(kArchiveFormat) != nullptr) {
    return CompiledOnly();
  } else {
    HOIST_ASSIGN_OR_RETURN(catalog, ReadArchive(file, std::move(catalog)));
  }
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return catalog;
}

}  // namespace hoist
