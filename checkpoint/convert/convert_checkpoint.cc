#include "hoist/checkpoint/convert/convert_checkpoint.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/convert/compare_tensors.h"
#include "hoist/checkpoint/formats/safetensors/flat_tensors.h"
#include "hoist/checkpoint/migrate/catalog_editor.h"
#include "hoist/checkpoint/plan/storage_cast.h"
#include "hoist/checkpoint/selection/select_tensors.h"
#include "hoist/checkpoint/write/write_checkpoint.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

// The name of the tensor with the scales of `name`, if there is one, as
// quantised models name it.
std::optional<std::string> ScalesOf(
    const std::string& name, const absl::flat_hash_set<std::string>& names) {
  const absl::string_view layer = absl::StripSuffix(name, "weight");
  for (const std::string& candidate :
       {absl::StrCat(name, "_scale_inv"), absl::StrCat(name, "_scale"),
        absl::StrCat(name, ".scale"), absl::StrCat(layer, "scale"),
        absl::StrCat(layer, "weight_scale")}) {
    if (candidate != name && names.contains(candidate)) {
      return candidate;
    }
  }
  return std::nullopt;
}

void WarnOfScales(Catalog& catalog) {
  absl::flat_hash_set<std::string> names;
  for (const TensorEntry& tensor : catalog.tensors) {
    names.insert(tensor.name);
  }
  size_t count = 0;
  std::string first;
  for (const TensorEntry& tensor : catalog.tensors) {
    if (!IsFloatingPoint(tensor.spec.dtype) ||
        DTypeBits(tensor.spec.dtype) > 8) {
      continue;
    }
    if (const auto scales = ScalesOf(tensor.name, names)) {
      if (count++ == 0) {
        first = absl::StrCat(tensor.name, " has its scales in ", *scales);
      }
    }
  }
  if (count > 0) {
    catalog.warnings.push_back(absl::StrCat(
        count, count == 1 ? " tensor" : " tensors",
        " of 8 bits and less stay as they are, for a cast without their scales "
        "would make other weights: ",
        first, count > 1 ? ", and so on" : ""));
  }
}

absl::StatusOr<CheckpointParts> CastTensors(CheckpointParts parts,
                                            DType dtype) {
  if (!IsCastable(dtype)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Tensors are not made ", DTypeName(dtype),
        "; only float16, bfloat16, float32 and float64 are possible"));
  }
  WarnOfScales(parts.catalog);
  HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<CatalogEditor> editor,
                         CatalogEditor::Create(std::move(parts)));
  for (const size_t index : editor->Tensors()) {
    const TensorEntry& tensor = editor->tensor(index);
    if (tensor.spec.dtype != dtype && IsCastable(tensor.spec.dtype)) {
      HOIST_ASSIGN_OR_RETURN(TensorEntry cast,
                             editor->Derive({&tensor, 1}, 0, dtype));
      editor->Replace(index, std::move(cast));
    }
  }
  return editor->Finish();
}

// The tensors that are in the file that WriteSafetensors() makes of `parts`.
absl::Status CompareWithFlat(const CheckpointParts& parts,
                             const TensorSource& found, ThreadPool* pool,
                             const CancelToken* cancel) {
  HOIST_ASSIGN_OR_RETURN(const FlatTensors flat,
                         FlattenTensors(parts.catalog, parts.files));
  return CompareTensors({flat.catalog, flat.files}, found, pool, cancel);
}

// `catalog` without the tensors that no state dict would have, and that
// WriteTorchZip() has left out, with a warning, for no value leads to them:
// constants of a program.
Catalog WithoutConstants(const Catalog& catalog, const Catalog& found) {
  absl::flat_hash_set<std::string> names;
  for (const TensorEntry& tensor : found.tensors) {
    names.insert(tensor.name);
  }
  Catalog kept = catalog;
  std::erase_if(kept.tensors, [&names](const TensorEntry& tensor) {
    return !tensor.is_persistent && !names.contains(tensor.name);
  });
  return kept;
}

}  // namespace

absl::StatusOr<CheckpointParts> SelectParts(const Checkpoint& checkpoint,
                                            const ConvertSelection& selection) {
  CheckpointParts parts = {.catalog = checkpoint.catalog(),
                           .files = checkpoint.files()};
  if (!selection.include.empty() || !selection.exclude.empty()) {
    HOIST_ASSIGN_OR_RETURN(
        parts.catalog, SelectTensors(checkpoint.catalog(), selection.include,
                                     selection.exclude));
  }
  if (!selection.renames.empty()) {
    HOIST_ASSIGN_OR_RETURN(parts,
                           RenameTensors(std::move(parts), selection.renames));
  }
  if (selection.dtype) {
    HOIST_ASSIGN_OR_RETURN(parts,
                           CastTensors(std::move(parts), *selection.dtype));
  }
  return parts;
}

absl::StatusOr<WriteReport> WriteVerified(const CheckpointParts& parts,
                                          FileSystem& file_system,
                                          const std::string& path,
                                          WriteOptions options) {
  ThreadPool* const pool = options.pool;
  const CancelToken* const cancel = options.cancel;
  const OutputFormat format = options.format;
  options.check = [&parts, pool, cancel,
                   format](const std::string& written) -> absl::Status {
    HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                           Checkpoint::Open(written, {.pool = pool}));
    const TensorSource found = {checkpoint.catalog(), checkpoint.files()};
    absl::Status status;
    switch (format) {
      case OutputFormat::kNative:
        status =
            CompareTensors({parts.catalog, parts.files}, found, pool, cancel);
        break;
      case OutputFormat::kTorchZip:
        status = CompareTensors(
            {WithoutConstants(parts.catalog, found.catalog), parts.files},
            found, pool, cancel);
        break;
      case OutputFormat::kSafetensors:
        status = CompareWithFlat(parts, found, pool, cancel);
        break;
    }
    return absl::IsCancelled(status)
               ? status
               : Annotate(status, "What was written is not what was read");
  };
  return WriteCheckpoint(parts.catalog, parts.files, file_system, path,
                         options);
}

}  // namespace hoist
