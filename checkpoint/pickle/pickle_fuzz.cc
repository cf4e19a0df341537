#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/pickle/finish_catalog.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/checkpoint/testing/catalog_text.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/checked_math.h"

namespace hoist {
namespace {

constexpr uint64_t kFileBytes = uint64_t{1} << 20;

// Persistent ids as the readers of torch's formats take them: storages at the
// start of a file of their own.
class Storages {
 public:
  absl::StatusOr<TorchVocabulary::Persistent> Load(Value id) {
    if (id.kind() != ValueKind::kTuple || id.size() < 5 ||
        id[1].kind() != ValueKind::kClass ||
        id[2].kind() != ValueKind::kString || id[4].kind() != ValueKind::kInt) {
      return id.id();
    }
    const auto dtype = StorageClassDType(id[1].AsString());
    if (!dtype) {
      return absl::UnimplementedError("a class that is not known");
    }
    const auto bytes = CheckedMul(id[4].AsInt(), int64_t{DTypeBits(*dtype)});
    if (!bytes || *bytes < 0 ||
        static_cast<uint64_t>(*bytes) / 8 > kFileBytes) {
      return absl::DataLossError("a size that does not fit");
    }
    const auto [known, is_new] = by_key_.try_emplace(
        std::string(id[2].AsString()), PickledStorage{.dtype = *dtype});
    if (is_new) {
      known->second.index = static_cast<int>(entries_.size());
      known->second.is_untyped = id[1].AsString() == "UntypedStorage";
      entries_.push_back({.size_bytes = static_cast<uint64_t>(*bytes) / 8,
                          .name = absl::StrCat("storage ", entries_.size())});
    }
    return known->second;
  }
  std::vector<StorageEntry>& entries() { return entries_; }

 private:
  std::vector<StorageEntry> entries_;
  absl::flat_hash_map<std::string, PickledStorage> by_key_;
};

// As readers do it.
absl::StatusOr<Catalog> Read(absl::Span<const uint8_t> bytes) {
  Catalog catalog;
  catalog.files = {{.path = "fuzz", .size_bytes = kFileBytes}};
  Storages storages;
  TorchVocabulary vocabulary(
      [&storages](ValueGraph&, Value id) { return storages.Load(id); });
  auto graph = std::make_shared<ValueGraph>();
  const auto read = ReadPickle(bytes, vocabulary, *graph);
  if (!read.ok()) {
    return read.status();
  }
  HOIST_CHECK(read->size_bytes <= bytes.size());
  HOIST_CHECK(read->root < graph->size());
  catalog.storages = std::move(storages.entries());
  const absl::Status status =
      FinishCatalog(std::move(graph), read->root, vocabulary, catalog);
  if (!status.ok()) {
    return status;
  }
  return catalog;
}

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto first = hoist::Read({data, size});
  const auto second = hoist::Read({data, size});
  hoist::CheckBytesError(first.status());
  HOIST_CHECK(first.status() == second.status());
  if (first.ok()) {
    hoist::CheckCatalog(*first);
    HOIST_CHECK(hoist::CatalogText(*first) == hoist::CatalogText(*second));
    // Nothing behind its STOP matters.
    std::vector<uint8_t> longer(data, data + size);
    longer.push_back('.');
    HOIST_CHECK(hoist::Read(longer).ok());
  }
  return 0;
}
