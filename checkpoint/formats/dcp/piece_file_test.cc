#include "hoist/checkpoint/formats/dcp/piece_file.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/dcp/random_boxes.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

// Counts what is read, and in how many calls.
class CountingFile : public RandomAccessFile {
 public:
  explicit CountingFile(std::vector<uint8_t> bytes)
      : file_("counted", std::move(bytes)) {}

  const std::string& path() const override { return file_.path(); }
  uint64_t size_bytes() const override { return file_.size_bytes(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    return ReadScattered(offset, {&out, 1});
  }
  absl::Status ReadScattered(
      uint64_t offset,
      absl::Span<const absl::Span<uint8_t>> parts) const override {
    ++calls;
    for (const absl::Span<uint8_t> part : parts) {
      if (absl::Status status = file_.ReadAt(offset, part); !status.ok()) {
        return status;
      }
      offset += part.size();
      bytes += part.size();
    }
    return absl::OkStatus();
  }

  mutable std::atomic<uint64_t> calls = 0;
  mutable std::atomic<uint64_t> bytes = 0;

 private:
  const MemoryFile file_;
};

uint64_t CountOf(absl::Span<const int64_t> sizes) {
  uint64_t count = 1;
  for (const int64_t size : sizes) {
    count *= static_cast<uint64_t>(size);
  }
  return count;
}

// What of `whole`, a tensor of `shape`, lies in `box`, element by element.
std::vector<uint8_t> CutOut(const std::vector<uint8_t>& whole,
                            const std::vector<int64_t>& shape,
                            size_t element_bytes, const TensorBox& box) {
  std::vector<uint8_t> bytes;
  std::vector<int64_t> at(shape.size(), 0);
  for (uint64_t i = 0; i < CountOf(box.sizes); ++i) {
    uint64_t index = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      index = index * static_cast<uint64_t>(shape[d]) +
              static_cast<uint64_t>(box.offsets[d] + at[d]);
    }
    const auto from =
        whole.begin() + static_cast<ptrdiff_t>(index * element_bytes);
    bytes.insert(bytes.end(), from,
                 from + static_cast<ptrdiff_t>(element_bytes));
    for (size_t d = shape.size(); d-- > 0;) {
      if (++at[d] < box.sizes[d]) {
        break;
      }
      at[d] = 0;
    }
  }
  return bytes;
}

std::vector<uint8_t> RandomBytes(size_t size, std::mt19937& random) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(random());
  }
  return bytes;
}

// The boxes of `whole`, each in a file of its own behind `skipped` bytes.
std::vector<TensorPiece> PiecesOf(const std::vector<TensorBox>& boxes,
                                  const std::vector<uint8_t>& whole,
                                  const std::vector<int64_t>& shape,
                                  size_t element_bytes, size_t skipped) {
  std::vector<TensorPiece> pieces;
  for (const TensorBox& box : boxes) {
    std::vector<uint8_t> bytes(skipped, 0xEE);
    for (const uint8_t byte : CutOut(whole, shape, element_bytes, box)) {
      bytes.push_back(byte);
    }
    bytes.push_back(0xEE);
    pieces.push_back(
        {box, std::make_shared<CountingFile>(std::move(bytes)), skipped});
  }
  return pieces;
}

TEST(PieceFileTest, GivesAnyRangeOfAnyPieces) {
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    std::vector<int64_t> shape(random() % 5);
    for (int64_t& size : shape) {
      size = static_cast<int64_t>(1 + random() % 9);
    }
    const size_t element_bytes = size_t{1} << random() % 5;
    const auto whole = RandomBytes(CountOf(shape) * element_bytes, random);
    std::vector<TensorBox> boxes;
    CutAtRandom({std::vector<int64_t>(shape.size(), 0), shape},
                static_cast<int>(random() % 6), random, boxes);
    std::shuffle(boxes.begin(), boxes.end(), random);
    HOIST_ASSERT_OK_AND_ASSIGN(
        const auto file,
        PieceFile::Create(
            "t", static_cast<int64_t>(element_bytes), shape,
            PiecesOf(boxes, whole, shape, element_bytes, random() % 70)));
    ASSERT_EQ(file->size_bytes(), whole.size());
    for (int i = 0; i < 20; ++i) {
      const size_t offset = random() % (whole.size() + 1);
      const size_t size = i == 0 ? whole.size() - offset
                                 : random() % (whole.size() - offset + 1);
      std::vector<uint8_t> read(size);
      HOIST_ASSERT_OK(file->ReadAt(offset, absl::MakeSpan(read)));
      ASSERT_TRUE(std::equal(read.begin(), read.end(),
                             whole.begin() + static_cast<ptrdiff_t>(offset)))
          << round << " " << offset << " " << size;
    }
  }
}

TEST(PieceFileTest, ReadsNoByteThatIsNotAskedFor) {
  std::mt19937 random(3);
  // Rows of 6 bytes and of 3000.
  for (const int64_t columns : {4, 2000}) {
    const std::vector<int64_t> shape = {50, columns};
    const auto whole = RandomBytes(CountOf(shape) * 3, random);
    const int64_t half = columns / 2;
    const auto pieces =
        PiecesOf({{{0, 0}, {50, half}}, {{0, half}, {50, columns - half}}},
                 whole, shape, 3, 5);
    const auto& first = static_cast<const CountingFile&>(*pieces[0].file);
    const auto& second = static_cast<const CountingFile&>(*pieces[1].file);
    HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                               PieceFile::Create("t", 3, shape, pieces));
    const uint64_t row_bytes = static_cast<uint64_t>(columns) * 3;
    std::vector<uint8_t> read(30 * row_bytes);
    HOIST_ASSERT_OK(file->ReadAt(10 * row_bytes, absl::MakeSpan(read)));
    EXPECT_EQ(first.bytes, read.size() / 2);
    EXPECT_EQ(second.bytes, read.size() / 2);
    // All rows at once.
    EXPECT_EQ(first.calls, 1u);
    EXPECT_EQ(second.calls, 1u);
    read.resize(1);
    HOIST_ASSERT_OK(file->ReadAt(0, absl::MakeSpan(read)));
    EXPECT_EQ(first.calls, 2u);
    EXPECT_EQ(second.calls, 1u);
  }
}

TEST(PieceFileTest, ManyShortRowsTakeFewReads) {
  std::mt19937 random(5);
  const std::vector<int64_t> shape = {100'000, 2};
  const auto whole = RandomBytes(CountOf(shape), random);
  const auto pieces = PiecesOf({{{0, 0}, {100'000, 1}}, {{0, 1}, {100'000, 1}}},
                               whole, shape, 1, 0);
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                             PieceFile::Create("t", 1, shape, pieces));
  std::vector<uint8_t> read(whole.size());
  HOIST_ASSERT_OK(file->ReadAt(0, absl::MakeSpan(read)));
  EXPECT_EQ(read, whole);
  EXPECT_LE(static_cast<const CountingFile&>(*pieces[0].file).calls, 110u);
}

TEST(PieceFileTest, PiecesWithoutElementsAreLeftOut) {
  const auto bytes = std::make_shared<MemoryFile>("abcdef");
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file,
                             PieceFile::Create("t", 1, {6},
                                               {{{{6}, {0}}, bytes, 1000},
                                                {{{3}, {3}}, bytes, 0},
                                                {{{0}, {3}}, bytes, 3}}));
  EXPECT_EQ(file->piece_count(), 2u);
  std::string read(6, ' ');
  HOIST_ASSERT_OK(file->ReadAt(
      0, absl::MakeSpan(reinterpret_cast<uint8_t*>(read.data()), 6)));
  EXPECT_EQ(read, "defabc");
  HOIST_ASSERT_OK_AND_ASSIGN(const auto empty,
                             PieceFile::Create("t", 8, {0, 3}, {}));
  EXPECT_EQ(empty->size_bytes(), 0u);
  HOIST_EXPECT_OK(empty->ReadAt(0, {}));
}

TEST(PieceFileTest, RefusesPiecesThatAreNotTheTensor) {
  const auto bytes = std::make_shared<MemoryFile>("abcdef");
  EXPECT_THAT(PieceFile::Create("t", 1, {6}, {{{{0}, {3}}, bytes, 0}}),
              StatusIs(kDataLoss, HasSubstr("element [3]")));
  EXPECT_THAT(PieceFile::Create("t", 1, {6}, {{{{0}, {6}}, bytes, 1}}),
              StatusIs(kDataLoss, HasSubstr("not inside the file's 6")));
  EXPECT_THAT(PieceFile::Create("t", 1, {6}, {{{{0}, {6}}, bytes, UINT64_MAX}}),
              StatusIs(kDataLoss));
  EXPECT_THAT(PieceFile::Create("t", 4, {INT64_MAX / 2},
                                {{{{0}, {INT64_MAX / 2}}, bytes, 0}}),
              StatusIs(kDataLoss, HasSubstr("too large")));
}

TEST(PieceFileTest, ErrorsNameTheTensor) {
  const auto bytes = std::make_shared<MemoryFile>("abcdef");
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file,
      PieceFile::Create("fc.weight", 1, {6}, {{{{0}, {6}}, bytes, 0}}));
  uint8_t byte;
  EXPECT_THAT(file->ReadAt(6, {&byte, 1}),
              StatusIs(kDataLoss, HasSubstr("fc.weight: Wanted 1")));
}

}  // namespace
}  // namespace hoist
