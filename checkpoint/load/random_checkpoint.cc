#include "hoist/checkpoint/load/random_checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/compress/chunk_codec.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

constexpr DType kDTypes[] = {DType::kUint8,   DType::kBfloat16,
                             DType::kFloat32, DType::kFloat64,
                             DType::kInt64,   DType::kComplex128};
constexpr int kWidths[] = {1, 2, 4, 8};
constexpr size_t kMaxDeflatedBytes = size_t{512} << 10;

bool OneIn(std::mt19937& random, size_t count) {
  return Below(random, count) == 0;
}

size_t RandomSize(std::mt19937& random, size_t max_bytes) {
  switch (Below(random, 8)) {
    case 0:
      return 0;
    case 1:
      return Below(random, 100);
    case 2:
      return max_bytes;
    default:
      return Below(random, max_bytes + 1);
  }
}

std::string RandomBytes(std::mt19937& random, size_t size) {
  std::string bytes = TestBytes(size, static_cast<uint32_t>(random()));
  if (OneIn(random, 3)) {  // what deflate makes smaller
    for (char& byte : bytes) {
      byte &= 0x11;
    }
  }
  return bytes;
}

size_t RandomGap(std::mt19937& random, size_t end) {
  switch (Below(random, 8)) {
    case 0:
    case 1:
      return 0;
    case 2:
    case 3:
      return (64 - end % 64) % 64;
    case 4:
      return (4096 - end % 4096) % 4096;
    case 5:  // too much to be read along
      return (size_t{64} << 10) + Below(random, 3) - 1;
    default:
      return Below(random, 300);
  }
}

// Cuts `bytes`, which are those of `storage`, into chunks, all raw or encoded
// where that saves enough; returns them as they are in the file.
std::string AddChunks(std::mt19937& random, const std::string& bytes,
                      StorageEntry& storage) {
  constexpr int kFloatBytes[] = {0, 2, 4, 8};
  const size_t chunk_bytes = size_t{kMinChunkBytes} << Below(random, 5);
  const int float_bytes = kFloatBytes[Below(random, std::size(kFloatBytes))];
  const bool encode = !OneIn(random, 3);
  ChunkEncoder encoder;
  std::string all_stored;
  bool is_encoded = false;
  for (size_t at = 0; at < bytes.size(); at += chunk_bytes) {
    const absl::Span<const uint8_t> chunk(
        reinterpret_cast<const uint8_t*>(bytes.data()) + at,
        std::min(chunk_bytes, bytes.size() - at));
    ChunkEncoder::Encoded encoded = {.stored = chunk};
    if (encode) {
      encoded = encoder.Encode(chunk, float_bytes).value();
    }
    storage.chunks.push_back(
        {.offset_bytes = storage.offset_bytes + all_stored.size(),
         .stored_bytes = static_cast<uint32_t>(encoded.stored.size()),
         .size_bytes = static_cast<uint32_t>(chunk.size()),
         .stored_crc32c = Crc32c(encoded.stored),
         .crc32c = Crc32c(chunk),
         .encoding = encoded.encoding});
    all_stored.append(encoded.stored.begin(), encoded.stored.end());
    is_encoded = is_encoded || encoded.encoding != ChunkEncoding::kRaw;
  }
  if (is_encoded) {
    storage.encoded_bytes = all_stored.size();
  }
  return all_stored;
}

// The part of a storage of `count` elements that a tensor is a view of.
void SetView(std::mt19937& random, size_t count, TensorEntry& tensor) {
  const auto number = [&random](size_t below) {
    return static_cast<int64_t>(Below(random, below));
  };
  const size_t kind = Below(random, 6);
  if (count == 0 || kind == 0) {
    tensor.spec.shape = {number(5), 0};
    tensor.spec.strides = {number(100), number(100)};
    tensor.storage_offset =
        number(2) == 0 ? std::numeric_limits<int64_t>::max() : number(1000);
  } else if (kind < 3) {
    tensor.spec.shape = {static_cast<int64_t>(count)};
    tensor.spec.strides = {1};
  } else if (kind == 3) {
    tensor.storage_offset = number(count);
    tensor.spec.shape = {1 + number(count - tensor.storage_offset)};
    tensor.spec.strides = {1};
  } else {
    tensor.storage_offset = number(count);
    size_t left = count - 1 - tensor.storage_offset;  // elements after it
    for (size_t i = Below(random, 4); i > 0; --i) {
      const int64_t stride = number(std::min<size_t>(left, 5000) + 1);
      const int64_t size = 1 + number(stride == 0 ? 4 : left / stride + 1);
      tensor.spec.shape.push_back(size);
      tensor.spec.strides.push_back(stride);
      left -= stride * (size - 1);
    }
  }
}

}  // namespace

RandomCheckpoint::RandomCheckpoint(std::mt19937& random, const Options& options)
    : options_(options) {
  const size_t file_count = 1 + Below(random, options.max_files);
  contents_.resize(file_count);
  const size_t storage_count = 1 + Below(random, options.max_storages);
  for (size_t i = 0; i < storage_count; ++i) {
    AddStorage(random, static_cast<int>(Below(random, file_count)),
               options.max_storage_bytes);
  }
  std::shuffle(catalog_.storages.begin(), catalog_.storages.end(), random);
  for (size_t i = 0; i < storage_count; ++i) {
    AddTensors(random, static_cast<int>(i));
  }
  std::shuffle(catalog_.tensors.begin(), catalog_.tensors.end(), random);
  catalog_.files.resize(file_count);
  files_.resize(file_count);
  paths_.resize(file_count);
  for (size_t i = 0; i < file_count; ++i) {
    const std::string content = contents_[i];
    catalog_.files[i] = {.path = absl::StrCat("file", i),
                         .size_bytes = content.size()};
    Replace(static_cast<int>(i), content);
  }
  HOIST_EXPECT_OK(ValidateCatalog(catalog_));
}

RandomCheckpoint::~RandomCheckpoint() {
  for (const std::string& path : paths_) {
    unlink(path.c_str());
  }
}

void RandomCheckpoint::AddStorage(std::mt19937& random, int file,
                                  size_t max_bytes) {
  std::string& content = contents_[file];
  StorageEntry storage = {
      .file = file,
      .swap_bytes =
          OneIn(random, 4) ? kWidths[Below(random, std::size(kWidths))] : 1,
      .name = absl::StrCat("data/", catalog_.storages.size())};
  const auto unit = static_cast<size_t>(storage.swap_bytes);
  std::string bytes;
  const size_t other = Below(random, catalog_.storages.size() + 1);
  if (OneIn(random, 4) && other < catalog_.storages.size() &&
      catalog_.storages[other].file == file &&
      !catalog_.storages[other].is_compressed()) {
    const StorageEntry& under = catalog_.storages[other];
    // As aligned as the other is, or not.
    size_t begin = Below(random, under.size_bytes + 1);
    begin = OneIn(random, 2) ? begin / 64 * 64 : begin;
    storage.offset_bytes = under.offset_bytes + begin;
    const size_t size = Below(random, under.size_bytes - begin + 1);
    bytes = content.substr(storage.offset_bytes, size / unit * unit);
  } else {
    content += RandomBytes(random, RandomGap(random, content.size()));
    storage.offset_bytes = content.size();
    bytes = RandomBytes(random, RandomSize(random, max_bytes) / unit * unit);
    if (OneIn(random, 6) && bytes.size() <= kMaxDeflatedBytes) {
      const std::string deflated = RawDeflate(bytes, /*level=*/1);
      storage.deflated_bytes = deflated.size();
      content += deflated;
    } else if (unit == 1 && OneIn(random, 3)) {
      content += AddChunks(random, bytes, storage);
    } else {
      content += bytes;
    }
  }
  storage.size_bytes = bytes.size();
  if (storage.chunks.empty() && !OneIn(random, 4)) {
    storage.crc32 =
        Crc32({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }
  catalog_.storages.push_back(std::move(storage));
}

void RandomCheckpoint::AddTensors(std::mt19937& random, int storage) {
  for (size_t i = Below(random, 4); i > 0; --i) {
    TensorEntry tensor = {
        .name = absl::StrCat("t", catalog_.tensors.size()),
        .spec = {.dtype = kDTypes[Below(random, std::size(kDTypes))]},
        .storage = storage};
    const auto width = static_cast<size_t>(DTypeBits(tensor.spec.dtype)) / 8;
    SetView(random, catalog_.storages[storage].size_bytes / width, tensor);
    if (OneIn(random, 30)) {
      tensor.storage.reset();
    }
    catalog_.tensors.push_back(std::move(tensor));
  }
}

void RandomCheckpoint::Replace(int file, std::string content) {
  contents_[file] = std::move(content);
  if (!options_.is_on_disk) {
    files_[file] = std::make_shared<MemoryFile>(contents_[file]);
    return;
  }
  unlink(paths_[file].c_str());
  paths_[file] = WriteTempFile("random", contents_[file]);
  HOIST_ASSERT_OK_AND_ASSIGN(files_[file], OpenFile(paths_[file]));
}

void RandomCheckpoint::Truncate(int file, uint64_t size_bytes) const {
  EXPECT_EQ(truncate(paths_[file].c_str(), static_cast<off_t>(size_bytes)), 0);
}

void RandomCheckpoint::Touch(int file) const {
  constexpr timespec kLongAgo[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  EXPECT_EQ(utimensat(AT_FDCWD, paths_[file].c_str(), kLongAgo, 0), 0);
}

}  // namespace hoist
