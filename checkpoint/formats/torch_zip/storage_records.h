#ifndef HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_STORAGE_RECORDS_H_
#define HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_STORAGE_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/formats/torch_zip/torch_archive.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/checkpoint/zip/zip_directory.h"
#include "hoist/core/io/random_access_file.h"

namespace hoist {

// Turns the persistent ids of a pickle in a TorchArchive into storages of the
// catalog, each record once. File and archive must outlive it.
// Thread-compatible.
class StorageRecords {
 public:
  // The dtype of a storage class, as StorageClassDType() tells it.
  using DTypeOfClass = std::optional<DType> (*)(absl::string_view class_name);

  StorageRecords(const RandomAccessFile& file, const TorchArchive& archive,
                 bool is_big_endian,
                 DTypeOfClass dtype_of_class = StorageClassDType)
      : file_(file),
        archive_(archive),
        is_big_endian_(is_big_endian),
        dtype_of_class_(dtype_of_class),
        by_member_(archive.directory().members().size(), -1) {}

  // `id` is ("storage", class, key, location, number of elements), its record
  // `folder` and the key. kDataLoss if it is not there, or of another size:
  // only that of a storage without data, on the "meta" device, may be empty.
  // kUnimplemented for a class that is not known.
  absl::StatusOr<PickledStorage> Load(Value id,
                                      absl::string_view folder = "data/");

  // Their offset_bytes are not known yet.
  std::vector<StorageEntry>& entries() { return entries_; }

  // Sets them, from the records' headers: `offsets` are ZipDataOffset() of all
  // of the directory's members, in its order, where they have been read
  // already. Else reads those of the entries, and blocks; kDataLoss for a
  // header that is not there, or another's.
  absl::Status SetOffsets(
      const std::optional<std::vector<uint64_t>>& offsets = std::nullopt);

 private:
  size_t IndexOf(const ZipMember& member) const {
    return static_cast<size_t>(&member - archive_.directory().members().data());
  }
  std::optional<DType> DTypeOf(absl::string_view class_name);
  absl::StatusOr<PickledStorage> Add(const ZipMember& member,
                                     std::string record, DType dtype,
                                     bool is_untyped,
                                     absl::string_view location,
                                     uint64_t size_bytes);

  const RandomAccessFile& file_;
  const TorchArchive& archive_;
  const bool is_big_endian_;
  const DTypeOfClass dtype_of_class_;
  // Parallel to each other.
  std::vector<StorageEntry> entries_;
  std::vector<const ZipMember*> members_;
  std::vector<PickledStorage> storages_;
  std::vector<int> by_member_;  // their indices, by the directory's; or -1
  std::string member_name_;     // that was looked for last
  // What dtype_of_class_ said last.
  std::string last_class_;
  std::optional<DType> last_dtype_;
};

// In the catalog of a big-endian archive: an untyped storage takes its byte
// order from the tensors over it, which must agree. torch leaves these bytes as
// they are, and so gets other numbers: a warning says so.
absl::Status SwapUntypedStorages(const std::vector<PickledStorage>& storages,
                                 Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_FORMATS_TORCH_ZIP_STORAGE_RECORDS_H_
