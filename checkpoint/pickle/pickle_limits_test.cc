// What a pickle that wants too much gets: each limit of ReadPickle() at its
// edge and one past it, every length of a pickle against what is left of it,
// and the memory that a pickle can make it take.

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/python_types.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/testing/status_matchers.h"

namespace {

std::atomic<size_t> allocated_bytes = 0;
std::atomic<size_t> most_bytes = 0;

}  // namespace

void* operator new(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) {
    std::abort();
  }
  const size_t now = allocated_bytes += malloc_usable_size(memory);
  size_t most = most_bytes;
  while (now > most && !most_bytes.compare_exchange_weak(most, now)) {
  }
  return memory;
}

void operator delete(void* memory) noexcept {
  allocated_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace hoist {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using std::string_literals::operator""s;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

// What `work` has allocated at most at one time.
template <typename Work>
size_t MostBytes(const Work& work) {
  const size_t before = allocated_bytes;
  most_bytes = before;
  work();
  return most_bytes - before;
}

// Python's own types; nothing persistent.
class PythonVocabulary : public PickleVocabulary {
 public:
  absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph& graph, absl::string_view callable,
      absl::Span<const ValueId> arguments) override {
    return CallPythonType(graph, callable, arguments);
  }
  absl::StatusOr<ValueId> LoadPersistent(ValueGraph&, Value) override {
    return absl::DataLossError("nothing is persistent here");
  }
};

absl::StatusOr<Value> Read(absl::string_view pickle, ValueGraph& graph,
                           const PickleLimits& limits = {}) {
  PythonVocabulary vocabulary;
  const auto result = ReadPickle(
      {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
      vocabulary, graph, limits);
  if (!result.ok()) {
    return result.status();
  }
  return Value(&graph, result->root);
}

// "" if the pickle is read, its error otherwise.
std::string Error(absl::string_view pickle, absl::StatusCode code,
                  const PickleLimits& limits = {}) {
  ValueGraph graph;
  const auto value = Read(pickle, graph, limits);
  if (value.ok()) {
    return "";
  }
  EXPECT_EQ(value.status().code(), code) << value.status();
  return std::string(value.status().message());
}

std::string Excess(absl::string_view pickle, const PickleLimits& limits = {}) {
  return Error(pickle, absl::StatusCode::kResourceExhausted, limits);
}

std::string Damage(absl::string_view pickle) {
  return Error(pickle, absl::StatusCode::kDataLoss);
}

std::string Repeated(absl::string_view text, size_t count) {
  std::string repeated;
  repeated.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&repeated, text);
  }
  return repeated;
}

template <typename T>
std::string Bytes(T value) {
  std::string bytes(sizeof(T), '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

// --- the limits: at each, and one past it ------------------------------------

TEST(PickleLimitsTest, Values) {
  // 100 lists and the list that holds them.
  const std::string pickle = "](" + std::string(100, ']') + "e.";
  EXPECT_THAT(Excess(pickle, {.max_values = 101}), IsEmpty());
  EXPECT_EQ(Excess(pickle, {.max_values = 100}),
            "The pickle makes more than 100 values");
}

TEST(PickleLimitsTest, ValuesAreThoseOfThePickle) {
  // A graph may have others: the pickles of one file share it.
  ValueGraph graph;
  for (int i = 0; i < 3; ++i) {
    HOIST_EXPECT_OK(Read("]].", graph, {.max_values = 2}).status());
  }
}

TEST(PickleLimitsTest, Memo) {
  const std::string pickle = "Nq\1q\2q\3.";
  EXPECT_THAT(Excess(pickle, {.max_memo = 3}), IsEmpty());
  EXPECT_EQ(Excess(pickle, {.max_memo = 2}),
            "Opcode BINPUT at offset 5 of the pickle: the memo has more than 2 "
            "entries");
  EXPECT_THAT(Excess("N\x94\x94.", {.max_memo = 2}), IsEmpty());
  EXPECT_EQ(Excess("N\x94\x94.", {.max_memo = 1}),
            "Opcode MEMOIZE at offset 2 of the pickle: the memo has more than "
            "1 entries");
}

TEST(PickleLimitsTest, Marks) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + std::string(depth, 't') + ".";
  };
  EXPECT_THAT(Excess(nested(10'000)), IsEmpty());
  EXPECT_EQ(Excess(nested(10'001)),
            "Opcode MARK at offset 10000 of the pickle: more than 10000 "
            "collections inside each other");
  // Only those open at once count.
  EXPECT_THAT(Excess(Repeated("(t0", 3) + "N.", {.max_marks = 1}), IsEmpty());
}

TEST(PickleLimitsTest, BytesOfIntegers) {
  const auto integer = [](uint32_t size) {
    return "\x8b" + Bytes(size) + std::string(size, '\1') + ".";
  };
  EXPECT_THAT(Excess(integer(8192)), IsEmpty());
  EXPECT_EQ(Excess(integer(8193)),
            "Opcode LONG4 at offset 0 of the pickle: an integer of 8193 bytes");
  EXPECT_EQ(Excess("\x8a\3\1\1\1."s, {.max_integer_bytes = 2}),
            "Opcode LONG1 at offset 0 of the pickle: an integer of 3 bytes");
}

TEST(PickleLimitsTest, DigitsOfIntegers) {
  const auto integer = [](const std::string& opcode, size_t size) {
    return opcode + std::string(size, '1') + "\n.";
  };
  for (const auto& [opcode, name] :
       {std::pair{"L", "LONG"}, std::pair{"I", "INT"}}) {
    EXPECT_THAT(Excess(integer(opcode, 4300)), IsEmpty());
    EXPECT_EQ(Excess(integer(opcode, 4301)),
              absl::StrCat("Opcode ", name,
                           " at offset 0 of the pickle: an integer of 4301 "
                           "digits"));
  }
}

TEST(PickleLimitsTest, Names) {
  const std::string long_name(4095, 'x');
  const std::string longer_name(4096, 'x');
  const std::string error = " of the pickle: its name has 4097 bytes";
  EXPECT_THAT(Excess("cm\n" + long_name + "\n."), IsEmpty());
  EXPECT_EQ(Excess("cm\n" + longer_name + "\n."),
            "Opcode GLOBAL at offset 0" + error);
  const auto on_stack = [](const std::string& name) {
    return pickle_builder::Text("m") + pickle_builder::Text(name) + "\x93.";
  };
  EXPECT_THAT(Excess(on_stack(long_name)), IsEmpty());
  EXPECT_EQ(Excess(on_stack(longer_name)),
            "Opcode STACK_GLOBAL at offset 4107" + error);
  EXPECT_THAT(Excess("(im\n" + long_name + "\n."), IsEmpty());
  EXPECT_EQ(Excess("(im\n" + longer_name + "\n."),
            "Opcode INST at offset 1" + error);
}

TEST(PickleLimitsTest, Copies) {
  // Each of 69 calls copies a list of 64 Ki items. Four times the bytes of the
  // pickle and of a MiB may be copied: bytes that do nothing make the pickle as
  // long as it has to be.
  const std::string copying = "c__builtin__\nset\nq\2](" +
                              std::string(64 * kKiB, 'N') + "e\x85q\1" +
                              Repeated("h\2h\1R0", 69) + "N.";
  const size_t allowed = 69 * 64 * kKiB / 4;
  const std::string padding(allowed - kMiB - copying.size(), 'N');
  EXPECT_THAT(Excess(padding + copying), IsEmpty());
  EXPECT_EQ(
      Excess(padding.substr(1) + copying),
      absl::StrCat("Opcode REDUCE at offset ", allowed - kMiB - 5,
                   " of the pickle: the pickle copies its own content again "
                   "and again"));
}

// --- every length against what is left ---------------------------------------

struct Counted {
  const char* opcode;
  const char* name;
  size_t length_bytes;
};

TEST(PickleLengthsTest, AreHeldAgainstWhatIsLeft) {
  for (const Counted& counted : std::vector<Counted>{
           {"\x8a", "LONG1", 1},
           {"\x8b", "LONG4", 4},
           {"U", "SHORT_BINSTRING", 1},
           {"T", "BINSTRING", 4},
           {"\x8c", "SHORT_BINUNICODE", 1},
           {"X", "BINUNICODE", 4},
           {"\x8d", "BINUNICODE8", 8},
           {"C", "SHORT_BINBYTES", 1},
           {"B", "BINBYTES", 4},
           {"\x8e", "BINBYTES8", 8},
           {"\x96", "BYTEARRAY8", 8},
       }) {
    const std::string at = absl::StrCat("Opcode ", counted.name, " at offset ");
    const auto pickle = [&counted](uint64_t length) {
      return counted.opcode + Bytes(length).substr(0, counted.length_bytes) +
             "abc.";
    };
    EXPECT_THAT(Damage(pickle(3)), IsEmpty());
    // The STOP is taken too.
    EXPECT_EQ(Damage(pickle(4)),
              absl::StrCat("The pickle is cut off after ",
                           5 + counted.length_bytes, " bytes: it has no STOP"));
    EXPECT_EQ(Damage(pickle(5)),
              at + "0 of the pickle: it takes 5 bytes, and 4 are left");
    // The biggest that the length can be, and one that wraps around.
    for (const uint64_t length : {UINT64_MAX >> 1, UINT64_MAX - 8}) {
      const std::string error = Damage(pickle(length));
      EXPECT_TRUE(error.starts_with(at + "0 of the pickle: it")) << error;
    }
    // The length itself is cut off.
    EXPECT_EQ(
        Damage(counted.opcode + std::string(counted.length_bytes - 1, '\1')),
        absl::StrCat(at, "0 of the pickle: it takes ", counted.length_bytes,
                     " bytes, and ", counted.length_bytes - 1, " are left"));
  }
}

TEST(PickleLengthsTest, MayNotBeNegative) {
  for (const auto& [opcode, name] :
       {std::pair{"T", "BINSTRING"}, std::pair{"\x8b", "LONG4"}}) {
    EXPECT_EQ(Damage(opcode + Bytes(int32_t{-1}) + "a."),
              absl::StrCat("Opcode ", name,
                           " at offset 0 of the pickle: its length is -1"));
    EXPECT_EQ(Damage(opcode + Bytes(INT32_MIN) + "a."),
              absl::StrCat("Opcode ", name,
                           " at offset 0 of the pickle: its length is "
                           "-2147483648"));
  }
}

TEST(PickleLengthsTest, FramesHoldWhatIsLeft) {
  const auto framed = [](uint64_t size) {
    return "\x80\4\x95" + Bytes(size) + "K\1.";
  };
  EXPECT_THAT(Damage(framed(3)), IsEmpty());
  for (const uint64_t size : {uint64_t{4}, UINT64_MAX}) {
    EXPECT_EQ(Damage(framed(size)),
              absl::StrCat("Opcode FRAME at offset 2 of the pickle: the frame "
                           "has ",
                           size, " bytes, and 3 are left"));
  }
}

TEST(PickleLengthsTest, FixedArgumentsAreAllThere) {
  for (const auto& [opcode, size] : {std::pair{"\x80", 1},
                                     {"\x95", 8},
                                     {"K", 1},
                                     {"M", 2},
                                     {"J", 4},
                                     {"G", 8},
                                     {"h", 1},
                                     {"j", 4},
                                     {"Nq", 1},
                                     {"Nr", 4}}) {
    const std::string error =
        Damage(opcode + std::string(static_cast<size_t>(size - 1), 0));
    EXPECT_TRUE(error.ends_with(
        absl::StrCat("it takes ", size, " bytes, and ", size - 1, " are left")))
        << error;
  }
}

TEST(PickleLengthsTest, LinesHaveAnEnd) {
  for (const auto& [pickle, name] : {std::pair{"I1", "INT"},
                                     {"L1L", "LONG"},
                                     {"F1", "FLOAT"},
                                     {"S'a'", "STRING"},
                                     {"Va", "UNICODE"},
                                     {"g0", "GET"},
                                     {"Np0", "PUT"},
                                     {"Pa", "PERSID"},
                                     {"ca", "GLOBAL"},
                                     {"ca\nb", "GLOBAL"},
                                     {"(ia", "INST"},
                                     {"(ia\nb", "INST"}}) {
    const std::string error = Damage(pickle);
    EXPECT_TRUE(error.starts_with(absl::StrCat("Opcode ", name)) &&
                error.ends_with("of the pickle: its line has no end"))
        << error;
  }
}

// --- protocols 0 and 1 -------------------------------------------------------

// {"a": [1, -2, True, False, None, 2.5, 12345678901234567890],
//  "u": "caf\u00e9\n\u20ac", "t": (1, (2,), ()), "big": -(1 << 70)}, and the
// list of "a" again; by CPython's pickle.dumps().
constexpr absl::string_view kProtocol0 =
    "(dp0\nVa\np1\n(lp2\nI1\naI-2\naI01\naI00\naNaF2.5\n"
    "aL12345678901234567890L\nasVu\np3\nVcaf\xe9\\u000a\\u20ac\np4\nsVt\np5\n"
    "(I1\n(I2\ntp6\n(tp7\ntp8\nsVbig\np9\nL-1180591620717411303424L\nsVagain\n"
    "p10\ng2\ns.";
constexpr char kProtocol1[] =
    "}q\0(X\1\0\0\0aq\1]q\2(K\1J\xfe\xff\xff\xffI01\nI00\nNG\x40\4\0\0\0\0\0\0"
    "L12345678901234567890L\neX\1\0\0\0uq\3X\11\0\0\0caf\xc3\xa9\n\xe2\x82\xac"
    "q\4X\1\0\0\0tq\5(K\1(K\2tq\6)tq\7X\3\0\0\0bigq\x8"
    "L-1180591620717411303424L\nX\5\0\0\0againq\x9h\2u.";

TEST(OldProtocolsTest, AreRead) {
  for (const absl::string_view pickle :
       {kProtocol0, absl::string_view(kProtocol1, sizeof(kProtocol1) - 1)}) {
    ValueGraph graph;
    HOIST_ASSERT_OK_AND_ASSIGN(const Value root, Read(pickle, graph));
    ASSERT_EQ(root.size(), 5u);
    const Value list = *root.Find("a");
    ASSERT_EQ(list.size(), 7u);
    EXPECT_EQ(list[0].AsInt(), 1);
    EXPECT_EQ(list[1].AsInt(), -2);
    EXPECT_TRUE(list[2].AsBool());
    EXPECT_FALSE(list[3].AsBool());
    EXPECT_EQ(list[4].kind(), ValueKind::kNone);
    EXPECT_EQ(list[5].AsFloat(), 2.5);
    EXPECT_EQ(ValueText(list[6]), "12345678901234567890");
    EXPECT_EQ(root.Find("u")->AsString(), "caf\u00e9\n\u20ac");
    const Value tuple = *root.Find("t");
    ASSERT_EQ(tuple.size(), 3u);
    EXPECT_EQ(tuple[1][0].AsInt(), 2);
    EXPECT_EQ(tuple[2].size(), 0u);
    EXPECT_EQ(ValueText(*root.Find("big")), "-1180591620717411303424");
    EXPECT_EQ(root.Find("again")->id(), list.id());
  }
}

TEST(OldProtocolsTest, EveryBeginningIsAnError) {
  for (const absl::string_view pickle :
       {kProtocol0, absl::string_view(kProtocol1, sizeof(kProtocol1) - 1)}) {
    for (size_t size = 0; size < pickle.size(); ++size) {
      EXPECT_NE(Damage(pickle.substr(0, size)), "") << size;
    }
  }
}

// --- what lies outside of the pickle -----------------------------------------

TEST(PersistentIdsTest, AreTheVocabularysAffair) {
  for (const auto& [pickle, name] :
       {std::pair{"Pstorage\n.", "PERSID at offset 0"},
        {"K\1Q.", "BINPERSID at offset 2"}}) {
    EXPECT_EQ(Damage(pickle),
              absl::StrCat("Opcode ", name,
                           " of the pickle: nothing is persistent here"));
  }
}

// --- depth, and what contains itself -----------------------------------------

// Reads and names what is in it; what is left allocated is a leak.
void ReadAndName(absl::string_view pickle) {
  const size_t before = allocated_bytes;
  {
    ValueGraph graph;
    const auto value = Read(pickle, graph);
    ASSERT_TRUE(value.ok()) << value.status();
    HOIST_EXPECT_OK(NameTensors(graph, value->id(), {}));
  }
  EXPECT_EQ(allocated_bytes, before);
}

TEST(PickleNestingTest, WithoutMarksIsNoRecursion) {
  constexpr size_t kDepth = 1'000'000;
  ReadAndName("N" + std::string(kDepth, '\x85') + ".");
  ReadAndName(std::string(kDepth, ']') + std::string(kDepth - 1, 'a') + ".");
  ReadAndName(Repeated("}N", kDepth) + "N" + std::string(kDepth, 's') + ".");
  // Each the state of the next, as its only argument, and called with it.
  ReadAndName("cmy\nThing\nq\1)\x81" + Repeated("h\1)\x81", kDepth) +
              std::string(kDepth, 'b') + ".");
  ReadAndName("cmy\nThing\nq\1N" +
              Repeated("\x85h\1q\2"
                       "0h\2N\x85R",
                       100'000) +
              ".");
}

TEST(PickleNestingTest, WhatContainsItselfEndsAndDoesNotLeak) {
  for (const char* pickle :
       {"]q\1h\1a.", "}q\1Nh\1s.", "}q\1h\1Ns.", "\x8fq\1(h\1\x90.",
        // A tuple by way of the list in it, or of its state.
        "]q\1\x85q\2"
        "0h\1h\2a0h\2.",
        "N\x85q\1h\1b.",
        // An object by its state, and one among its own arguments.
        "cmy\nThing\n)\x81q\1h\1b.",
        "cmy\nThing\n]q\1\x85\x81q\2"
        "0h\1h\2a0h\2."}) {
    ReadAndName(pickle);
  }
}

// --- memory ------------------------------------------------------------------

TEST(PickleMemoryTest, AHighMemoIndexCostsNothing) {
  ValueGraph graph;
  const size_t most = MostBytes([&graph] {
    HOIST_ASSERT_OK_AND_ASSIGN(
        const Value value,
        Read("K\7r\xff\xff\xff\xff"
             "0Np4294967294\n0j\xff\xff\xff\xffg4294967294\n\x86.",
             graph));
    EXPECT_EQ(value[0].AsInt(), 7);
    EXPECT_EQ(value[1].kind(), ValueKind::kNone);
  });
  EXPECT_LT(most, 64 * kKiB);
}

// Pickles of one opcode again and again, each of which makes or keeps as much
// as one can for each of its bytes.
std::vector<std::pair<const char*, std::string>> Hungry(size_t bytes) {
  const auto fill = [bytes](const std::string& head, absl::string_view piece,
                            absl::string_view tail = "") {
    return absl::StrCat(
        head, Repeated(piece, (bytes - head.size()) / piece.size()), tail, ".");
  };
  return {
      {"lists", fill("", "]")},
      {"dicts", fill("", "}")},
      {"tuples of one", fill("N", "\x85")},
      {"tuples of two", fill("N", "2\x86")},
      {"tuples of three", fill("N", "22\x87")},
      {"sets of one", fill("Nq\1", "(h\1\x91")},
      {"empty byte arrays", fill("", "\x96\0\0\0\0\0\0\0\0"s)},
      {"integers", fill("", "M\xff\xff")},
      {"texts", fill("", "U\1a"s)},
      {"texts of 16 bytes", fill("",
                                 "U\x10"
                                 "aaaaaaaaaaaaaaaa")},
      {"items", fill("](", "N", "e")},
      {"memo entries", fill("N", "\x94")},
      {"high memo entries", fill("N", "r\0\0\0\xff"s)},
      {"lists of one", fill("", "]Na")},
      {"dicts of one", fill("", "}NNs")},
      {"classes", fill("", "ca\nb\n")},
      {"copies of a list", fill("c__builtin__\nset\nq\2](" +
                                    std::string(bytes / 2, 'N') + "e\x85q\1",
                                "h\2h\1R0")},
      {"copies of bytes", fill("c__builtin__\nbytearray\nq\2B" +
                                   Bytes(static_cast<uint32_t>(bytes / 2)) +
                                   std::string(bytes / 2, 'a') + "\x85q\1",
                               "h\2h\1R0")},
  };
}

// Bytes that a pickle may take for each of its own, and what any may take.
constexpr size_t kMostForAByte = 85;
constexpr size_t kMostForAnyPickle = 256 * kKiB;

TEST(PickleMemoryTest, IsInProportionToThePickle) {
  for (const size_t size : {kKiB, kMiB}) {
    // No structured binding: clang 14 does not capture one.
    for (const auto& hungry : Hungry(size)) {
      const std::string& name = hungry.first;
      const std::string& pickle = hungry.second;
      const size_t before = allocated_bytes;
      const size_t most = MostBytes([&pickle] {
        ValueGraph graph;
        // Copies end at their limit.
        const absl::Status status = Read(pickle, graph).status();
        EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
      });
      EXPECT_LE(most, kMostForAnyPickle + size * kMostForAByte)
          << name << ", " << size << " bytes";
      EXPECT_LE(allocated_bytes, before) << name;
    }
  }
}

// A pickle's tensors copy what they are given: their shape, and the place of
// their storage.
std::string CopiedTensors(size_t bytes, size_t dimensions,
                          size_t location_bytes) {
  using namespace pickle_builder;  // NOLINT: made for this
  const std::vector<int32_t> shape(dimensions, 1);
  const std::string head =
      Class("torch._utils", "_rebuild_tensor_v2") + "q\1" +
      Tuple({Storage("FloatStorage", "0", 1, std::string(location_bytes, 'x')),
             Int(0), Ints(shape), Ints(shape), Bool(false), OrderedDict({})}) +
      "q\2";
  return head + Repeated("h\1h\2R0", (bytes - head.size()) / 6) + "N.";
}

// Reads and names them.
absl::Status ReadTensors(absl::string_view pickle) {
  TorchVocabulary vocabulary([](ValueGraph&, Value id) {
    return TorchVocabulary::Persistent(
        PickledStorage{.location = std::string(id[3].AsString())});
  });
  ValueGraph graph;
  const auto result = ReadPickle(
      {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
      vocabulary, graph);
  return result.ok()
             ? NameTensors(graph, result->root, std::move(vocabulary.tensors()))
                   .status()
             : result.status();
}

TEST(PickleMemoryTest, OfTensorsIsInProportionToThePickle) {
  for (const size_t dimensions : {0, 4, 16}) {
    const std::string pickle = CopiedTensors(kMiB, dimensions, 15);
    EXPECT_LE(MostBytes([&] { HOIST_EXPECT_OK(ReadTensors(pickle)); }),
              2 * kMiB * kMostForAByte);
  }
  // More than a few of these are refused.
  HOIST_EXPECT_OK(ReadTensors(CopiedTensors(10'400, 1000, 15)));
  const std::string pickle = CopiedTensors(kMiB, 1000, 15);
  EXPECT_LE(MostBytes([&pickle] {
              EXPECT_THAT(ReadTensors(pickle),
                          StatusIs(absl::StatusCode::kResourceExhausted,
                                   HasSubstr("dimensions")));
            }),
            kMiB * kMostForAByte);
}

TEST(PickleMemoryTest, OfNamesIsInProportionToThePickle) {
  using namespace pickle_builder;  // NOLINT: made for this
  // Each list holds the one before it twice.
  const std::string pickle =
      Tensor(Storage("FloatStorage", "0", 1), 0, {}, {}) +
      Repeated("q\1]q\2h\1ah\1a", 60) + ".";
  ASSERT_LT(pickle.size(), kKiB);
  EXPECT_LE(MostBytes([&pickle] {
              EXPECT_THAT(ReadTensors(pickle),
                          StatusIs(absl::StatusCode::kResourceExhausted,
                                   HasSubstr("places")));
            }),
            8 * kMiB);
}

TEST(PickleLimitsTest, LocationsOfStorages) {
  HOIST_EXPECT_OK(ReadTensors(CopiedTensors(kKiB, 1, 64)));
  const absl::Status status = ReadTensors(CopiedTensors(kKiB, 1, 65));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss,
                               EndsWith("its location has 65 bytes")));
}

}  // namespace
}  // namespace hoist
