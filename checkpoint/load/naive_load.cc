#include "hoist/checkpoint/load/naive_load.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

std::string Inflate(const std::string& deflated, size_t size) {
  std::string bytes(size + 1, '\0');  // zlib wants to have room
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.total_out, size);
  inflateEnd(&stream);
  bytes.resize(size);
  return bytes;
}

std::string Decompress(absl::string_view frame, size_t size) {
  std::string bytes(size, '\0');
  EXPECT_EQ(ZSTD_decompress(bytes.data(), size, frame.data(), frame.size()),
            size);
  return bytes;
}

std::string Decode(absl::string_view stored, const StorageChunk& chunk) {
  if (chunk.encoding == ChunkEncoding::kRaw) {
    return std::string(stored);
  }
  if (chunk.encoding == ChunkEncoding::kZstd) {
    return Decompress(stored, chunk.size_bytes);
  }
  const size_t width = size_t{1} << (static_cast<int>(chunk.encoding) - 1);
  const size_t count = chunk.size_bytes / width;
  std::string bytes(chunk.size_bytes, '\0');
  size_t at = width * sizeof(uint32_t);
  for (size_t plane = 0; plane < width; ++plane) {
    uint32_t size = 0;
    std::memcpy(&size, &stored[plane * sizeof(size)], sizeof(size));
    std::string values(stored.substr(at, size));
    at += size;
    if (size != count) {
      values = Decompress(values, count);
    }
    // Bit by bit: each was one further up.
    for (size_t bit = 0; bit < count * 8; ++bit) {
      const size_t from = (plane * 8 + bit % 8 + width * 8 - 1) % (width * 8);
      bytes[bit / 8 * width + from / 8] |=
          static_cast<char>((values[bit / 8] >> bit % 8 & 1) << from % 8);
    }
  }
  EXPECT_EQ(at, stored.size());
  return bytes;
}

std::string StorageBytes(const StorageEntry& storage,
                         const RandomAccessFile& file) {
  std::string bytes(storage.stored_bytes(), '\0');
  HOIST_EXPECT_OK(
      file.ReadAt(storage.offset_bytes,
                  {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}));
  if (storage.deflated_bytes) {
    bytes = Inflate(bytes, storage.size_bytes);
  }
  if (!storage.chunks.empty()) {
    std::string decoded;
    for (const StorageChunk& chunk : storage.chunks) {
      decoded += Decode(
          absl::string_view(bytes).substr(
              chunk.offset_bytes - storage.offset_bytes, chunk.stored_bytes),
          chunk);
    }
    bytes = std::move(decoded);
  }
  const auto unit = static_cast<size_t>(storage.swap_bytes);
  for (size_t i = 0; unit > 1 && i < bytes.size(); i += unit) {
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(i),
                 bytes.begin() + static_cast<ptrdiff_t>(i + unit));
  }
  return bytes;
}

// Appends the elements below index `dim` of `spec`, from byte `at` of `bytes`
// on; false if they are not all there.
bool AppendElements(const std::string& bytes, const TensorSpec& spec,
                    size_t dim, int64_t at, std::string& out) {
  const int64_t width = DTypeBits(spec.dtype) / 8;
  const bool is_run = dim + 1 == spec.shape.size() && spec.strides[dim] == 1;
  if (dim == spec.shape.size() || is_run) {
    const int64_t size = is_run ? width * spec.shape[dim] : width;
    if (at < 0 || at + size > static_cast<int64_t>(bytes.size())) {
      return false;
    }
    out.append(bytes, static_cast<size_t>(at), static_cast<size_t>(size));
    return true;
  }
  for (int64_t i = 0; i < spec.shape[dim]; ++i) {
    if (!AppendElements(bytes, spec, dim + 1,
                        at + i * spec.strides[dim] * width, out)) {
      return false;
    }
  }
  return true;
}

std::string Elements(const std::string& bytes, const TensorSpec& spec,
                     int64_t at) {
  std::string out;
  if (std::count(spec.shape.begin(), spec.shape.end(), 0) == 0) {
    EXPECT_TRUE(AppendElements(bytes, spec, 0, at, out));
  }
  return out;
}

}  // namespace

std::vector<std::string> NaiveLoad(const Catalog& catalog, CatalogFiles files) {
  std::vector<std::string> storages;
  for (const StorageEntry& storage : catalog.storages) {
    storages.push_back(StorageBytes(storage, *files[storage.file]));
  }
  std::vector<std::string> elements;
  for (const TensorEntry& tensor : catalog.tensors) {
    std::string& out = elements.emplace_back();
    // The offset of a tensor that is empty may be any.
    if (tensor.storage && ElementCount(tensor.spec.shape).value() > 0) {
      out = Elements(storages[*tensor.storage], tensor.spec,
                     tensor.storage_offset * DTypeBits(tensor.spec.dtype) / 8);
    }
  }
  return elements;
}

void ExpectTensors(const StateDict& tensors, const Catalog& catalog,
                   const std::vector<std::string>& elements,
                   BytesOfBuffer bytes_of) {
  auto next = tensors.begin();
  std::map<int, const Buffer*> buffers;  // by storage
  std::map<const Buffer*, std::string> bytes;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& entry = catalog.tensors[i];
    if (!entry.storage) {
      continue;
    }
    ASSERT_NE(next, tensors.end()) << entry.name << " is missing";
    const auto& [name, tensor] = *next++;
    ASSERT_EQ(name, entry.name);
    ASSERT_EQ(tensor.spec(), entry.spec) << name;
    // Aliases stay aliases.
    const Buffer* const buffer = tensor.buffer().get();
    ASSERT_EQ(buffers.try_emplace(*entry.storage, buffer).first->second, buffer)
        << name;
    const auto [held, is_new] = bytes.try_emplace(buffer);
    if (is_new) {
      held->second = bytes_of(*buffer);
    }
    // No text of two values, which may be megabytes.
    ASSERT_TRUE(Elements(held->second, entry.spec, tensor.byte_offset()) ==
                elements[i])
        << name << " has other bytes, storage "
        << catalog.storages[*entry.storage].name;
  }
  ASSERT_EQ(next, tensors.end());
}

std::string HostBytes(const Buffer& buffer) {
  const absl::Span<uint8_t> bytes = buffer.host_bytes();
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace hoist
