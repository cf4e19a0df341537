#include "hoist/checkpoint/formats/native/native_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/native/byte_cursor.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/formats/native/native_values.h"
#include "hoist/core/base/check.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kHeadBytes = 64;
// What of the head the digest covers: sizes and numbers of what it is of.
constexpr size_t kCoveredHeadEnd = 52;

constexpr uint32_t kNoStorage = std::numeric_limits<uint32_t>::max();
constexpr size_t kMinTensorBytes = 24;
constexpr size_t kMinStorageBytes = 20;
constexpr size_t kMinShardBytes = 16;
constexpr size_t kMinMetadataBytes = 8;
constexpr size_t kRawChunkBytes = 4;
constexpr size_t kEncodedChunkBytes = 16;
constexpr size_t kMaxCount = std::numeric_limits<int32_t>::max();
constexpr size_t kMaxTextBytes = std::numeric_limits<uint32_t>::max();
constexpr size_t kMaxRank = std::numeric_limits<uint16_t>::max();

constexpr uint8_t kRequiresGrad = 1;
constexpr uint8_t kIsParameter = 2;
constexpr uint8_t kIsPersistent = 4;
constexpr uint8_t kIsConjugate = 8;
constexpr uint8_t kIsNegative = 16;
constexpr uint8_t kAllFlags = 31;

uint64_t ChunkCount(uint64_t size_bytes, uint32_t chunk_bytes) {
  return size_bytes / chunk_bytes + (size_bytes % chunk_bytes != 0 ? 1 : 0);
}

// "sha256:" and 64 digits, of what the digest covers.
std::string DigestText(absl::Span<const uint8_t> head,
                       absl::Span<const uint8_t> content,
                       const std::vector<StorageEntry>& storages) {
  Sha256 sha256;
  sha256.Update(head.subspan(kDigestBytes, kCoveredHeadEnd - kDigestBytes));
  sha256.Update(content);
  ByteSink sink;
  for (const StorageEntry& storage : storages) {
    sink.Put(storage.size_bytes);
    for (const StorageChunk& chunk : storage.chunks) {
      sink.Put(chunk.crc32c);
    }
  }
  sha256.Update(sink.bytes());
  return sha256.FinishHex();
}

std::array<uint8_t, kDigestBytes> BytesOfDigest(const std::string& hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::array<uint8_t, kDigestBytes> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] =
        static_cast<uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return bytes;
}

void PutTensor(const TensorEntry& tensor, ByteSink& sink) {
  sink.PutText(tensor.name);
  sink.PutText(tensor.location);
  sink.Put(static_cast<uint8_t>(tensor.spec.dtype));
  sink.Put(static_cast<uint8_t>((tensor.requires_grad ? kRequiresGrad : 0) |
                                (tensor.is_parameter ? kIsParameter : 0) |
                                (tensor.is_persistent ? kIsPersistent : 0) |
                                (tensor.is_conjugate ? kIsConjugate : 0) |
                                (tensor.is_negative ? kIsNegative : 0)));
  sink.Put(static_cast<uint16_t>(tensor.spec.shape.size()));
  sink.Put(tensor.storage ? static_cast<uint32_t>(*tensor.storage)
                          : kNoStorage);
  sink.Put(tensor.storage_offset);
  for (const int64_t size : tensor.spec.shape) {
    sink.Put(size);
  }
  for (const int64_t stride : tensor.spec.strides) {
    sink.Put(stride);
  }
}

void PutStorage(const StorageEntry& storage, int version, ByteSink& sink) {
  sink.Put(storage.size_bytes);
  sink.Put(storage.offset_bytes);
  sink.Put(static_cast<uint32_t>(storage.file));
  for (const StorageChunk& chunk : storage.chunks) {
    sink.Put(chunk.crc32c);
    if (version >= 2) {
      sink.Put(chunk.stored_crc32c);
      sink.Put(chunk.stored_bytes);
      sink.Put(static_cast<uint32_t>(chunk.encoding));
    }
  }
}

absl::Status CheckFits(const NativeIndex& index) {
  const Catalog& catalog = index.catalog;
  if (catalog.tensors.size() > kMaxCount ||
      catalog.storages.size() > kMaxCount) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The format holds ", kMaxCount, " tensors and storages at most"));
  }
  for (const TensorEntry& tensor : catalog.tensors) {
    if (tensor.spec.shape.size() > kMaxRank) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Tensor ", tensor.name, " has ", tensor.spec.shape.size(),
          " dimensions, and the format holds ", kMaxRank));
    }
    if (std::max(tensor.name.size(), tensor.location.size()) > kMaxTextBytes) {
      return absl::InvalidArgumentError("A tensor's name has 4 GiB");
    }
  }
  for (const auto& [key, value] : catalog.metadata) {
    if (std::max(key.size(), value.size()) > kMaxTextBytes) {
      return absl::InvalidArgumentError("A text of metadata has 4 GiB");
    }
  }
  return absl::OkStatus();
}

bool IsReserved(absl::string_view key) {
  return absl::StartsWith(key, kNativeReservedKeys);
}

// A name in a directory, and nowhere else.
bool IsFileName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(absl::string_view("/\0", 2)) ==
             absl::string_view::npos;
}

// Reads one index.
class Parser {
 public:
  Parser(absl::Span<const uint8_t> bytes, int version)
      : bytes_(bytes), version_(version), cursor_(bytes) {}

  absl::StatusOr<NativeIndex> Parse();

 private:
  absl::Status TakeHead();
  absl::Status TakeTensor();
  absl::Status TakeStorage();
  absl::Status TakeChunks(StorageEntry& storage);
  absl::Status TakeShard();
  absl::Status TakeMetadata();
  absl::Status CheckDigest(absl::Span<const uint8_t> content);
  // Whether `count` records of `min_bytes` each can be there.
  absl::Status CheckCount(absl::string_view what, size_t count,
                          size_t min_bytes) const {
    return count <= kMaxCount && count <= cursor_.left() / min_bytes
               ? absl::OkStatus()
               : absl::DataLossError(absl::StrCat(count, " ", what,
                                                  " do not fit into ",
                                                  cursor_.left(), " bytes"));
  }

  const absl::Span<const uint8_t> bytes_;
  const int version_;
  ByteCursor cursor_;
  NativeIndex index_;
  std::array<uint8_t, kDigestBytes> digest_{};
  size_t storage_count_ = 0;
  size_t tensor_count_ = 0;
  size_t shard_count_ = 0;
  size_t metadata_count_ = 0;
  NativeValueCounts values_;
  absl::flat_hash_set<std::string> shard_names_;
};

absl::Status Parser::TakeHead() {
  if (bytes_.size() < kHeadBytes) {
    return absl::DataLossError(absl::StrCat(
        bytes_.size(), " bytes are less than its first ", kHeadBytes));
  }
  const absl::Span<const uint8_t> digest = cursor_.TakeBytes(kDigestBytes);
  std::copy(digest.begin(), digest.end(), digest_.begin());
  index_.chunk_bytes = cursor_.Take<uint32_t>();
  storage_count_ = cursor_.Take<uint32_t>();
  tensor_count_ = cursor_.Take<uint32_t>();
  values_.value_count = cursor_.Take<uint32_t>();
  values_.root_id = cursor_.Take<uint32_t>();
  shard_count_ = cursor_.Take<uint32_t>();
  metadata_count_ = cursor_.Take<uint32_t>();
  if (cursor_.Take<uint32_t>() != 0) {
    return absl::DataLossError("bytes that are reserved are not zero");
  }
  if (index_.chunk_bytes < kMinChunkBytes ||
      index_.chunk_bytes > kMaxEncodedChunkBytes ||
      !std::has_single_bit(index_.chunk_bytes)) {
    return absl::DataLossError(absl::StrCat(
        "chunks of ", index_.chunk_bytes, " bytes are no power of two between ",
        kMinChunkBytes, " and ", kMaxEncodedChunkBytes));
  }
  HOIST_RETURN_IF_ERROR(
      CheckCount("storages", storage_count_, kMinStorageBytes));
  HOIST_RETURN_IF_ERROR(CheckCount("tensors", tensor_count_, kMinTensorBytes));
  HOIST_RETURN_IF_ERROR(CheckCount("shards", shard_count_, kMinShardBytes));
  return CheckCount("pairs of metadata", metadata_count_, kMinMetadataBytes);
}

absl::Status Parser::TakeTensor() {
  TensorEntry tensor;
  tensor.name = std::string(cursor_.TakeText());
  tensor.location = std::string(cursor_.TakeText());
  const auto dtype = cursor_.Take<uint8_t>();
  const auto flags = cursor_.Take<uint8_t>();
  const size_t rank = cursor_.Take<uint16_t>();
  const auto storage = cursor_.Take<uint32_t>();
  tensor.storage_offset = cursor_.Take<int64_t>();
  if (!cursor_.ok() || rank > cursor_.left() / (2 * sizeof(int64_t))) {
    return absl::DataLossError(
        absl::StrCat("tensor ", index_.catalog.tensors.size(), " is cut off"));
  }
  if (dtype >= AllDTypes().size() || (flags & ~kAllFlags) != 0 ||
      (storage != kNoStorage && storage >= storage_count_)) {
    return absl::DataLossError(
        absl::StrCat("tensor ", tensor.name, " has dtype ", dtype, ", flags ",
                     flags, " and storage ", storage, ", which there are not"));
  }
  tensor.spec.dtype = static_cast<DType>(dtype);
  tensor.requires_grad = (flags & kRequiresGrad) != 0;
  tensor.is_parameter = (flags & kIsParameter) != 0;
  tensor.is_persistent = (flags & kIsPersistent) != 0;
  tensor.is_conjugate = (flags & kIsConjugate) != 0;
  tensor.is_negative = (flags & kIsNegative) != 0;
  if (storage != kNoStorage) {
    tensor.storage = static_cast<int>(storage);
  }
  for (std::vector<int64_t>* numbers :
       {&tensor.spec.shape, &tensor.spec.strides}) {
    numbers->resize(rank);
    for (int64_t& number : *numbers) {
      number = cursor_.Take<int64_t>();
    }
  }
  index_.catalog.tensors.push_back(std::move(tensor));
  return absl::OkStatus();
}

absl::Status Parser::TakeStorage() {
  StorageEntry storage;
  storage.name = absl::StrCat("storage ", index_.catalog.storages.size());
  storage.size_bytes = cursor_.Take<uint64_t>();
  storage.offset_bytes = cursor_.Take<uint64_t>();
  const size_t shard = cursor_.Take<uint32_t>();
  const size_t chunk_record =
      version_ == 1 ? kRawChunkBytes : kEncodedChunkBytes;
  if (!cursor_.ok() ||
      ChunkCount(storage.size_bytes, index_.chunk_bytes) >
          cursor_.left() / chunk_record ||
      storage.offset_bytes >
          static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return absl::DataLossError(absl::StrCat(
        storage.name, " of ", storage.size_bytes, " bytes at byte ",
        storage.offset_bytes, " has more chunks than there are"));
  }
  if (shard > shard_count_) {
    return absl::DataLossError(absl::StrCat(storage.name, " is in file ", shard,
                                            " of ", shard_count_));
  }
  storage.file = static_cast<int>(shard);
  HOIST_RETURN_IF_ERROR(TakeChunks(storage));
  index_.catalog.storages.push_back(std::move(storage));
  return absl::OkStatus();
}

absl::Status Parser::TakeChunks(StorageEntry& storage) {
  const uint64_t count = ChunkCount(storage.size_bytes, index_.chunk_bytes);
  storage.chunks.reserve(count);
  uint64_t left_bytes = storage.size_bytes;
  uint64_t stored_bytes = 0;
  bool is_encoded = false;
  for (uint64_t i = 0; i < count; ++i) {
    StorageChunk chunk;
    chunk.offset_bytes = storage.offset_bytes + stored_bytes;
    chunk.size_bytes = static_cast<uint32_t>(
        std::min<uint64_t>(left_bytes, index_.chunk_bytes));
    chunk.crc32c = cursor_.Take<uint32_t>();
    chunk.stored_crc32c = chunk.crc32c;
    chunk.stored_bytes = chunk.size_bytes;
    if (version_ >= 2) {
      chunk.stored_crc32c = cursor_.Take<uint32_t>();
      chunk.stored_bytes = cursor_.Take<uint32_t>();
      const auto encoding = cursor_.Take<uint32_t>();
      if (encoding >= kChunkEncodingCount) {
        return absl::DataLossError(
            absl::StrCat("chunk ", i, " of ", storage.name, " has encoding ",
                         encoding, ", which there is not"));
      }
      chunk.encoding = static_cast<ChunkEncoding>(encoding);
    }
    left_bytes -= chunk.size_bytes;
    stored_bytes += chunk.stored_bytes;
    is_encoded = is_encoded || chunk.encoding != ChunkEncoding::kRaw;
    storage.chunks.push_back(chunk);
  }
  if (is_encoded) {
    storage.encoded_bytes = stored_bytes;
  }
  return absl::OkStatus();
}

absl::Status Parser::TakeShard() {
  NativeShard shard;
  shard.name = std::string(cursor_.TakeText());
  shard.file_bytes = cursor_.Take<uint64_t>();
  shard.footer_crc32c = cursor_.Take<uint32_t>();
  const bool is_known = !shard_names_.insert(shard.name).second;
  if (!cursor_.ok() || !IsFileName(shard.name) || is_known) {
    return absl::DataLossError(
        absl::StrCat("shard ", index_.shards.size(),
                     " has no name that a file beside it can have"));
  }
  index_.shards.push_back(std::move(shard));
  return absl::OkStatus();
}

absl::Status Parser::TakeMetadata() {
  Catalog& catalog = index_.catalog;
  catalog.producer = std::string(cursor_.TakeText());
  for (size_t i = 0; i < metadata_count_; ++i) {
    std::string key(cursor_.TakeText());
    std::string value(cursor_.TakeText());
    if (!cursor_.ok() || IsReserved(key)) {
      return absl::DataLossError(absl::StrCat(
          "pair ", i, " of metadata is cut off, or has a reserved key"));
    }
    catalog.metadata.emplace_back(std::move(key), std::move(value));
  }
  return cursor_.ok() && cursor_.left() == 0
             ? absl::OkStatus()
             : absl::DataLossError(absl::StrCat(
                   cursor_.left(), " bytes are left behind all records"));
}

absl::Status Parser::CheckDigest(absl::Span<const uint8_t> content) {
  const std::string digest =
      DigestText(bytes_.first(kHeadBytes), content, index_.catalog.storages);
  if (BytesOfDigest(digest) != digest_) {
    return absl::DataLossError("its digest is not that of its content");
  }
  index_.catalog.metadata.emplace_back(kNativeDigestKey,
                                       absl::StrCat("sha256:", digest));
  return absl::OkStatus();
}

absl::StatusOr<NativeIndex> Parser::Parse() {
  HOIST_RETURN_IF_ERROR(TakeHead());
  Catalog& catalog = index_.catalog;
  catalog.tensors.reserve(tensor_count_);
  for (size_t i = 0; i < tensor_count_; ++i) {
    HOIST_RETURN_IF_ERROR(TakeTensor());
  }
  auto values = std::make_shared<ValueGraph>();
  HOIST_RETURN_IF_ERROR(TakeNativeValues(values_, tensor_count_, storage_count_,
                                         cursor_, *values));
  catalog.values = std::move(values);
  catalog.root_id = values_.root_id;
  const size_t content_end = cursor_.at();
  catalog.storages.reserve(storage_count_);
  for (size_t i = 0; i < storage_count_; ++i) {
    HOIST_RETURN_IF_ERROR(TakeStorage());
  }
  for (size_t i = 0; i < shard_count_; ++i) {
    HOIST_RETURN_IF_ERROR(TakeShard());
  }
  HOIST_RETURN_IF_ERROR(TakeMetadata());
  HOIST_RETURN_IF_ERROR(
      CheckDigest(bytes_.subspan(kHeadBytes, content_end - kHeadBytes)));
  return std::move(index_);
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> SerializeNativeIndex(
    const NativeIndex& index, int version) {
  const Catalog& catalog = index.catalog;
  HOIST_RETURN_IF_ERROR(CheckFits(index));
  ByteSink content;
  for (const TensorEntry& tensor : catalog.tensors) {
    PutTensor(tensor, content);
  }
  const ValueGraph none;
  HOIST_ASSIGN_OR_RETURN(
      const NativeValueCounts values,
      PutNativeValues(catalog.values == nullptr ? none : *catalog.values,
                      catalog.root_id, content));
  uint32_t metadata_count = 0;
  ByteSink metadata;
  for (const auto& [key, value] : catalog.metadata) {
    if (!IsReserved(key)) {
      metadata.PutText(key);
      metadata.PutText(value);
      ++metadata_count;
    }
  }

  ByteSink sink;
  sink.PutBytes(std::array<uint8_t, kDigestBytes>{});
  for (const size_t number :
       {size_t{index.chunk_bytes}, catalog.storages.size(),
        catalog.tensors.size(), size_t{values.value_count},
        size_t{values.root_id}, index.shards.size(), size_t{metadata_count},
        size_t{0}}) {
    sink.Put(static_cast<uint32_t>(number));
  }
  HOIST_CHECK(sink.size() == kHeadBytes);
  const auto digest = BytesOfDigest(
      DigestText(sink.bytes(), content.bytes(), catalog.storages));
  std::copy(digest.begin(), digest.end(), sink.bytes().begin());
  sink.PutBytes(content.bytes());
  for (const StorageEntry& storage : catalog.storages) {
    PutStorage(storage, version, sink);
  }
  for (const NativeShard& shard : index.shards) {
    sink.PutText(shard.name);
    sink.Put(shard.file_bytes);
    sink.Put(shard.footer_crc32c);
  }
  sink.PutText(catalog.producer);
  sink.PutBytes(metadata.bytes());
  if (sink.size() > kMaxNativeIndexBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "An index of ", sink.size(), " bytes exceeds the format's limit of ",
        kMaxNativeIndexBytes));
  }
  return sink.Release();
}

absl::StatusOr<NativeIndex> ParseNativeIndex(absl::Span<const uint8_t> bytes,
                                             int version) {
  absl::StatusOr<NativeIndex> index = Parser(bytes, version).Parse();
  if (!index.ok()) {
    return absl::Status(
        index.status().code(),
        absl::StrCat("Its index is wrong: ", index.status().message()));
  }
  return index;
}

}  // namespace hoist
