#include "hoist/checkpoint/formats/torch_script/torch_script_reader.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/torch_script/jit_vocabulary.h"
#include "hoist/checkpoint/formats/torch_script/script_classes.h"
#include "hoist/checkpoint/formats/torch_script/script_names.h"
#include "hoist/checkpoint/formats/torch_zip/storage_records.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kModule = "data.pkl";
constexpr absl::string_view kConstants = "constants.pkl";

absl::StatusOr<TorchArchive> OpenArchive(const RandomAccessFile& file) {
  constexpr absl::string_view kWhat = "TorchScript archive";
  constexpr absl::string_view kOldModule = "model.json";
  auto archive = TorchArchive::OpenHolding(file, {kModule, kConstants}, kWhat);
  if (absl::IsInvalidArgument(archive.status()) &&
      TorchArchive::OpenHolding(file, {kOldModule}, kWhat).ok()) {
    return WithHint(
        absl::UnimplementedError("This is a TorchScript archive of PyTorch 1.0 "
                                 "to 1.2: its module is in model.json"),
        "Load it with PyTorch 1.4 or later (torch.jit.load), and save it again "
        "(torch.jit.save)");
  }
  return archive;
}

absl::Status ReadMetadata(const TorchArchive& archive, Catalog& catalog) {
  constexpr absl::string_view kCode = "code/";
  constexpr absl::string_view kExtra = "extra/";
  for (const auto& [record, key] :
       {std::pair<absl::string_view, absl::string_view>{"byteorder",
                                                        "byteorder"},
        {".data/serialization_id", "serialization_id"}}) {
    HOIST_ASSIGN_OR_RETURN(const auto text, archive.ReadText(record));
    if (text) {
      catalog.metadata.emplace_back(key, *text);
    }
  }
  bool has_code = false;
  for (const std::string& record : archive.Records()) {
    has_code = has_code || absl::StartsWith(record, kCode);
    if (absl::StartsWith(record, kExtra)) {
      catalog.metadata.emplace_back(
          record, absl::StrCat(archive.Find(record)->size_bytes, " bytes"));
    } else if (record == "bytecode.pkl" || record == "traced_inputs.pkl") {
      catalog.metadata.emplace_back(record, "ignored");
    }
  }
  if (has_code) {
    catalog.metadata.emplace_back("code", "ignored: Hoist never runs it");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Catalog> ReadTorchScript(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const TorchArchive archive, OpenArchive(file));
  Catalog catalog;
  catalog.format = Format::kTorchScript;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  // The writer is the one in C++, which has added one record since.
  catalog.producer = archive.Find("byteorder") != nullptr
                         ? "PyTorch 2.1 or later"
                         : "PyTorch before 2.1";
  HOIST_ASSIGN_OR_RETURN(catalog.format_version, archive.ReadVersion());
  HOIST_RETURN_IF_ERROR(ReadMetadata(archive, catalog));
  HOIST_ASSIGN_OR_RETURN(const bool is_big_endian, archive.ReadIsBigEndian());

  StorageRecords records(file, archive, is_big_endian, JitStorageClassDType);
  absl::string_view folder;
  JitVocabulary vocabulary([&records, &folder](ValueGraph&, Value id) {
    return absl::StatusOr<TorchVocabulary::Persistent>(
        records.Load(id, folder));
  });
  auto graph = std::make_shared<ValueGraph>();
  const auto read =
      [&](absl::string_view record,
          absl::string_view of_storages) -> absl::StatusOr<ValueId> {
    folder = of_storages;
    HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> pickle,
                           archive.ReadPickle(record));
    const auto result = ReadPickle(pickle, vocabulary, *graph);
    if (!result.ok()) {
      return Annotate(result.status(), record);
    }
    return result->root;
  };
  HOIST_ASSIGN_OR_RETURN(catalog.root_id, read(kModule, "data/"));
  HOIST_ASSIGN_OR_RETURN(const ValueId constants,
                         read(kConstants, "constants/"));
  HOIST_RETURN_IF_ERROR(records.SetOffsets());
  catalog.storages = std::move(records.entries());

  ScriptClasses classes(file, archive);
  HOIST_ASSIGN_OR_RETURN(ScriptTensors named,
                         NameScriptTensors(*graph, catalog.root_id, constants,
                                           vocabulary.tensors(), classes));
  catalog.tensors = std::move(named.tensors);
  catalog.warnings = std::move(named.warnings);
  catalog.warnings.insert(catalog.warnings.end(), classes.warnings().begin(),
                          classes.warnings().end());
  ResolveStorageValues(vocabulary.storages(), *graph);
  catalog.values = std::move(graph);
  if (is_big_endian) {
    HOIST_RETURN_IF_ERROR(SwapUntypedStorages(vocabulary.storages(), catalog));
  }
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return catalog;
}

}  // namespace hoist
