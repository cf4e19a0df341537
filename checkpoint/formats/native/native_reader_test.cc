#include "hoist/checkpoint/formats/native/native_reader.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/native/native_index.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/testing/reader_promises.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/tensor/ops/crc32c.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kStorageBytes = 100;

// A file whose checksums are right, whatever is in it.
struct File {
  NativeHeader header;
  std::string data = std::string(256 - 64, 'x');  // from byte 64 on
  NativeIndex index;
  std::function<void(std::vector<uint8_t>&)> change_index;
  std::function<void(NativeFooter&)> change_footer;

  // Two storages of kStorageBytes and a tensor over each.
  File() {
    index.chunk_bytes = kMinChunkBytes;
    Catalog& catalog = index.catalog;
    auto values = std::make_shared<ValueGraph>();
    catalog.root_id = values->AddItems(
        ValueKind::kTuple,
        {values->Add({.kind = ValueKind::kTensor, .data = int64_t{0}}),
         values->AddClass("builtins", "int"), values->AddString("text")});
    catalog.values = std::move(values);
    for (const int i : {0, 1}) {
      StorageEntry storage = {.offset_bytes = 64 + 128 * uint64_t(i),
                              .size_bytes = i == 0 ? kStorageBytes : 64};
      AddChunk(storage);
      catalog.storages.push_back(std::move(storage));
      catalog.tensors.push_back({.name = absl::StrCat("t", i),
                                 .spec = {DType::kUint8, {64}, {1}},
                                 .storage = i});
    }
    catalog.metadata = {{"key", "value"}};
  }

  static void AddChunk(StorageEntry& storage) {
    storage.chunks = {
        {.offset_bytes = storage.offset_bytes,
         .stored_bytes = static_cast<uint32_t>(storage.size_bytes),
         .size_bytes = static_cast<uint32_t>(storage.size_bytes)}};
  }
  StorageEntry& storage(int i) { return index.catalog.storages[i]; }
  TensorEntry& tensor(int i) { return index.catalog.tensors[i]; }

  std::string Bytes() const {
    const NativeBlock first = EncodeNativeHeader(header);
    std::vector<uint8_t> bytes =
        SerializeNativeIndex(index, header.version).value();
    if (change_index) {
      change_index(bytes);
    }
    NativeFooter footer = {.index_offset = 64 + data.size(),
                           .index_bytes = bytes.size(),
                           .file_bytes = 64 + data.size() + bytes.size() + 64,
                           .index_crc32c = Crc32c(bytes),
                           .header_crc32c = NativeBlockCrc32c(first)};
    if (change_footer) {
      change_footer(footer);
    }
    const NativeBlock last = EncodeNativeFooter(footer);
    return std::string(first.begin(), first.end()) + data +
           std::string(bytes.begin(), bytes.end()) +
           std::string(last.begin(), last.end());
  }
  absl::StatusOr<Catalog> Read() const {
    return ReadNative(MemoryFile(Bytes()));
  }
};

auto IsDamaged(const std::string& what) {
  return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(what));
}

TEST(NativeReaderTest, ReadsWhatIsRight) {
  const File file;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format, Format::kHoist);
  EXPECT_EQ(catalog.storages[1].name, "storage 1");
  EXPECT_EQ(catalog.root()[1].AsString(), "int");
  EXPECT_THAT(catalog.warnings, IsEmpty());
}

TEST(NativeReaderTest, Versions) {
  File file;
  for (const uint16_t version : {0, 3, 65535}) {
    file.header.version = version;
    const auto catalog = file.Read();
    EXPECT_THAT(catalog,
                StatusIs(absl::StatusCode::kUnimplemented,
                         HasSubstr(absl::StrCat("version ", version))));
    EXPECT_THAT(HintOf(catalog.status()), HasSubstr("newer Hoist"));
  }
  file.header.version = 1;
  HOIST_EXPECT_OK(file.Read());
  file.header.ignore_flags = 1;
  EXPECT_THAT(file.Read(), IsDamaged("version 1"));
}

TEST(NativeReaderTest, FlagsOfNewerPrograms) {
  File file;
  file.header.ignore_flags = 0xffffffff;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog ignored, file.Read());
  EXPECT_THAT(ignored.warnings, IsEmpty());
  file.header.read_only_flags = 0x10;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog warned, file.Read());
  EXPECT_THAT(warned.warnings, ElementsAre(HasSubstr("feature 4")));
  file.header.refuse_flags = 0x81;
  EXPECT_THAT(file.Read(), StatusIs(absl::StatusCode::kUnimplemented,
                                    HasSubstr("feature 7")));
}

TEST(NativeReaderTest, StoragesLieSideBySide) {
  const auto read = [](const std::function<void(File&)>& change) {
    File file;
    change(file);
    return file.Read();
  };
  const auto move = [](File& file, uint64_t offset) {
    file.storage(1).offset_bytes = offset;
    File::AddChunk(file.storage(1));
  };
  EXPECT_THAT(read([&](File& file) { move(file, 128); }),
              IsDamaged("storage 1 (tensor t1) begins at byte 128"));
  EXPECT_THAT(read([&](File& file) { move(file, 224); }),
              IsDamaged("begins at byte 224"));
  EXPECT_THAT(read([&](File& file) { move(file, 0); }),
              IsDamaged("begins at byte 0"));
  EXPECT_THAT(read([&](File& file) { file.data.resize(256); }),
              IsDamaged("its index begins at 320"));
  EXPECT_THAT(read([&](File& file) {
                move(file, 64 + 4096 + 128);
                file.data.resize(4096 + 192);
              }),
              IsDamaged("what is before it ends at 164"));
  EXPECT_THAT(read([&](File& file) {
                file.storage(1).size_bytes = 65;
                File::AddChunk(file.storage(1));
              }),
              IsDamaged("its index begins at 256"));
  EXPECT_THAT(read([](File& file) {
                file.index.catalog.storages.push_back({.offset_bytes = 64});
              }),
              IsDamaged("Empty storage 2 has a place"));
  HOIST_EXPECT_OK(
      read([](File& file) { file.index.catalog.storages.push_back({}); }));
}

TEST(NativeReaderTest, EncodedChunksAreAnnounced) {
  File file;
  file.storage(0).chunks[0].encoding = ChunkEncoding::kZstd;
  file.storage(0).chunks[0].stored_bytes = 90;
  EXPECT_THAT(file.Read(), IsDamaged("by its header"));
  file.header.refuse_flags = kNativeEncodedChunks;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.storages[0].encoded_bytes, 90);
  file.storage(0).chunks[0].stored_bytes = 100;
  EXPECT_THAT(file.Read(), IsDamaged("its chunk at offset 64"));
  file.storage(0).chunks[0].encoding = ChunkEncoding{9};
  EXPECT_THAT(file.Read(), IsDamaged("encoding 9"));
}

TEST(NativeReaderTest, TensorsLieInTheirStorages) {
  File file;
  file.tensor(1).spec.shape = {65};
  EXPECT_THAT(file.Read(), IsDamaged("Tensor t1"));
  file.tensor(1).spec.shape = {-1};
  EXPECT_THAT(file.Read(), IsDamaged("Tensor t1"));
  file.tensor(1).spec.shape = {64};
  file.tensor(1).storage = 2;
  EXPECT_THAT(file.Read(), IsDamaged("storage 2"));
}

TEST(NativeReaderTest, ShardsHaveNamesOfFiles) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"),
        std::string("/a"), std::string("a\0b", 3)}) {
    File file;
    file.index.shards = {{.name = name}};
    EXPECT_THAT(file.Read(), IsDamaged("shard 0 has no name")) << name;
  }
  File file;
  file.index.shards = {{.name = "a"}, {.name = "a"}};
  EXPECT_THAT(file.Read(), IsDamaged("shard 1 has no name"));
  file.index.shards = {{.name = "a"}, {.name = "b"}};
  EXPECT_THAT(file.Read(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("in 2 files")));
  file.storage(0).file = 3;
  EXPECT_THAT(file.Read(), IsDamaged("file 3 of 2"));
}

TEST(NativeReaderTest, TheDigestIsCompared) {
  File file;
  file.change_index = [](std::vector<uint8_t>& index) { index[3] ^= 1; };
  EXPECT_THAT(file.Read(), IsDamaged("digest"));
  // A checksum of a chunk, at the end of the first storage's record.
  file.change_index = [](std::vector<uint8_t>& index) {
    index[index.size() - 60] ^= 1;
  };
  EXPECT_THAT(file.Read(), IsDamaged(""));
}

TEST(NativeReaderTest, TheFooterSaysWhereTheIndexIs) {
  const std::function<void(NativeFooter&)> kChanges[] = {
      [](NativeFooter& footer) { footer.index_offset += 64; },
      [](NativeFooter& footer) { footer.index_offset -= 64; },
      [](NativeFooter& footer) { footer.index_offset = uint64_t{1} << 63; },
      [](NativeFooter& footer) { footer.index_bytes -= 1; },
      [](NativeFooter& footer) { footer.index_bytes = ~uint64_t{0}; },
      [](NativeFooter& footer) { footer.file_bytes += 1; },
      [](NativeFooter& footer) { footer.index_crc32c += 1; },
      [](NativeFooter& footer) { footer.header_crc32c += 1; }};
  for (const auto& change : kChanges) {
    File file;
    file.change_footer = change;
    EXPECT_THAT(file.Read(), IsDamaged("")) << &change - kChanges;
  }
}

// Every byte of the index, with a checksum that hides it: an error, or a
// catalog that keeps what readers promise.
TEST(NativeReaderTest, WrongIndexes) {
  for (const uint16_t version : {1, 2}) {
    File file;
    file.header.version = version;
    const size_t size = SerializeNativeIndex(file.index, version)->size();
    for (size_t at = 0; at < size; ++at) {
      for (const int change : {1, 0x80, 0xff}) {
        file.change_index = [at, change](std::vector<uint8_t>& index) {
          index[at] = static_cast<uint8_t>(index[at] ^ change);
        };
        const std::string bytes = file.Bytes();
        CheckReader(
            ReadNative, Format::kHoist,
            {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
      }
      file.change_index = [at](std::vector<uint8_t>& index) {
        index.resize(at);
      };
      EXPECT_THAT(file.Read(), IsDamaged("")) << at;
    }
    file.change_index = [](std::vector<uint8_t>& index) { index.push_back(0); };
    EXPECT_THAT(file.Read(), IsDamaged("1 bytes are left"));
  }
}

TEST(NativeReaderTest, WrongValues) {
  const auto read = [](ValueGraph::Node node) {
    File file;
    ValueGraph values = file.index.catalog.values->Copy();
    file.index.catalog.root_id = values.Add(std::move(node));
    file.index.catalog.values =
        std::make_shared<const ValueGraph>(std::move(values));
    return file.Read();
  };
  EXPECT_THAT(read({.kind = ValueKind::kBool, .data = int64_t{2}}),
              IsDamaged("Value 3 is number 2"));
  EXPECT_THAT(read({.kind = ValueKind::kTensor, .data = int64_t{2}}),
              IsDamaged("is number 2 of 2"));
  EXPECT_THAT(read({.kind = ValueKind::kTensor, .data = int64_t{-2}}),
              IsDamaged("is number -2"));
  EXPECT_THAT(read({.kind = ValueKind::kStorage, .data = int64_t{-1}}),
              IsDamaged("is number -1"));
  EXPECT_THAT(read({.kind = ValueKind::kDict, .data = ValueGraph::Items{0}}),
              IsDamaged("a key without value"));
  EXPECT_THAT(read({.kind = ValueKind::kNone, .type = 1}),
              IsDamaged("of a type that is no class"));
  EXPECT_THAT(read({.kind = ValueKind{16}}), IsDamaged("kind 16"));
}

TEST(NativeReaderTest, WhatIsNoSuchFile) {
  EXPECT_FALSE(IsNative(MemoryFile("")));
  EXPECT_FALSE(IsNative(MemoryFile(std::string(1000, 'x'))));
  EXPECT_TRUE(IsNative(MemoryFile(File().Bytes())));
  EXPECT_THAT(ReadNative(MemoryFile(std::string(1000, 'x'))),
              IsDamaged("first bytes"));
  EXPECT_THAT(ReadNative(MemoryFile("x")), IsDamaged("cut off"));
}

}  // namespace
}  // namespace hoist
