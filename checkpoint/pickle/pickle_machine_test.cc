#include "hoist/checkpoint/pickle/pickle_machine.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/object_arguments.h"
#include "hoist/checkpoint/pickle/python_types.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;
using std::string_literals::operator""s;

// Python's own types; a persistent id is its own object.
class PythonVocabulary : public PickleVocabulary {
 public:
  absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph& graph, absl::string_view callable,
      absl::Span<const ValueId> arguments) override {
    return CallPythonType(graph, callable, arguments);
  }
  absl::StatusOr<ValueId> LoadPersistent(ValueGraph& graph, Value id) override {
    return graph.AddItems(ValueKind::kTuple, {id.id(), id.id()});
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

// A value and all in it as one line, Python's way as far as it goes.
std::string Text(Value value, int depth = 0) {
  if (depth > 4) {
    return "...";
  }
  std::string text;
  const auto join = [&](auto item) {
    for (size_t i = 0; i < value.size(); ++i) {
      text += (i > 0 ? ", " : "") + item(i);
    }
  };
  const auto item = [&](size_t i) { return Text(value[i], depth + 1); };
  switch (value.kind()) {
    case ValueKind::kString:
      return "'" + std::string(value.AsString()) + "'";
    case ValueKind::kBytes:
      return "b'" + std::string(value.AsString()) + "'";
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSet:
    case ValueKind::kOpaque:
      join(item);
      return value.ClassName() + "(" + text + ")";
    case ValueKind::kDict:
      join([&](size_t i) {
        return Text(value.key(i), depth + 1) + ": " +
               Text(value.value(i), depth + 1);
      });
      return value.ClassName() + "{" + text + "}";
    default:
      return ValueText(value);
  }
}

std::string ReadText(absl::string_view pickle) {
  ValueGraph graph;
  const auto value = Read(pickle, graph);
  return value.ok() ? Text(*value) : std::string(value.status().message());
}

// --- one case for every opcode, each as CPython's pickletools describes it ---

struct Case {
  const char* name;
  std::string pickle;
  std::string text;
};

class OpcodeTest : public ::testing::TestWithParam<Case> {};

TEST_P(OpcodeTest, MakesItsValue) {
  EXPECT_EQ(ReadText(GetParam().pickle), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    All, OpcodeTest,
    ::testing::ValuesIn(std::vector<Case>{
        {"Proto", "\x80\x05N."s, "None"},
        {"Frame", "\x80\x04\x95\2\0\0\0\0\0\0\0N."s, "None"},
        {"Mark", "(K\1l."s, "list(1)"},
        {"Pop",
         "K\1K\2"
         "0."s,
         "1"},
        {"PopOfMark", "K\1(0."s, "1"},
        {"PopMark",
         "K\1(K\2K\3"
         "1."s,
         "1"},
        {"Dup",
         "K\1"
         "2\x86."s,
         "tuple(1, 1)"},
        {"None", "N."s, "None"},
        {"NewTrue", "\x88."s, "True"},
        {"NewFalse", "\x89."s, "False"},
        {"BinInt1", "K\xff."s, "255"},
        {"BinInt2", "M\1\2."s, "513"},
        {"BinInt", "J\xfe\xff\xff\xff."s, "-2"},
        {"Long1", "\x8a\2\0\xff."s, "-256"},
        {"Long1Empty", "\x8a\0."s, "0"},
        {"Long1Eight", "\x8a\x8\0\0\0\0\0\0\0\x80."s, "-9223372036854775808"},
        {"Long1Nine", "\x8a\x9\0\0\0\0\0\0\0\0\1."s, "18446744073709551616"},
        {"Long4", "\x8b\1\0\0\0\x7f."s, "127"},
        {"Int", "I-42\n."s, "-42"},
        {"IntTrue", "I01\n."s, "True"},
        {"IntFalse", "I00\n."s, "False"},
        {"Long", "L1234567890123456789012L\n."s, "1234567890123456789012"},
        {"BinFloat", "G\x3f\xb9\x99\x99\x99\x99\x99\x9a."s, "0.1"},
        {"Float", "F-2.5\n."s, "-2.5"},
        {"ShortBinUnicode", "\x8c\2ab."s, "'ab'"},
        {"BinUnicode", "X\2\0\0\0ab."s, "'ab'"},
        {"BinUnicode8", "\x8d\2\0\0\0\0\0\0\0ab."s, "'ab'"},
        {"Unicode", "V\\u00e9\n."s, "'\u00e9'"},
        {"ShortBinString", "U\2ab."s, "'ab'"},
        {"BinString", "T\2\0\0\0ab."s, "'ab'"},
        {"String", "S'a\\x62'\n."s, "'ab'"},
        {"ShortBinBytes", "C\2ab."s, "b'ab'"},
        {"BinBytes", "B\2\0\0\0ab."s, "b'ab'"},
        {"BinBytes8", "\x8e\2\0\0\0\0\0\0\0ab."s, "b'ab'"},
        {"ByteArray8", "\x96\2\0\0\0\0\0\0\0ab."s, "b'ab'"},
        {"EmptyList", "]."s, "list()"},
        {"Append", "]K\1a."s, "list(1)"},
        {"Appends", "](K\1K\2e."s, "list(1, 2)"},
        {"EmptyTuple", ")."s, "tuple()"},
        {"Tuple", "(K\1K\2K\3K\4t."s, "tuple(1, 2, 3, 4)"},
        {"TupleOfNone", "(t."s, "tuple()"},
        {"Tuple1", "K\1\x85."s, "tuple(1)"},
        {"Tuple2", "K\1K\2\x86."s, "tuple(1, 2)"},
        {"Tuple3", "K\1K\2K\3\x87."s, "tuple(1, 2, 3)"},
        {"EmptyDict", "}."s, "dict{}"},
        {"Dict", "(K\1K\2d."s, "dict{1: 2}"},
        {"SetItem", "}K\1K\2s."s, "dict{1: 2}"},
        {"SetItems", "}(K\1K\2K\3K\4u."s, "dict{1: 2, 3: 4}"},
        {"EmptySet", "\x8f."s, "set()"},
        {"AddItems", "\x8f(K\1K\2\x90."s, "set(1, 2)"},
        {"FrozenSet", "(K\1\x91."s, "frozenset(1)"},
        {"PutGet", "K\7p300\n0g300\n."s, "7"},
        {"BinPutBinGet",
         "K\7q\3"
         "0h\3."s,
         "7"},
        {"LongBinPutGet",
         "K\7r\0\1\0\0"
         "0j\0\1\0\0."s,
         "7"},
        {"Memoize",
         "K\7\x94K\10\x94"
         "00h\0h\1\x86."s,
         "tuple(7, 8)"},
        {"Global", "ctorch\nfloat32\n."s, "torch.float32"},
        {"GlobalOfPython2", "c__builtin__\nxrange\n."s, "range"},
        {"StackGlobal", "\x8c\5torch\x8c\4Size\x93."s, "torch.Size"},
        {"MemoryFormat", "\x8c\14torch._utils\x8c\23torch.channels_last\x93."s,
         "torch.channels_last"},
        {"AttributeOfAnotherModule", "\x8c\2my\x8c\23torch.channels_last\x93."s,
         "my.torch.channels_last"},
        {"Reduce", "cmy.own\nThing\nK\1\x85R."s, "my.own.Thing(1)"},
        {"NewObj", "cmy.own\nThing\nK\1\x85\x81."s, "my.own.Thing(1)"},
        {"NewObjEx", "cmy.own\nThing\nK\1\x85}K\2K\3s\x92."s,
         "my.own.Thing(1, dict{2: 3})"},
        {"Inst", "(K\1imy.own\nThing\n."s, "my.own.Thing(1)"},
        {"Obj", "(cmy.own\nThing\nK\1o."s, "my.own.Thing(1)"},
        {"PersId", "Pabc\n."s, "tuple('abc', 'abc')"},
        {"BinPersId", "K\1Q."s, "tuple(1, 1)"},
    }),
    [](const auto& info) { return info.param.name; });

TEST(PickleMachineTest, KnowsWhatIsMadeWithoutACall) {
  const auto is_new = [](const std::string& pickle) {
    ValueGraph graph;
    const auto root = Read(pickle, graph);
    EXPECT_TRUE(root.ok()) << root.status();
    return root.ok() && root->is_new();
  };
  EXPECT_TRUE(is_new("cmy.own\nThing\n)\x81."s));
  EXPECT_TRUE(is_new("cmy.own\nThing\n)}\x92."s));
  EXPECT_TRUE(is_new("cmy\nDict\n)\x81(K\1K\2u."s));
  EXPECT_FALSE(is_new("cmy.own\nThing\n)R."s));
  EXPECT_FALSE(is_new("(cmy.own\nThing\no."s));
  EXPECT_FALSE(is_new("ccollections\nOrderedDict\n)\x81."s));
}

// Of what was made of arguments, which are still those alone.
TEST(PickleMachineTest, KnowsKeywordsAndWhatWasAdded) {
  ValueGraph graph;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value value,
      Read("cmy\nThing\nK\1\x85}q\1K\2K\3s\x92K\4a(K\5K\6eK\7K\10s(K\11K\12u."s,
           graph));
  ASSERT_EQ(value.kind(), ValueKind::kOpaque);
  ASSERT_EQ(value.size(), 4u);
  EXPECT_EQ(value[0].AsInt(), 1);
  EXPECT_TRUE(IsKeywords(value[1]));
  EXPECT_EQ(value[1].size(), 1u);
  EXPECT_TRUE(IsAddedItems(value[2]));
  EXPECT_EQ(value[2].size(), 3u);
  EXPECT_TRUE(IsAddedEntries(value[3]));
  EXPECT_EQ(value[3].size(), 2u);
  EXPECT_FALSE(IsKeywords(value[3]));
}

// The dict that the keywords are is a value like others, elsewhere.
TEST(PickleMachineTest, KeywordsAreACopy) {
  ValueGraph graph;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value value, Read("(cmy\nThing\n)}q\1K\2K\3s\x92h\1t."s, graph));
  EXPECT_TRUE(IsKeywords(value[0][0]));
  EXPECT_FALSE(IsKeywords(value[1]));
}

TEST(PickleMachineTest, BuildIsTheState) {
  ValueGraph graph;
  HOIST_ASSERT_OK_AND_ASSIGN(
      const Value value,
      Read("cargparse\nNamespace\n)\x81}X\2\0\0\0lrK\1sb."s, graph));
  EXPECT_EQ(value.kind(), ValueKind::kOpaque);
  EXPECT_EQ(value.ClassName(), "argparse.Namespace");
  EXPECT_EQ(value.size(), 0u);
  EXPECT_EQ(value.state().Find("lr")->AsInt(), 1);
}

TEST(PickleMachineTest, NamesAreNeverCalled) {
  ValueGraph graph;
  HOIST_ASSERT_OK_AND_ASSIGN(const Value value,
                             Read("cos\nsystem\nX\4\0\0\0true\x85R."s, graph));
  EXPECT_EQ(Text(value), "os.system('true')");
  EXPECT_EQ(value.kind(), ValueKind::kOpaque);
}

TEST(PickleMachineTest, SubclassesOfCollectionsKeepTheirClass) {
  EXPECT_EQ(ReadText("cmy\nList\n)\x81(K\1K\2e."s), "my.List(1, 2)");
  EXPECT_EQ(ReadText("cmy\nDict\n)\x81(K\1K\2u."s), "my.Dict{1: 2}");
  EXPECT_EQ(ReadText("cmy\nList\nK\11\x85\x81(K\1K\2e."s),
            "my.List(9, list(1, 2))");
}

TEST(PickleMachineTest, WhatIsCalledMayBeWhatACallMade) {
  EXPECT_EQ(ReadText("cfunctools\npartial\nK\1\x85RK\2\x85R."s),
            "object(functools.partial(1), 2)");
}

TEST(PickleMachineTest, CollectionsMayContainThemselves) {
  EXPECT_EQ(ReadText("]q\0h\0a."s), "list(list(list(list(list(...)))))");
}

TEST(PickleMachineTest, ARepeatedKeyHasTheFirstPlaceAndTheLastValue) {
  EXPECT_EQ(ReadText("}(X\1\0\0\0aK\1X\1\0\0\0bK\2X\1\0\0\0aK\3u."s),
            "dict{'a': 3, 'b': 2}");
  // 1, True and 1.0 are one key, and "1" another.
  EXPECT_EQ(ReadText("}(K\1K\1\x88K\2G\x3f\xf0\0\0\0\0\0\0K\3X\1\0\0\0"
                     "1K\4u."s),
            "dict{1: 3, '1': 4}");
}

TEST(PickleMachineTest, SaysHowManyBytesItTook) {
  ValueGraph graph;
  PythonVocabulary vocabulary;
  const std::string two = "K\1.K\2.";
  HOIST_ASSERT_OK_AND_ASSIGN(
      const PickleResult result,
      ReadPickle({reinterpret_cast<const uint8_t*>(two.data()), two.size()},
                 vocabulary, graph));
  EXPECT_EQ(result.size_bytes, 3u);
  EXPECT_EQ(Value(&graph, result.root).AsInt(), 1);
}

// --- Python's types ----------------------------------------------------------

TEST(PythonTypesTest, AreMadeOfTheirArguments) {
  const std::string pair = "](]K\1aK\2a]K\3aK\4ae";
  EXPECT_EQ(ReadText("ccollections\nOrderedDict\n)R."s),
            "collections.OrderedDict{}");
  EXPECT_EQ(ReadText("ccollections\nOrderedDict\n" + pair + "\x85R."),
            "collections.OrderedDict{1: 2, 3: 4}");
  EXPECT_EQ(ReadText("ccollections\nOrderedDict\n)R(K\1K\2u."s),
            "collections.OrderedDict{1: 2}");
  EXPECT_EQ(ReadText("ccollections\nCounter\n}K\1K\2s\x85R."s),
            "collections.Counter{1: 2}");
  EXPECT_EQ(ReadText("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(K\1K"
                     "\2u."s),
            "collections.defaultdict{1: 2}");
  EXPECT_EQ(ReadText("ccollections\ndeque\n)K\5\x86R(K\1K\2e."s),
            "collections.deque(1, 2)");
  EXPECT_EQ(ReadText("c__builtin__\nset\n](K\1K\2e\x85R."s), "set(1, 2)");
  EXPECT_EQ(ReadText("c__builtin__\nfrozenset\n]\x85R."s), "frozenset()");
  EXPECT_EQ(ReadText("c__builtin__\ncomplex\nK\1G\x40\0\0\0\0\0\0\0\x86R."s),
            "(1+2j)");
  EXPECT_EQ(
      ReadText("c_codecs\nencode\nX\3\0\0\0a\xc3\xbfX\6\0\0\0latin1\x86R."s),
      "b'a\xff'");
  EXPECT_EQ(ReadText("c__builtin__\nbytearray\nC\2ab\x85R."s), "b'ab'");
  EXPECT_EQ(ReadText("c__builtin__\nbytes\n)R."s), "b''");
  EXPECT_EQ(
      ReadText("c__builtin__\ngetattr\ncmy\nOuter\nX\5\0\0\0Inner\x86R."s),
      "my.Outer.Inner");
}

TEST(PythonTypesTest, OtherArgumentsMakeAnOpaqueValue) {
  EXPECT_EQ(ReadText("ccollections\nOrderedDict\n]K\1a\x85R."s),
            "collections.OrderedDict(list(1))");
  EXPECT_EQ(ReadText("c__builtin__\nset\nK\1\x85R."s), "set(1)");
  EXPECT_EQ(ReadText("c_codecs\nencode\nX\3\0\0\0\xe2\x82\xacX\6\0\0\0latin1"
                     "\x86R."s),
            "_codecs.encode('\u20ac', 'latin1')");
  EXPECT_EQ(ReadText("c__builtin__\ngetattr\nK\1K\2\x86R."s), "getattr(1, 2)");
}

// --- damage ------------------------------------------------------------------

TEST(PickleMachineTest, EveryBeginningOfAPickleIsAnError) {
  const std::string whole =
      "\x80\2ccollections\nOrderedDict\nq\0)Rq\1(X\1\0\0\0wq\2K\1X\1\0\0\0bq\3"
      "(J\1\0\0\0\x8a\2\1\1G\0\0\0\0\0\0\0\0tq\4u}X\1\0\0\0vK\1sb."s;
  ValueGraph whole_graph;
  HOIST_ASSERT_OK(Read(whole, whole_graph).status());
  for (size_t size = 0; size < whole.size(); ++size) {
    ValueGraph graph;
    EXPECT_THAT(Read(absl::string_view(whole).substr(0, size), graph).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

TEST(PickleMachineTest, SaysOpcodeAndOffset) {
  EXPECT_EQ(
      ReadText("K\1a."s),
      "Opcode APPEND at offset 2 of the pickle: the stack has too few values");
  EXPECT_EQ(ReadText("N\xff."s),
            "The pickle has no opcode at offset 1, but byte 0xff");
}

TEST(PickleMachineTest, StackUnderflowIsAnErrorEverywhere) {
  for (const std::string& pickle :
       {"."s, "0."s, "1."s, "2."s, "a."s, "e."s, "t."s, "\x85."s, "K\1\x86."s,
        "s."s, "K\1s."s, "}K\1s."s, "u."s, "l."s, "d."s, "\x90."s, "\x91."s,
        "q\1."s, "p1\n."s, "\x94."s, "\x93."s, "R."s, ")R."s, "\x92."s, "b."s,
        "Nb."s, "K\1b."s, "o."s, "(o."s, "Q."s, "imy\nThing\n."s, "(K\1."s,
        // Values below a mark are out of reach.
        "K\1(0K\1(a."s, "](K\1)(\x86."s, "K\1(2."s, "K\1(\x94."s}) {
    ValueGraph graph;
    EXPECT_THAT(Read(pickle, graph).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << pickle;
  }
}

TEST(PickleMachineTest, WrongKindsAreErrors) {
  for (const std::string& pickle :
       {"K\1K\2a."s, "]K\1K\2s."s, "}K\1a."s, "(K\1d."s, "}(K\1u."s,
        "cmy\nThing\nK\1R."s, "K\1K\2\x93."s, "h\1."s, "g7\n."s, "gx\n."s,
        "px\n."s, "Ix\n."s, "Fx\n."s, "S'a\n."s, "NK\1b."s}) {
    ValueGraph graph;
    EXPECT_THAT(Read(pickle, graph).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << pickle;
  }
}

TEST(PickleMachineTest, RefusesWhatReachesOutsideOfTheFile) {
  for (const std::string& pickle :
       {"\x82\1."s, "\x83\1\1."s, "\x84\1\1\1\1."s, "\x97."s, "N\x98."s}) {
    ValueGraph graph;
    EXPECT_THAT(Read(pickle, graph).status(),
                StatusIs(absl::StatusCode::kPermissionDenied));
  }
}

TEST(PickleMachineTest, RefusesNewerProtocols) {
  ValueGraph graph;
  EXPECT_THAT(Read("\x80\6N."s, graph).status(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("6")));
}

}  // namespace
}  // namespace hoist
