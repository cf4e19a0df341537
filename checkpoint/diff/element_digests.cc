#include "hoist/checkpoint/diff/element_digests.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/migrate/block_cache.h"
#include "hoist/checkpoint/migrate/storage_bytes.h"
#include "hoist/checkpoint/migrate/strided_elements.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

constexpr int64_t kStepBytes = int64_t{1} << 20;
// A tensor with stride 0 may claim any number of bytes over a few.
constexpr int64_t kMaxRepeatedBytes = int64_t{1} << 30;

absl::StatusOr<std::string> DigestOf(const TensorSource& source,
                                     const TensorEntry& tensor,
                                     const CancelToken* cancel) {
  const StorageEntry& storage = source.catalog.storages[*tensor.storage];
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, LogicalBytes(tensor.spec));
  if (bytes > kMaxRepeatedBytes &&
      static_cast<uint64_t>(bytes) / 2 > storage.size_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "Its elements would take ", bytes, " bytes, repeated from ",
        storage.size_bytes, "; digests are made of ", kMaxRepeatedBytes,
        " such at most"));
  }
  HOIST_ASSIGN_OR_RETURN(
      const auto elements,
      StridedElements::Create(
          std::make_shared<StorageBytes>(source.files[storage.file], storage),
          tensor.spec, tensor.storage_offset,
          std::make_shared<BlockCache>(kStepBytes), kStepBytes));
  const int64_t element_bytes = DTypeBits(tensor.spec.dtype) / 8;
  Sha256 sha256;
  std::vector<uint8_t> step;
  for (int64_t at = 0; at < bytes; at += kStepBytes) {
    if (cancel != nullptr && cancel->is_cancelled()) {
      return absl::CancelledError("Comparing was cancelled");
    }
    step.resize(static_cast<size_t>(std::min(bytes - at, kStepBytes)));
    HOIST_RETURN_IF_ERROR(
        elements->Read(at / element_bytes, absl::MakeSpan(step)));
    sha256.Update(step);
  }
  return sha256.FinishHex();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ElementDigests(
    const TensorSource& source, absl::Span<const int> tensors, ThreadPool* pool,
    const CancelToken* cancel) {
  std::vector<std::string> digests(tensors.size());
  const auto digest = [&](int64_t i) -> absl::Status {
    const TensorEntry& tensor = source.catalog.tensors[tensors[i]];
    auto made = DigestOf(source, tensor, cancel);
    if (!made.ok()) {
      return Annotate(made.status(), absl::StrCat("Tensor ", tensor.name));
    }
    digests[i] = *std::move(made);
    return absl::OkStatus();
  };
  const auto count = static_cast<int64_t>(tensors.size());
  if (pool != nullptr) {
    HOIST_RETURN_IF_ERROR(ParallelFor(*pool, count, digest));
  } else {
    for (int64_t i = 0; i < count; ++i) {
      HOIST_RETURN_IF_ERROR(digest(i));
    }
  }
  return digests;
}

}  // namespace hoist
