#include "hoist/checkpoint/formats/torch_zip/storage_records.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/zip/zip_header_reader.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kNoData = "meta";

}  // namespace

absl::StatusOr<PickledStorage> StorageRecords::Load(Value id,
                                                    absl::string_view folder) {
  if (id.kind() != ValueKind::kTuple || id.size() != 5 ||
      id[0].kind() != ValueKind::kString || id[0].AsString() != "storage" ||
      id[1].kind() != ValueKind::kClass || id[2].kind() != ValueKind::kString ||
      id[3].kind() != ValueKind::kString || id[4].kind() != ValueKind::kInt) {
    return absl::DataLossError(
        "its id is not (\"storage\", class, key, location, size)");
  }
  const auto dtype = DTypeOf(id[1].AsString());
  if (!dtype) {
    return absl::UnimplementedError(
        absl::StrCat("the storage class ", id[1].AsString(), " is not known"));
  }
  const absl::string_view key = id[2].AsString();
  const auto size_bytes =
      CheckedMul<int64_t>(id[4].AsInt(), DTypeBits(*dtype) / 8);
  if (id[4].AsInt() < 0 || !size_bytes) {
    return absl::DataLossError(absl::StrCat("storage ", key, " would have ",
                                            id[4].AsInt(), " elements"));
  }
  const std::string& prefix = archive_.prefix();
  member_name_.clear();
  absl::StrAppend(&member_name_, prefix, folder, key);
  const absl::string_view record =
      absl::string_view(member_name_).substr(prefix.size());
  const ZipMember* const member = archive_.directory().Find(member_name_);
  if (member == nullptr) {
    return absl::DataLossError(
        absl::StrCat("The archive has no record ", record));
  }
  int& known = by_member_[IndexOf(*member)];
  if (known < 0) {
    known = static_cast<int>(entries_.size());
    return Add(*member, std::string(record), *dtype,
               absl::EndsWith(id[1].AsString(), "UntypedStorage"),
               id[3].AsString(), static_cast<uint64_t>(*size_bytes));
  }
  // As torch does: the first one's class counts.
  const StorageEntry& entry = entries_[static_cast<size_t>(known)];
  if (entry.size_bytes != static_cast<uint64_t>(*size_bytes) &&
      !(entry.size_bytes == 0 && id[3].AsString() == kNoData)) {
    return absl::DataLossError(
        absl::StrCat("storage ", key, " has ", entry.size_bytes,
                     " bytes in one place and ", *size_bytes, " in another"));
  }
  return storages_[static_cast<size_t>(known)];
}

// Most storages of a file have one class.
std::optional<DType> StorageRecords::DTypeOf(absl::string_view class_name) {
  if (class_name != last_class_) {
    last_class_ = std::string(class_name);
    last_dtype_ = dtype_of_class_(class_name);
  }
  return last_dtype_;
}

absl::StatusOr<PickledStorage> StorageRecords::Add(const ZipMember& member,
                                                   std::string record,
                                                   DType dtype, bool is_untyped,
                                                   absl::string_view location,
                                                   uint64_t size_bytes) {
  if (!member.is_stored() && !member.is_deflated()) {
    return WithHint(
        absl::UnimplementedError(
            absl::StrCat("Record ", record, " is compressed by method ",
                         member.method, "; deflate (8) is what Hoist reads")),
        "Unpack the archive, and pack it again uncompressed (zip -0 -r)");
  }
  if (member.size_bytes != size_bytes &&
      !(member.size_bytes == 0 && location == kNoData)) {
    return absl::DataLossError(absl::StrCat("Record ", record, " has ",
                                            member.size_bytes, " bytes, and ",
                                            size_bytes, " belong to it"));
  }
  StorageEntry entry;
  entry.name = std::move(record);
  entry.size_bytes = member.size_bytes;
  if (member.is_deflated()) {
    entry.deflated_bytes = member.stored_bytes;
  }
  if (member.crc32 != 0) {
    entry.crc32 = member.crc32;
  }
  if (is_big_endian_ && !is_untyped) {
    entry.swap_bytes = DTypeSwapBytes(dtype);
  }
  PickledStorage storage{.index = static_cast<int>(entries_.size()),
                         .dtype = dtype,
                         .is_untyped = is_untyped,
                         .location = std::string(location)};
  entries_.push_back(std::move(entry));
  members_.push_back(&member);
  storages_.push_back(storage);
  return storage;
}

absl::Status StorageRecords::SetOffsets(
    const std::optional<std::vector<uint64_t>>& offsets) {
  if (offsets) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].offset_bytes = (*offsets)[IndexOf(*members_[i])];
    }
    return absl::OkStatus();
  }
  HOIST_ASSIGN_OR_RETURN(const std::vector<uint64_t> read,
                         ReadZipDataOffsets(file_, members_, /*pool=*/nullptr));
  for (size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].offset_bytes = read[i];
  }
  return absl::OkStatus();
}

absl::Status SwapUntypedStorages(const std::vector<PickledStorage>& storages,
                                 Catalog& catalog) {
  std::vector<bool> is_untyped(catalog.storages.size(), false);
  for (const PickledStorage& storage : storages) {
    is_untyped[storage.index] = storage.is_untyped;
  }
  std::vector<bool> is_set(catalog.storages.size(), false);
  for (const TensorEntry& tensor : catalog.tensors) {
    if (!tensor.storage || !is_untyped[*tensor.storage]) {
      continue;
    }
    StorageEntry& storage = catalog.storages[*tensor.storage];
    const int width = DTypeSwapBytes(tensor.spec.dtype);
    if (is_set[*tensor.storage] && storage.swap_bytes != width) {
      return absl::UnimplementedError(absl::StrCat(
          "Tensor ", tensor.name, ": ", storage.name,
          " is big-endian, and seen as elements of different widths"));
    }
    if (!is_set[*tensor.storage] && width > 1) {
      catalog.warnings.push_back(absl::StrCat(
          tensor.name,
          ": the big-endian bytes are swapped; torch.load does not do so for ",
          DTypeName(tensor.spec.dtype)));
    }
    is_set[*tensor.storage] = true;
    storage.swap_bytes = width;
  }
  return absl::OkStatus();
}

}  // namespace hoist
