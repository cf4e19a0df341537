#include "hoist/checkpoint/load/digest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/chunk_plan.h"
#include "hoist/checkpoint/load/storage_loader.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/checkpoint/load/tensor_view.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Digests = std::vector<std::optional<std::string>>;

// A tensor with stride 0 may claim any number of bytes over a few.
constexpr uint64_t kMaxRepeatedBytes = uint64_t{1} << 30;

absl::StatusOr<std::string> DigestOf(const TensorEntry& entry,
                                     const std::shared_ptr<Buffer>& buffer) {
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(entry.spec));
  const auto size = static_cast<uint64_t>(bytes);
  if (size > kMaxRepeatedBytes && size / 2 > buffer->size_bytes()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "Tensor ", entry.name, ": its elements would take ", size,
        " bytes, repeated from ", buffer->size_bytes(),
        "; digests are made of ", kMaxRepeatedBytes, " such at most"));
  }
  HOIST_ASSIGN_OR_RETURN(const Tensor tensor, TensorView(entry, buffer));
  Sha256 sha256;
  ForEachContiguousRun(
      tensor, [&sha256](absl::Span<const uint8_t> run) { sha256.Update(run); });
  return sha256.FinishHex();
}

}  // namespace

absl::StatusOr<Digests> TensorDigests(const Catalog& catalog,
                                      CatalogFiles files, ThreadPool* pool) {
  const std::vector<int> storages = UsedStorages(catalog);
  std::vector<std::vector<size_t>> tensors(catalog.storages.size());
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    if (catalog.tensors[i].storage) {
      tensors[*catalog.tensors[i].storage].push_back(i);
    }
  }
  Digests digests(catalog.tensors.size());
  const auto digest_storage = [&](int64_t i) -> absl::Status {
    const int storage = storages[static_cast<size_t>(i)];
    HOIST_ASSIGN_OR_RETURN(const std::unique_ptr<StorageSink> sink,
                           MakeHostSink(catalog, {&storage, 1}));
    HOIST_RETURN_IF_ERROR(LoadStorages(catalog, files, {&storage, 1},
                                       /*verify=*/true, nullptr, *sink)
                              .status());
    for (const size_t tensor : tensors[storage]) {
      HOIST_ASSIGN_OR_RETURN(digests[tensor], DigestOf(catalog.tensors[tensor],
                                                       sink->buffer(storage)));
    }
    return absl::OkStatus();
  };
  if (pool != nullptr) {
    HOIST_RETURN_IF_ERROR(ParallelFor(
        *pool, static_cast<int64_t>(storages.size()), digest_storage));
  } else {
    for (size_t i = 0; i < storages.size(); ++i) {
      HOIST_RETURN_IF_ERROR(digest_storage(static_cast<int64_t>(i)));
    }
  }
  return digests;
}

}  // namespace hoist
