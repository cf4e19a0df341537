#include "hoist/checkpoint/load/read_elements.h"

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Remembers what is read of it: offsets and sizes.
class WatchedFile : public RandomAccessFile {
 public:
  explicit WatchedFile(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  const std::string& path() const override { return file_->path(); }
  uint64_t size_bytes() const override { return file_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    reads_.emplace_back(offset, out.size());
    return file_->ReadAt(offset, out);
  }
  const std::vector<std::pair<uint64_t, size_t>>& reads() const {
    return reads_;
  }

 private:
  const std::shared_ptr<const RandomAccessFile> file_;
  mutable std::vector<std::pair<uint64_t, size_t>> reads_;
};

using Indices = std::vector<std::vector<int64_t>>;

std::string Bytes(const Tensor& tensor) {
  const absl::Span<const uint8_t> bytes = tensor.buffer()->host_bytes();
  return std::string(bytes.begin(), bytes.end());
}

absl::StatusOr<Tensor> Read(const TestCheckpoint& checkpoint,
                            const Indices& indices) {
  return ReadElements(checkpoint.catalog, checkpoint.files,
                      checkpoint.catalog.tensors[0], indices);
}

TEST(ReadElementsTest, TakesEveryCombinationOfIndices) {
  TestCheckpoint checkpoint({"aabbccddeeffgghhiijjkkll"});
  checkpoint.catalog.tensors[0].spec = {DType::kInt16, {3, 4}, {4, 1}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor some,
                             Read(checkpoint, {{0, 2}, {0, 1, 3}}));
  EXPECT_EQ(some.shape(), std::vector<int64_t>({2, 3}));
  EXPECT_EQ(some.dtype(), DType::kInt16);
  EXPECT_EQ(Bytes(some), "aabbddiijjll");
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor backwards,
                             Read(checkpoint, {{2, 0}, {3, 3}}));
  EXPECT_EQ(Bytes(backwards), "lllldddd");
}

TEST(ReadElementsTest, HonoursStridesAndOffset) {
  TestCheckpoint checkpoint({"aabbccddeeffgghhiijjkkll"});
  TensorEntry& tensor = checkpoint.catalog.tensors[0];
  tensor.spec = {DType::kInt16, {2, 3}, {1, 4}};
  tensor.storage_offset = 1;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor transposed,
                             Read(checkpoint, {{0, 1}, {0, 1, 2}}));
  EXPECT_EQ(Bytes(transposed), "bbffjjccggkk");
  tensor.spec = {DType::kInt16, {1000}, {0}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor repeated,
                             Read(checkpoint, {{0, 999}}));
  EXPECT_EQ(Bytes(repeated), "bbbb");
  tensor.spec = {DType::kInt16, {}, {}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor scalar, Read(checkpoint, {}));
  EXPECT_EQ(Bytes(scalar), "bb");
}

TEST(ReadElementsTest, ReadsOnlyTheBytesOfTheElements) {
  const std::string content = TestBytes(size_t{4} << 20, 7);
  TestCheckpoint checkpoint({content});
  const auto file = std::make_shared<WatchedFile>(checkpoint.files[0]);
  checkpoint.files = {file};
  const int64_t last = (int64_t{1} << 20) - 1;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor ends,
                             Read(checkpoint, {{0, 1, 2, last - 1, last}}));
  EXPECT_EQ(Bytes(ends),
            content.substr(0, 12) + content.substr((last - 1) * 4));
  const uint64_t start = checkpoint.catalog.storages[0].offset_bytes;
  EXPECT_THAT(file->reads(), ElementsAre(Pair(start, 12u),
                                         Pair(start + content.size() - 8, 8u)));
}

TEST(ReadElementsTest, ReadsNearElementsTogether) {
  TestCheckpoint checkpoint({TestBytes(size_t{64} << 10, 7)});
  const auto file = std::make_shared<WatchedFile>(checkpoint.files[0]);
  checkpoint.files = {file};
  // Gaps of 4096 and of 4100 bytes.
  HOIST_ASSERT_OK(Read(checkpoint, {{0, 1025, 2051}}));
  const uint64_t start = checkpoint.catalog.storages[0].offset_bytes;
  EXPECT_THAT(file->reads(),
              ElementsAre(Pair(start, 4104u), Pair(start + 8204, 4u)));
}

TEST(ReadElementsTest, ManyElementsAreReadInBoundedPieces) {
  const std::string content = TestBytes(size_t{5} << 20, 7);
  TestCheckpoint checkpoint({content});
  const auto file = std::make_shared<WatchedFile>(checkpoint.files[0]);
  checkpoint.files = {file};
  std::vector<int64_t> all(content.size() / 4);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<int64_t>(i);
  }
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor, Read(checkpoint, {all}));
  EXPECT_EQ(Bytes(tensor), content);
  EXPECT_EQ(file->reads().size(), 5u);
}

TEST(ReadElementsTest, TurnsBytesAround) {
  TestCheckpoint checkpoint({"abcdefghijklmnop"});
  checkpoint.catalog.storages[0].swap_bytes = 4;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor, Read(checkpoint, {{1, 3}}));
  EXPECT_EQ(Bytes(tensor), "hgfeponm");
  // The storage's units, and not the tensor's elements, say what is turned.
  checkpoint.catalog.tensors[0].spec = {DType::kInt16, {8}, {1}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor halves,
                             Read(checkpoint, {{0, 1, 7}}));
  EXPECT_EQ(Bytes(halves), "dcbanm");
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor half, Read(checkpoint, {{1}}));
  EXPECT_EQ(Bytes(half), "ba");
}

TEST(ReadElementsTest, InflatesUpToTheLastElement) {
  const std::string content = TestBytes(size_t{3} << 20, 3);
  const std::string deflated = RawDeflate(content);
  TestCheckpoint checkpoint({deflated});
  StorageEntry& storage = checkpoint.catalog.storages[0];
  storage.deflated_bytes = deflated.size();
  storage.size_bytes = content.size();
  checkpoint.catalog.tensors[0].spec = {
      DType::kFloat32, {static_cast<int64_t>(content.size() / 4)}, {1}};
  const auto file = std::make_shared<WatchedFile>(checkpoint.files[0]);
  checkpoint.files = {file};
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                             Read(checkpoint, {{400'000, 3, 0}}));
  EXPECT_EQ(Bytes(tensor), content.substr(1'600'000, 4) +
                               content.substr(12, 4) + content.substr(0, 4));
  const auto [offset, size] = file->reads().back();
  EXPECT_LT(offset + size - storage.offset_bytes, deflated.size() * 2 / 3);
}

TEST(ReadElementsTest, ConjugatesAndNegates) {
  const std::vector<float> numbers = {1, 2, -3, 4};
  std::string content(16, '\0');
  std::memcpy(content.data(), numbers.data(), 16);
  TestCheckpoint checkpoint({content});
  TensorEntry& tensor = checkpoint.catalog.tensors[0];
  tensor.spec = {DType::kComplex64, {2}, {1}};
  tensor.is_conjugate = true;
  tensor.is_negative = true;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor read, Read(checkpoint, {{1}}));
  std::vector<float> result(2);
  std::memcpy(result.data(), Bytes(read).data(), 8);
  EXPECT_THAT(result, ElementsAre(3, 4));
}

TEST(ReadElementsTest, WithoutElementsNothingIsRead) {
  TestCheckpoint checkpoint({"aaaa"});
  const auto file = std::make_shared<WatchedFile>(checkpoint.files[0]);
  checkpoint.files = {file};
  TensorEntry& tensor = checkpoint.catalog.tensors[0];
  tensor.spec = {DType::kFloat32, {0, 3}, {3, 1}};
  tensor.storage_offset = int64_t{1} << 60;
  HOIST_ASSERT_OK_AND_ASSIGN(const Tensor read, Read(checkpoint, {{}, {0, 2}}));
  EXPECT_EQ(read.shape(), std::vector<int64_t>({0, 2}));
  EXPECT_TRUE(file->reads().empty());
}

TEST(ReadElementsTest, Errors) {
  TestCheckpoint checkpoint({"aaaabbbb"});
  TensorEntry& tensor = checkpoint.catalog.tensors[0];
  EXPECT_THAT(Read(checkpoint, {{2}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Tensor t0: Index 2 is out of range for "
                                 "dimension 0 of size 2")));
  EXPECT_THAT(Read(checkpoint, {{-1}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read(checkpoint, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  tensor.storage_offset = 1;  // what ValidateCatalog() would have refused
  EXPECT_THAT(Read(checkpoint, {{1}}), StatusIs(absl::StatusCode::kDataLoss));
  tensor.spec.strides = {int64_t{1} << 62};
  tensor.spec.shape = {100};
  EXPECT_THAT(Read(checkpoint, {{99}}), StatusIs(absl::StatusCode::kDataLoss));
  tensor.spec = {DType::kFloat32, {5000, 5000}, {0, 0}};
  const std::vector<int64_t> many(5000, 0);
  EXPECT_THAT(Read(checkpoint, {many, many}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  tensor.spec = {DType::kFloat6E2m3, {4}, {1}};
  EXPECT_THAT(Read(checkpoint, {{0}}),
              StatusIs(absl::StatusCode::kUnimplemented));
  tensor.storage.reset();
  EXPECT_THAT(Read(checkpoint, {{0}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("meta")));
}

TEST(ReadElementsTest, AFileThatHasBecomeShorterIsAnError) {
  TestCheckpoint checkpoint({"aaaabbbb"});
  checkpoint.files = {std::make_shared<MemoryFile>("head")};
  EXPECT_THAT(Read(checkpoint, {{0}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("Tensor t0")));
}

}  // namespace
}  // namespace hoist
