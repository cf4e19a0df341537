#include "hoist/checkpoint/pickle/pickle_stream.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

absl::Span<const uint8_t> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

template <typename T>
std::string Number(T value) {
  std::string bytes(sizeof(T), '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

// Every opcode with what follows it: text that would end the pickle if it were
// taken for opcodes.
std::vector<std::string> OpcodesWithArguments() {
  std::vector<std::string> opcodes;
  for (const int opcode : std::initializer_list<int>{
           '(',  '0',  '1',  '2',  'N',  ']',  'a',  'e',  'l',  ')',  't',
           '}',  'd',  's',  'u',  'o',  'b',  'Q',  'R',  0x81, 0x85, 0x86,
           0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98}) {
    opcodes.push_back(std::string(1, static_cast<char>(opcode)));
  }
  for (const std::string fixed :
       {"K.",        "h.",        "q.",           "\x80.",  "\x82.",
        "M..",       "\x83..",    "J....",        "j....",  "r....",
        "\x84....",  "G........", "\x95........", "I.\n",   "L.\n",
        "F.\n",      "S.\n",      "V.\n",         "g.\n",   "p.\n",
        "P.\n",      "c.\n.\n",   "i.\n.\n",      "U\3...", "C\3...",
        "\x8a\3...", "\x8c\3..."}) {
    opcodes.push_back(fixed);
  }
  for (const std::string opcode : {"T", "X", "B", "\x8b"}) {
    opcodes.push_back(opcode + Number<uint32_t>(3) + "...");
  }
  for (const std::string opcode : {"\x8d", "\x8e", "\x96"}) {
    opcodes.push_back(opcode + Number<uint64_t>(3) + "...");
  }
  return opcodes;
}

TEST(PickleExtentTest, KnowsEveryOpcode) {
  // With STOP, which is each one's end here.
  EXPECT_EQ(OpcodesWithArguments().size(), 67u);
  for (const std::string& opcode : OpcodesWithArguments()) {
    const std::string bytes = opcode + "." + "more";
    PickleExtent extent;
    EXPECT_TRUE(extent.Scan(AsBytes(bytes))) << opcode;
    EXPECT_EQ(extent.size_bytes(), opcode.size() + 1) << opcode;
  }
}

TEST(PickleExtentTest, GoesOnWhereABrokenOffPieceEnded) {
  const std::string all = absl::StrCat(Joined(OpcodesWithArguments()), ".");
  PickleExtent extent;
  for (size_t size = 0; size < all.size(); ++size) {
    ASSERT_FALSE(extent.Scan(AsBytes(all.substr(0, size)))) << size;
    // Never more than there is to come.
    EXPECT_GT(extent.size_bytes(), size);
    EXPECT_LE(extent.size_bytes(), all.size());
  }
  EXPECT_TRUE(extent.Scan(AsBytes(all)));
  EXPECT_EQ(extent.size_bytes(), all.size());
}

TEST(PickleExtentTest, AsksForTheWholeOfALongText) {
  PickleExtent extent;
  EXPECT_FALSE(extent.Scan(AsBytes("X" + Number<uint32_t>(1000) + "abc")));
  EXPECT_EQ(extent.size_bytes(), 1005u);
}

TEST(PickleExtentTest, AnAbsurdLengthDoesNotWrapAround) {
  PickleExtent extent;
  EXPECT_FALSE(extent.Scan(AsBytes("\x8d" + Number<uint64_t>(~uint64_t{0}))));
  EXPECT_GT(extent.size_bytes(), size_t{1} << 60);
}

TEST(PickleExtentTest, EndsAtWhatIsNoOpcode) {
  PickleExtent extent;
  EXPECT_TRUE(extent.Scan(AsBytes("NN\xff and more")));
  EXPECT_EQ(extent.size_bytes(), 3u);
}

// Counts what is read of it.
class CountingFile : public MemoryFile {
 public:
  using MemoryFile::MemoryFile;
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    read_bytes += out.size();
    ++reads;
    return MemoryFile::ReadAt(offset, out);
  }
  mutable uint64_t read_bytes = 0;
  mutable int reads = 0;
};

absl::StatusOr<ValueId> ReadPlain(PickleStream& stream, ValueGraph& graph) {
  PlainVocabulary vocabulary;
  return stream.ReadPickle("The pickle", vocabulary, graph);
}

TEST(PickleStreamTest, ReadsOneAfterTheOther) {
  for (const size_t piece_bytes : {1, 2, 7, 1000}) {
    const MemoryFile file(absl::StrCat(
        "before", Pickle(Text("one")), Number<int64_t>(-5), Number<int32_t>(7),
        "skipped", Pickle(Text("two")), "after"));
    PickleStream stream(file, 6, file.size_bytes(), piece_bytes);
    ValueGraph graph;
    HOIST_ASSERT_OK_AND_ASSIGN(const ValueId one, ReadPlain(stream, graph));
    EXPECT_EQ(Value(&graph, one).AsString(), "one");
    EXPECT_EQ(stream.ReadInt64("A number").value(), -5);
    EXPECT_EQ(stream.ReadInt32("A number").value(), 7);
    HOIST_ASSERT_OK(stream.Skip(7, "Bytes"));
    HOIST_ASSERT_OK_AND_ASSIGN(const ValueId two, ReadPlain(stream, graph));
    EXPECT_EQ(Value(&graph, two).AsString(), "two");
    EXPECT_EQ(stream.left_bytes(), 5u);
  }
}

TEST(PickleStreamTest, ReadsAPickleAboutOnce) {
  std::vector<std::string> items;
  for (int i = 0; i < 20'000; ++i) {
    items.push_back(Int(i));
  }
  const std::string pickle = Pickle(List(items));
  const CountingFile file(pickle + std::string(1'000'000, 'x'));
  PickleStream stream(file, 0, file.size_bytes(), 16);
  ValueGraph graph;
  HOIST_ASSERT_OK_AND_ASSIGN(const ValueId id, ReadPlain(stream, graph));
  EXPECT_EQ(Value(&graph, id).size(), 20'000u);
  EXPECT_EQ(stream.position(), pickle.size());
  EXPECT_LE(file.read_bytes, 2 * pickle.size());
  EXPECT_LE(file.reads, 20);
}

TEST(PickleStreamTest, ReadsManySmallPicklesAboutOnce) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes += Pickle(Int(i)) + Number<int64_t>(i);
  }
  const CountingFile file(bytes);
  PickleStream stream(file, 0, file.size_bytes(), 1000);
  ValueGraph graph;
  for (int i = 0; i < 1000; ++i) {
    HOIST_ASSERT_OK_AND_ASSIGN(const ValueId id, ReadPlain(stream, graph));
    EXPECT_EQ(Value(&graph, id).AsInt(), i);
    EXPECT_EQ(stream.ReadInt64("A number").value(), i);
  }
  EXPECT_LE(file.read_bytes, 2 * bytes.size());
}

TEST(PickleStreamTest, TheEndOfThePart) {
  const std::string pickle = Pickle(Text("text"));
  const MemoryFile file(pickle + pickle);
  for (size_t end = 0; end < pickle.size(); ++end) {
    PickleStream stream(file, 0, end, 1000);
    ValueGraph graph;
    const absl::Status status = ReadPlain(stream, graph).status();
    EXPECT_THAT(status, StatusIs(kDataLoss, HasSubstr("is cut off"))) << end;
    EXPECT_THAT(HintOf(status), HasSubstr("incomplete"));
  }
  PickleStream stream(file, pickle.size(), pickle.size() + 3, 1000);
  EXPECT_THAT(
      stream.ReadInt64("The size of it").status(),
      StatusIs(kDataLoss, AllOf(HasSubstr("The size of it at offset 12"),
                                HasSubstr("8 bytes, and 3 are left"))));
  EXPECT_THAT(stream.ReadInt32("It").status(), StatusIs(kDataLoss));
  EXPECT_THAT(stream.Skip(4, "It"), StatusIs(kDataLoss));
  EXPECT_THAT(stream.Skip(~uint64_t{0}, "It"), StatusIs(kDataLoss));
  HOIST_EXPECT_OK(stream.Skip(3, "It"));
}

TEST(PickleStreamTest, ATextThatCannotBeThereIsNotWaitedFor) {
  const CountingFile file("X" + Number<uint32_t>(2'000'000'000) +
                          std::string(100'000, 'x'));
  PickleStream stream(file, 0, file.size_bytes(), 16);
  ValueGraph graph;
  EXPECT_THAT(ReadPlain(stream, graph).status(),
              StatusIs(kDataLoss, HasSubstr("at least 2000000005 bytes")));
  EXPECT_LE(file.read_bytes, 16u);
}

// A file of 1 TiB, all of it one text.
class EndlessFile : public MemoryFile {
 public:
  EndlessFile() : MemoryFile("") {}
  uint64_t size_bytes() const override { return uint64_t{1} << 40; }
  absl::Status ReadAt(uint64_t, absl::Span<uint8_t> out) const override {
    EXPECT_LE(out.size(), size_t{1} << 20);
    const std::string text = "X" + Number<uint32_t>(0xffff'ffff);
    std::fill(out.begin(), out.end(), '(');
    std::copy(text.begin(), text.end(), out.begin());
    return absl::OkStatus();
  }
};

TEST(PickleStreamTest, MoreThanOneGibibyteIsRefused) {
  const EndlessFile file;
  PickleStream stream(file, 0, file.size_bytes(), 1000);
  ValueGraph graph;
  EXPECT_THAT(ReadPlain(stream, graph).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("more than 1073741824 bytes")));
}

TEST(PickleStreamTest, ErrorsOfThePickleSayWhereItIs) {
  const MemoryFile file("xxN]a.");
  PickleStream stream(file, 2, file.size_bytes(), 1000);
  ValueGraph graph;
  const absl::Status status = ReadPlain(stream, graph).status();
  EXPECT_THAT(status,
              StatusIs(kDataLoss, HasSubstr("The pickle at offset 2: ")));
}

TEST(PickleStreamTest, NothingIsPersistentInPlainPickles) {
  const MemoryFile file("NQ.");
  PickleStream stream(file, 0, file.size_bytes(), 1000);
  ValueGraph graph;
  EXPECT_THAT(ReadPlain(stream, graph).status(), StatusIs(kDataLoss));
}

}  // namespace
}  // namespace hoist
