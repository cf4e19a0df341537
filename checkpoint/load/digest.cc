#include "hoist/checkpoint/load/digest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/host_destination.h"
#include "hoist/checkpoint/load/load_engine.h"
#include "hoist/checkpoint/load/tensor_view.h"
#include "hoist/checkpoint/plan/load_plan.h"
#include "hoist/checkpoint/plan/storage_need.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/io/open_read_path.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Digests = std::vector<std::optional<std::string>>;

// A tensor with stride 0 may claim any number of bytes over a few.
constexpr uint64_t kMaxRepeatedBytes = uint64_t{1} << 30;

absl::StatusOr<std::string> DigestOf(const TensorEntry& entry,
                                     const StorageNeed& need,
                                     const std::shared_ptr<Buffer>& buffer) {
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(entry.spec));
  const auto size = static_cast<uint64_t>(bytes);
  if (size > kMaxRepeatedBytes && size / 2 > buffer->size_bytes()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "Tensor ", entry.name, ": its elements would take ", size,
        " bytes, repeated from ", buffer->size_bytes(),
        "; digests are made of ", kMaxRepeatedBytes, " such at most"));
  }
  HOIST_ASSIGN_OR_RETURN(const Tensor tensor,
                         TensorView(entry, need.begin_bytes, buffer));
  Sha256 sha256;
  ForEachContiguousRun(
      tensor, [&sha256](absl::Span<const uint8_t> run) { sha256.Update(run); });
  return sha256.FinishHex();
}

// `need` in memory, verified.
absl::StatusOr<std::shared_ptr<Buffer>> ReadStorage(
    const Catalog& catalog, CatalogFiles files,
    absl::Span<const std::unique_ptr<ReadPath>> paths,
    const StorageNeed& need) {
  HOIST_ASSIGN_OR_RETURN(const LoadPlan plan,
                         MakeLoadPlan(catalog, {&need, 1}, {}));
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<ChunkDestination> memory,
      MakeHostDestination(catalog, plan, /*one_buffer_each=*/true, paths));
  HOIST_RETURN_IF_ERROR(ExecutePlan({.catalog = catalog,
                                     .plan = plan,
                                     .files = files,
                                     .paths = paths,
                                     .destination = *memory})
                            .status());
  return memory->buffer(0);
}

}  // namespace

absl::StatusOr<Digests> TensorDigests(const Catalog& catalog,
                                      CatalogFiles files, ThreadPool* pool) {
  const std::vector<StorageNeed> needs =
      NeededStorages(catalog, /*keep_verifiable=*/true);
  std::vector<std::vector<size_t>> tensors(catalog.storages.size());
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    if (catalog.tensors[i].storage) {
      tensors[*catalog.tensors[i].storage].push_back(i);
    }
  }
  std::vector<std::unique_ptr<ReadPath>> paths;
  for (const auto& file : files) {
    HOIST_ASSIGN_OR_RETURN(paths.emplace_back(),
                           OpenReadPath(file, ReadMethod::kPread));
  }
  Digests digests(catalog.tensors.size());
  const auto digest_storage = [&](int64_t i) -> absl::Status {
    const StorageNeed& need = needs[static_cast<size_t>(i)];
    HOIST_ASSIGN_OR_RETURN(const std::shared_ptr<Buffer> buffer,
                           ReadStorage(catalog, files, paths, need));
    for (const size_t tensor : tensors[need.storage]) {
      HOIST_ASSIGN_OR_RETURN(digests[tensor],
                             DigestOf(catalog.tensors[tensor], need, buffer));
    }
    return absl::OkStatus();
  };
  if (pool != nullptr) {
    HOIST_RETURN_IF_ERROR(
        ParallelFor(*pool, static_cast<int64_t>(needs.size()), digest_storage));
  } else {
    for (size_t i = 0; i < needs.size(); ++i) {
      HOIST_RETURN_IF_ERROR(digest_storage(static_cast<int64_t>(i)));
    }
  }
  return digests;
}

}  // namespace hoist
