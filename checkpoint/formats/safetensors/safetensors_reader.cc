#include "hoist/checkpoint/formats/safetensors/safetensors_reader.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

using HeaderTensor = SafetensorsHeader::Tensor;

constexpr uint64_t kLengthBytes = sizeof(uint64_t);
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit

absl::Status CutOff(absl::string_view what) {
  return WithHint(
      absl::DataLossError(absl::StrCat("The file is cut off: ", what)),
      "The download may be incomplete: fetch the file again, and compare its "
      "size; if it was being saved, take the checkpoint before it");
}

absl::StatusOr<uint64_t> ReadHeaderSize(const RandomAccessFile& file) {
  if (file.size_bytes() < kLengthBytes) {
    return CutOff(absl::StrCat("its header's length takes ", kLengthBytes,
                               " bytes, ", file.size_bytes(), " are there"));
  }
  char length[kLengthBytes];
  HOIST_RETURN_IF_ERROR(file.ReadAt(
      0, absl::MakeSpan(reinterpret_cast<uint8_t*>(length), kLengthBytes)));
  const uint64_t size = LoadLittleEndian<uint64_t>(length);
  if (size > kMaxHeaderBytes) {
    return WithHint(
        absl::DataLossError(absl::StrCat(
            "Header length ", size, " exceeds the format's limit of ",
            kMaxHeaderBytes, " bytes; the file has ", file.size_bytes(),
            " bytes, the first as text: \"",
            absl::CHexEscape(absl::string_view(length, kLengthBytes)), "\"")),
        "The file is damaged, or of another format: download it again");
  }
  if (size > file.size_bytes() - kLengthBytes) {
    return CutOff(absl::StrCat("its header would take ", size, " bytes, ",
                               file.size_bytes() - kLengthBytes, " are there"));
  }
  return size;
}

// The tensors must lie one after the other, each with the bytes that its shape
// takes, from the start of the data. Returns where the last one ends, and in
// `specs` what each is.
absl::StatusOr<uint64_t> CheckLayout(const std::vector<HeaderTensor>& tensors,
                                     std::vector<TensorSpec>& specs) {
  specs.reserve(tensors.size());
  uint64_t end = 0;
  const HeaderTensor* previous = nullptr;
  for (const HeaderTensor& tensor : tensors) {
    const auto damaged = [&tensor](const auto&... what) {
      return absl::DataLossError(
          absl::StrCat("Tensor ", QuotedName(tensor.name), ": data_offsets [",
                       tensor.begin, ", ", tensor.end, "] ", what...));
    };
    if (tensor.end < tensor.begin) {
      return damaged("end before they begin");
    }
    if (tensor.begin > end) {
      return damaged("leave a hole: bytes ", end, " to ", tensor.begin,
                     " of the data belong to no tensor");
    }
    if (tensor.begin < end) {
      return damaged("overlap tensor ", QuotedName(previous->name),
                     ", which ends at byte ", end, " of the data");
    }
    auto spec = ContiguousSpec(tensor.dtype, tensor.shape);
    const auto bytes = spec.ok() ? LogicalBytes(*spec) : spec.status();
    if (!bytes.ok()) {
      return absl::DataLossError(absl::StrCat(
          "Tensor ", QuotedName(tensor.name), ": ", bytes.status().message()));
    }
    if (tensor.end - tensor.begin != static_cast<uint64_t>(*bytes)) {
      return damaged("hold ", tensor.end - tensor.begin, " bytes, and ",
                     DTypeName(tensor.dtype), " of shape ",
                     ShapeString(tensor.shape), " takes ", *bytes);
    }
    specs.push_back(*std::move(spec));
    end = tensor.end;
    previous = &tensor;
  }
  return end;
}

absl::Status CheckFileSize(const RandomAccessFile& file, uint64_t data_offset,
                           uint64_t data_size,
                           const std::vector<HeaderTensor>& tensors) {
  const uint64_t present = file.size_bytes() - data_offset;
  if (data_size > present) {
    const auto lost = std::find_if(
        tensors.begin(), tensors.end(),
        [present](const HeaderTensor& tensor) { return tensor.end > present; });
    return CutOff(absl::StrCat("by its header the tensors take ", data_size,
                               " bytes, ", present, " are there, ",
                               data_size - present, " are missing; ",
                               lost - tensors.begin(), " of ", tensors.size(),
                               " tensors are whole, the first that is not is ",
                               QuotedName(lost->name)));
  }
  if (data_size < present) {
    return WithHint(
        absl::DataLossError(absl::StrCat(
            present - data_size,
            " bytes follow the last tensor, which ends at byte ",
            data_offset + data_size, " of the file's ", file.size_bytes())),
        "Something was appended to the file, or two files were mixed up: "
        "download or save it again");
  }
  return absl::OkStatus();
}

// Its tensors are in the order of their data, and `specs` parallel to them.
absl::StatusOr<SafetensorsHeader> ReadHeader(const RandomAccessFile& file,
                                             uint64_t& data_offset,
                                             std::vector<TensorSpec>& specs) {
  HOIST_ASSIGN_OR_RETURN(const uint64_t size, ReadHeaderSize(file));
  std::string text(static_cast<size_t>(size), '\0');
  HOIST_RETURN_IF_ERROR(file.ReadAt(
      kLengthBytes,
      absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size())));
  HOIST_ASSIGN_OR_RETURN(SafetensorsHeader header,
                         ParseSafetensorsHeader(text));
  data_offset = kLengthBytes + size;
  const auto is_before = [](const HeaderTensor& a, const HeaderTensor& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  };
  // Most headers are in the order of their data.
  if (!std::is_sorted(header.tensors.begin(), header.tensors.end(),
                      is_before)) {
    std::stable_sort(header.tensors.begin(), header.tensors.end(), is_before);
  }
  HOIST_ASSIGN_OR_RETURN(const uint64_t data_size,
                         CheckLayout(header.tensors, specs));
  HOIST_RETURN_IF_ERROR(
      CheckFileSize(file, data_offset, data_size, header.tensors));
  return header;
}

void AddTensors(std::vector<HeaderTensor> tensors,
                std::vector<TensorSpec> specs, uint64_t data_offset,
                Catalog& catalog) {
  auto graph = std::make_shared<ValueGraph>();
  std::vector<ValueId> items;
  items.reserve(2 * tensors.size());
  catalog.tensors.reserve(tensors.size());
  catalog.storages.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    HeaderTensor& tensor = tensors[i];
    const int index = static_cast<int>(i);
    items.push_back(graph->AddString(tensor.name));
    items.push_back(
        graph->Add({.kind = ValueKind::kTensor, .data = int64_t{index}}));
    catalog.storages.push_back({.offset_bytes = data_offset + tensor.begin,
                                .size_bytes = tensor.end - tensor.begin,
                                .name = tensor.name});
    catalog.tensors.push_back({.name = std::move(tensor.name),
                               .spec = std::move(specs[i]),
                               .storage = index});
  }
  catalog.root_id = graph->AddItems(ValueKind::kDict, std::move(items));
  catalog.values = std::move(graph);
}

absl::StatusOr<Catalog> ReadCatalog(const RandomAccessFile& file) {
  uint64_t data_offset = 0;
  std::vector<TensorSpec> specs;
  HOIST_ASSIGN_OR_RETURN(SafetensorsHeader header,
                         ReadHeader(file, data_offset, specs));
  Catalog catalog;
  catalog.format = Format::kSafetensors;
  catalog.files = {{.path = file.path(), .size_bytes = file.size_bytes()}};
  catalog.metadata = std::move(header.metadata);
  AddTensors(std::move(header.tensors), std::move(specs), data_offset, catalog);
  HOIST_RETURN_IF_ERROR(ValidateCatalog(catalog));
  return catalog;
}

}  // namespace

absl::StatusOr<Catalog> ReadSafetensors(const RandomAccessFile& file) {
  absl::StatusOr<Catalog> catalog = ReadCatalog(file);
  if (absl::IsDataLoss(catalog.status())) {
    return WithHint(catalog.status(),
                    "The file is damaged, or its writer made it wrong: "
                    "download or save it again");
  }
  return catalog;
}

}  // namespace hoist
