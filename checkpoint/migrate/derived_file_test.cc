#include "hoist/checkpoint/migrate/derived_file.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/faulty_file.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using testing::HasSubstr;

constexpr size_t kCacheBytes = 20'000;

absl::Span<uint8_t> BytesOf(std::string& text) {
  return absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()), text.size());
}

std::string ReadAll(const RandomAccessFile& file) {
  std::string bytes(file.size_bytes(), '\0');
  HOIST_EXPECT_OK(file.ReadAt(0, BytesOf(bytes)));
  return bytes;
}

size_t Width(DType dtype) { return static_cast<size_t>(DTypeBits(dtype)) / 8; }

// A tensor in two forms: as the code has it, and as a plain row-major copy,
// which is what each operation below is done to element by element.
struct Twin {
  StorageView view;
  std::string bytes;
};

using Shape = std::vector<int64_t>;

int64_t Count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    count *= size;
  }
  return count;
}

// The index of each element of `shape`, row-major, in turn.
template <typename Visit>
void ForEachIndex(const Shape& shape, Visit visit) {
  Shape index(shape.size(), 0);
  for (int64_t i = Count(shape); i > 0; --i) {
    visit(index);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) {
        break;
      }
      index[d] = 0;
    }
  }
}

size_t PlaceOf(const Shape& shape, const Shape& index) {
  size_t place = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    place = place * shape[d] + index[d];
  }
  return place;
}

// Element `index` of a plain copy.
std::string Element(const std::string& bytes, DType dtype, const Shape& shape,
                    const Shape& index) {
  return bytes.substr(PlaceOf(shape, index) * Width(dtype), Width(dtype));
}

class DerivedFileTest : public testing::Test {
 protected:
  std::mt19937 random_{20260729};
  std::shared_ptr<BlockCache> cache_ =
      std::make_shared<BlockCache>(kCacheBytes);

  int64_t Number(int64_t below) {
    return static_cast<int64_t>(Below(random_, static_cast<size_t>(below)));
  }

  Twin Permuted(const Twin& twin) {
    TensorSpec spec = twin.view.spec;
    Shape order(spec.shape.size());
    for (size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<int64_t>(i);
    }
    std::shuffle(order.begin(), order.end(), random_);
    for (size_t i = 0; i < order.size(); ++i) {
      spec.shape[i] = twin.view.spec.shape[order[i]];
      spec.strides[i] = twin.view.spec.strides[order[i]];
    }
    std::string bytes;
    ForEachIndex(spec.shape, [&](const Shape& index) {
      Shape from(index.size());
      for (size_t i = 0; i < order.size(); ++i) {
        from[order[i]] = index[i];
      }
      bytes += Element(twin.bytes, spec.dtype, twin.view.spec.shape, from);
    });
    return {{twin.view.storage, spec, twin.view.storage_offset}, bytes};
  }

  Twin Sliced(const Twin& twin) {
    Twin result = twin;
    TensorSpec& spec = result.view.spec;
    if (spec.shape.empty() || Count(spec.shape) == 0) {
      return result;
    }
    const size_t d = Below(random_, spec.shape.size());
    const int64_t start = Number(spec.shape[d]);
    const int64_t step = 1 + Number(3);
    const int64_t size = 1 + Number((spec.shape[d] - start - 1) / step + 1);
    result.view.storage_offset += start * spec.strides[d];
    spec.strides[d] *= step;
    spec.shape[d] = size;
    result.bytes.clear();
    ForEachIndex(spec.shape, [&](Shape index) {
      index[d] = start + index[d] * step;
      result.bytes +=
          Element(twin.bytes, spec.dtype, twin.view.spec.shape, index);
    });
    return result;
  }

  // A file of several tensors and a cast, and what is in it.
  struct Derived {
    std::shared_ptr<const DerivedFile> file;
    Twin twin;
  };

  Derived Derive(const std::vector<Twin>& twins, int dimension, DType dtype) {
    DerivedTensor tensor{.dimension = dimension, .dtype = dtype};
    const TensorSpec first = twins[0].view.spec;
    Shape shape = first.shape;
    for (size_t i = 0; i < twins.size(); ++i) {
      tensor.parts.push_back(twins[i].view);
      if (i > 0) {
        shape[dimension] += twins[i].view.spec.shape[dimension];
      }
    }
    std::string joined;
    ForEachIndex(shape, [&](Shape index) {
      size_t part = 0;
      if (twins.size() > 1) {
        while (index[dimension] >= twins[part].view.spec.shape[dimension]) {
          index[dimension] -= twins[part++].view.spec.shape[dimension];
        }
      }
      joined += Element(twins[part].bytes, first.dtype,
                        twins[part].view.spec.shape, index);
    });
    std::string bytes(Count(shape) * Width(dtype), '\0');
    if (first.dtype == dtype) {
      bytes = joined;
    } else {
      HOIST_EXPECT_OK(
          Cast(first.dtype, BytesOf(joined), dtype, BytesOf(bytes)));
    }

    const int64_t max_block_bytes = 16 << Number(12);
    auto file = DerivedFile::Create("derived", tensor, cache_, max_block_bytes);
    HOIST_EXPECT_OK(file);
    auto spec = DerivedSpec(tensor);
    HOIST_EXPECT_OK(spec);
    EXPECT_EQ(spec->shape, shape);
    EXPECT_EQ((*file)->size_bytes(), bytes.size());
    auto storage = std::make_shared<StorageBytes>(
        *file, StorageEntry{.size_bytes = bytes.size(), .name = "derived"});
    return {*file, {{storage, *std::move(spec), 0}, std::move(bytes)}};
  }

  Derived RandomDerived(const std::vector<Twin>& twins) {
    const Twin& first = twins[Below(random_, twins.size())];
    std::vector<Twin> parts = {first};
    int dimension = 0;
    if (!first.view.spec.shape.empty() && Below(random_, 2) == 0) {
      dimension =
          static_cast<int>(Below(random_, first.view.spec.shape.size()));
      for (size_t i = Below(random_, 3); i > 0; --i) {
        // Slices along the dimension fit.
        Twin part = first;
        for (int tries = 0; tries < 3; ++tries) {
          Twin sliced = Sliced(first);
          Shape shape = sliced.view.spec.shape;
          shape[dimension] = first.view.spec.shape[dimension];
          if (shape == first.view.spec.shape) {
            part = std::move(sliced);
          }
        }
        parts.push_back(std::move(part));
      }
    }
    const DType from = first.view.spec.dtype;
    DType to = AllDTypes()[Below(random_, AllDTypes().size())];
    if (Below(random_, 2) == 0 || !CanCast(from, to)) {
      to = from;
    }
    return Derive(parts, dimension, to);
  }

  void ExpectReads(const Derived& derived) {
    const std::string& bytes = derived.twin.bytes;
    ASSERT_TRUE(ReadAll(*derived.file) == bytes);
    for (int i = 0; i < 5; ++i) {
      const size_t begin = Below(random_, bytes.size() + 1);
      std::string part(Below(random_, bytes.size() - begin + 1), '\0');
      HOIST_ASSERT_OK(derived.file->ReadAt(begin, BytesOf(part)));
      ASSERT_TRUE(part == bytes.substr(begin, part.size()));
    }
  }
};

// Tensors over storages of all kinds, views of them, files derived from those,
// views of the files, and so on.
TEST_F(DerivedFileTest, RandomTreesAreWhatEachOperationMakes) {
  constexpr int kTrees = kIsSanitized ? 200 : 2000;
  constexpr size_t kMaxElements = 20'000;
  int files = 0;
  for (int tree = 0; tree < kTrees; ++tree) {
    SCOPED_TRACE(tree);
    const RandomCheckpoint checkpoint(random_, {.max_storage_bytes = 8 << 10});
    const Catalog& catalog = checkpoint.catalog();
    const std::vector<std::string> elements =
        NaiveLoad(catalog, checkpoint.files());
    std::vector<std::shared_ptr<const StorageBytes>> storages;
    for (const StorageEntry& storage : catalog.storages) {
      storages.push_back(std::make_shared<StorageBytes>(
          checkpoint.files()[storage.file], storage));
    }
    std::vector<Twin> twins;
    for (size_t i = 0; i < catalog.tensors.size(); ++i) {
      const TensorEntry& tensor = catalog.tensors[i];
      if (tensor.storage && DTypeBits(tensor.spec.dtype) % 8 == 0 &&
          Count(tensor.spec.shape) < static_cast<int64_t>(kMaxElements)) {
        twins.push_back(
            {{storages[*tensor.storage], tensor.spec, tensor.storage_offset},
             elements[i]});
      }
    }
    for (int step = 0; step < 12 && !twins.empty(); ++step) {
      const Twin& twin = twins[Below(random_, twins.size())];
      switch (Below(random_, 3)) {
        case 0:
          twins.push_back(Permuted(twin));
          break;
        case 1:
          twins.push_back(Sliced(twin));
          break;
        default:
          Derived derived = RandomDerived(twins);
          ASSERT_NO_FATAL_FAILURE(ExpectReads(derived));
          ++files;
          if (derived.twin.bytes.size() < kMaxElements) {
            twins.push_back(std::move(derived.twin));
          }
      }
    }
  }
  EXPECT_GT(files, kTrees);
}

// Two files of float32 in one checkpoint, the first a matrix of 30 x 40.
class MatrixTest : public DerivedFileTest {
 protected:
  TestCheckpoint checkpoint_{{TestBytes(4800, 1), TestBytes(4800, 2)}};

  StorageView View(int storage, Shape shape, Shape strides) {
    return {std::make_shared<StorageBytes>(
                checkpoint_.files[0], checkpoint_.catalog.storages[storage]),
            {DType::kFloat32, std::move(shape), std::move(strides)},
            0};
  }
  absl::StatusOr<std::shared_ptr<const DerivedFile>> Create(
      const DerivedTensor& tensor, int64_t max_block_bytes = 1 << 20) {
    return DerivedFile::Create("fc.weight", tensor, cache_, max_block_bytes);
  }
};

TEST_F(MatrixTest, ThreadsReadOneFile) {
  const std::string content = TestBytes(4800, 1);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file,
      Create({.parts = {View(0, {40, 30}, {1, 40})}}, /*max_block_bytes=*/700));
  std::string expected;
  for (size_t i = 0; i < 1200; ++i) {
    expected += content.substr((i % 30 * 40 + i / 30) * 4, 4);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 300; ++i) {
        std::string part(Below(random, 300), '\0');
        const size_t at = Below(random, 4500);
        HOIST_EXPECT_OK(file->ReadAt(at, BytesOf(part)));
        EXPECT_EQ(part, expected.substr(at, part.size()));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// Counts the bytes that are read of another file.
class CountingFile : public FaultyFile {
 public:
  using FaultyFile::FaultyFile;
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    read_bytes_ += out.size();
    ++reads_;
    return FaultyFile::ReadAt(offset, out);
  }
  uint64_t read_bytes() const { return read_bytes_; }
  int reads() const { return reads_; }

 private:
  mutable std::atomic<uint64_t> read_bytes_ = 0;
  mutable std::atomic<int> reads_ = 0;
};

TEST_F(MatrixTest, ATransposedMatrixIsReadOnce) {
  // Rows of 8000 bytes do not come along as gaps.
  const std::string content = TestBytes(100 * 8000, 3);
  auto counting =
      std::make_shared<CountingFile>(std::make_shared<MemoryFile>(content));
  const StorageView view{
      std::make_shared<StorageBytes>(
          counting, StorageEntry{.size_bytes = content.size()}),
      {DType::kFloat32, {2000, 100}, {1, 2000}},
      0};
  cache_ = std::make_shared<BlockCache>(100'000);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file, Create({.parts = {view}}, /*max_block_bytes=*/100'000));
  for (size_t at = 0; at < content.size(); at += 1000) {
    std::string part(1000, '\0');
    HOIST_ASSERT_OK(file->ReadAt(at, BytesOf(part)));
  }
  EXPECT_EQ(counting->read_bytes(), content.size());
  // Each block of 250 rows takes a run of 1000 bytes of each column.
  EXPECT_EQ(counting->reads(), 8 * 100);
}

TEST_F(MatrixTest, DamageIsFoundBeforeAnyElementIsRead) {
  checkpoint_.catalog.storages[0].crc32 = 1;
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                             Create({.parts = {View(0, {100}, {1})}}));
  std::string part(4, '\0');
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(file->ReadAt(0, BytesOf(part)),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr("fc.weight: Storage data/0: Checksum")));
  }
}

TEST_F(MatrixTest, AFailedReadIsAnErrorAndTheNextIsNot) {
  auto faulty = std::make_shared<FaultyFile>(checkpoint_.files[0]);
  checkpoint_.files[0] = faulty;
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                             Create({.parts = {View(1, {40, 30}, {1, 40})}}));
  std::string all(4800, '\0');
  for (int nth = 1; nth <= 2; ++nth) {
    faulty->FailRead(nth);
    EXPECT_THAT(file->ReadAt(0, BytesOf(all)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("asked for")));
  }
  HOIST_EXPECT_OK(file->ReadAt(0, BytesOf(all)));
  HOIST_EXPECT_OK(file->CheckUnchanged());
  faulty->Change();
  EXPECT_THAT(file->CheckUnchanged(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(MatrixTest, WhatIsOutsideIsRefused) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file,
      Create({.parts = {View(0, {10}, {1})}, .dtype = DType::kBfloat16}));
  EXPECT_EQ(file->size_bytes(), 20u);
  std::string part(4, '\0');
  EXPECT_THAT(file->ReadAt(17, BytesOf(part)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("from byte 17")));
  EXPECT_THAT(Create({.parts = {View(0, {1201}, {1})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is not inside storage data/0 of 4800")));
}

TEST_F(MatrixTest, WhatDoesNotFitTogetherIsRefused) {
  const StorageView matrix = View(0, {30, 40}, {40, 1});
  StorageView half = View(1, {30, 40}, {40, 1});
  half.spec.dtype = DType::kFloat16;
  EXPECT_THAT(Create({.parts = {matrix, half}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "Part 2 is of float16, and the first of float32"));
  EXPECT_THAT(Create({.parts = {matrix, View(1, {30, 39}, {40, 1})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "Part 2 of shape [30, 39] cannot be joined to shape "
                       "[30, 40] along dimension 0"));
  EXPECT_THAT(Create({.parts = {matrix, matrix}, .dimension = 2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has no dimension 2")));
  EXPECT_THAT(Create({.parts = {matrix}, .dtype = DType::kComplex64}),
              StatusIs(absl::StatusCode::kUnimplemented));
  StorageView packed = View(1, {4}, {1});
  packed.spec.dtype = DType::kFloat6E2m3;
  EXPECT_THAT(Create({.parts = {packed}, .dtype = DType::kFloat6E2m3}),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("packed")));
}

}  // namespace
}  // namespace hoist
