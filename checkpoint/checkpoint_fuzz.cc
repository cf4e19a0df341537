#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/load/read_elements.h"
#include "hoist/checkpoint/plan/storage_need.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/base/check.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/io/memory_file.h"

namespace hoist {
namespace {

// What one input may ask for: a few bytes can claim much, by deflate and by
// strides of 0.
constexpr uint64_t kMaxStorageBytes = uint64_t{4} << 20;
constexpr int64_t kMaxTensorBytes = int64_t{4} << 20;
constexpr size_t kMaxTensors = 200;
constexpr int64_t kMaxElements = 4096;

bool IsBounded(const Catalog& catalog) {
  uint64_t storage_bytes = 0;
  for (const StorageNeed& need :
       NeededStorages(catalog, /*keep_verifiable=*/true)) {
    const uint64_t size = need.size_bytes;
    if (size > kMaxStorageBytes || storage_bytes > kMaxStorageBytes) {
      return false;
    }
    storage_bytes += size;
  }
  int64_t tensor_bytes = 0;
  for (const TensorEntry& tensor : catalog.tensors) {
    const int64_t size = *LogicalBytes(tensor.spec);
    if (size > kMaxTensorBytes || tensor_bytes > kMaxTensorBytes) {
      return false;
    }
    tensor_bytes += size;
  }
  return catalog.tensors.size() <= kMaxTensors;
}

std::vector<uint8_t> Content(const Tensor& tensor) {
  std::vector<uint8_t> bytes;
  ForEachContiguousRun(tensor, [&bytes](absl::Span<const uint8_t> run) {
    bytes.insert(bytes.end(), run.begin(), run.end());
  });
  HOIST_CHECK(bytes.size() == static_cast<size_t>(tensor.size_bytes()));
  return bytes;
}

// The elements one by one are those of the whole.
void CheckElements(const Checkpoint& checkpoint, const TensorEntry& entry,
                   const Tensor& whole) {
  if (whole.element_count() > kMaxElements || whole.shape().size() > 8) {
    return;
  }
  std::vector<std::vector<int64_t>> all;
  for (const int64_t size : entry.spec.shape) {
    if (size > kMaxElements) {
      return;
    }
    all.emplace_back();
    for (int64_t i = 0; i < size; ++i) {
      all.back().push_back(i);
    }
  }
  const auto elements =
      ReadElements(checkpoint.catalog(), checkpoint.files(), entry, all);
  if (absl::IsUnimplemented(elements.status())) {
    return;
  }
  HOIST_CHECK(elements.ok());
  HOIST_CHECK(elements->shape() == entry.spec.shape);
  HOIST_CHECK(Content(*elements) == Content(whole));
}

void CheckLoad(const Checkpoint& checkpoint) {
  const Catalog& catalog = checkpoint.catalog();
  const auto loaded = Load(checkpoint);
  CheckBytesError(loaded.status());
  const auto digests = TensorDigests(catalog, checkpoint.files(), nullptr);
  CheckBytesError(digests.status());
  HOIST_CHECK(loaded.ok() == digests.ok());
  if (!loaded.ok()) {
    return;
  }
  // What is verified is what is there.
  const auto unverified = Load(checkpoint, {.verify_checksums = false});
  HOIST_CHECK(unverified.ok());
  HOIST_CHECK(unverified->tensors.size() == loaded->tensors.size());
  auto tensor = loaded->tensors.begin();
  auto same = unverified->tensors.begin();
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& entry = catalog.tensors[i];
    HOIST_CHECK((*digests)[i].has_value() == entry.storage.has_value());
    if (!entry.storage) {
      continue;
    }
    HOIST_CHECK(tensor != loaded->tensors.end());
    HOIST_CHECK(tensor->name == entry.name);
    HOIST_CHECK(tensor->tensor.shape() == entry.spec.shape);
    const std::vector<uint8_t> content = Content(tensor->tensor);
    HOIST_CHECK(content == Content(same->tensor));
    Sha256 sha256;
    sha256.Update(content);
    HOIST_CHECK(sha256.FinishHex() == *(*digests)[i]);
    CheckElements(checkpoint, entry, tensor->tensor);
    ++tensor;
    ++same;
  }
  HOIST_CHECK(tensor == loaded->tensors.end());
}

}  // namespace
}  // namespace hoist

// Bytes to tensors, as users have it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto checkpoint =
      hoist::Checkpoint::Open(std::make_shared<hoist::MemoryFile>(
          "fuzz.pt", std::vector<uint8_t>(data, data + size)));
  hoist::CheckBytesError(checkpoint.status());
  if (!checkpoint.ok()) {
    return 0;
  }
  const hoist::Catalog& catalog = checkpoint->catalog();
  hoist::CheckCatalog(catalog);
  HOIST_CHECK(checkpoint->files().size() == catalog.files.size());
  if (hoist::IsBounded(catalog)) {
    hoist::CheckLoad(*checkpoint);
  }
  return 0;
}
