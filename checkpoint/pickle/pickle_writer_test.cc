#include "hoist/checkpoint/pickle/pickle_writer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using namespace std::string_literals;  // NOLINT: zeros in literals
using namespace pickle_builder;        // NOLINT: a vocabulary for tests
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;

// A catalog of what a pickle says, with one storage of 24 bytes for each key.
struct Source {
  Catalog catalog;
  std::vector<std::optional<PickledStorageName>> names;

  explicit Source(const std::string& value) { Read(Pickle(value)); }

  void Read(const std::string& pickle) {
    TorchVocabulary vocabulary(
        [this](ValueGraph&,
               Value id) -> absl::StatusOr<TorchVocabulary::Persistent> {
          const auto dtype = StorageClassDType(id[1].AsString());
          const auto index = static_cast<size_t>(id[2].AsString()[0] - '0');
          while (names.size() <= index) {
            names.push_back(PickledStorageName{
                .key = std::to_string(names.size()), .size_bytes = 24});
            catalog.storages.push_back({.size_bytes = 24});
          }
          const bool is_untyped =
              id[1].AsString() == "torch.storage.UntypedStorage";
          names[index]->dtype = is_untyped ? std::nullopt : dtype;
          names[index]->location = std::string(id[3].AsString());
          return PickledStorage{.index = static_cast<int>(index),
                                .dtype = *dtype,
                                .location = names[index]->location};
        });
    auto graph = std::make_shared<ValueGraph>();
    const auto read = ReadPickle(
        {reinterpret_cast<const uint8_t*>(pickle.data()), pickle.size()},
        vocabulary, *graph);
    EXPECT_TRUE(read.ok()) << read.status();
    catalog.root_id = read->root;
    auto tensors = NameTensors(*graph, read->root, vocabulary.tensors());
    EXPECT_TRUE(tensors.ok()) << tensors.status();
    catalog.tensors = *std::move(tensors);
    catalog.values = std::move(graph);
  }

  absl::StatusOr<WrittenPickle> Write() const {
    return WritePickle(
        {.catalog = catalog,
         .storages = names,
         .read_array = [](const TensorEntry&) -> std::vector<uint8_t> {
           return {1, 2, 3, 4};
         }});
  }
};

// The opcodes between PROTO and STOP.
std::string Written(const std::string& value) {
  const auto written = Source(value).Write();
  EXPECT_TRUE(written.ok()) << written.status();
  if (!written.ok()) {
    return "";
  }
  EXPECT_EQ(written->bytes.substr(0, 2), "\x80\2");
  return written->bytes.substr(2, written->bytes.size() - 3);
}

std::vector<std::string> Refused(const std::string& value) {
  const auto written = Source(value).Write();
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? written->refused : std::vector<std::string>();
}

TEST(PickleWriterTest, PlainValues) {
  EXPECT_EQ(Written("N"), "N");
  EXPECT_EQ(Written(Bool(true)), "\x88");
  EXPECT_EQ(Written(Int(-2)), "J\xfe\xff\xff\xff");
  EXPECT_EQ(Written("G\x3f\xf8\0\0\0\0\0\0"s), "G\x3f\xf8\0\0\0\0\0\0"s);
  EXPECT_EQ(Written(Text("a")), Text("a"));
  EXPECT_EQ(Written("\x8a\x9\1\0\0\0\0\0\0\0\1"s),
            "\x8a\x9\1\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(Written(Call(Class("builtins", "complex"),
                         {"G\x3f\xf0\0\0\0\0\0\0"s, Int(2)})),
            "c__builtin__\ncomplex\nq\0G\x3f\xf0\0\0\0\0\0\0"s
            "G\x40\0\0\0\0\0\0\0\x86R"s);
}

// Also none: weights_only knows no bytes().
TEST(PickleWriterTest, BytesAreTextThatIsEncoded) {
  EXPECT_EQ(Written(Bytes("a\xff")),
            "c_codecs\nencode\nq\0X\3\0\0\0a\xc3\xbfX\6\0\0\0latin1q\1\x86R"s);
  EXPECT_EQ(Written(Bytes("")),
            "c_codecs\nencode\nq\0X\0\0\0\0X\6\0\0\0latin1q\1\x86R"s);
  EXPECT_THAT(Refused(Bytes("")), IsEmpty());
  EXPECT_THAT(Written(Call(Class("builtins", "bytearray"), {Bytes("a")})),
              HasSubstr("c__builtin__\nbytearray\n"));
}

TEST(PickleWriterTest, Collections) {
  EXPECT_EQ(Written("]"), "]q\0"s);
  EXPECT_EQ(Written(List({Int(1)})), "]q\0K\1a"s);
  EXPECT_EQ(Written(List({Int(1), Int(2)})), "]q\0(K\1K\2e"s);
  EXPECT_EQ(Written(")"), ")");
  EXPECT_EQ(Written(Tuple({Int(1), Int(2), Int(3)})), "K\1K\2K\3\x87");
  EXPECT_EQ(Written(Tuple({Int(1), Int(2), Int(3), Int(4)})), "(K\1K\2K\3K\4t");
  EXPECT_EQ(Written(Dict({Text("a"), Int(1)})), "}q\0X\1\0\0\0aK\1s"s);
  EXPECT_EQ(Written(Dict({Text("a"), Int(1), Int(3), "N"})),
            "}q\0(X\1\0\0\0aK\1K\3Nu"s);
  EXPECT_EQ(Written(Call(Class("builtins", "set"), {List({Int(1)})})),
            "c__builtin__\nset\nq\0]K\1a\x85R"s);
  EXPECT_EQ(Written(Call(Class("torch", "Size"), {Ints({2, 3})})),
            "ctorch\nSize\nq\0K\2K\3\x86\x85R"s);
}

TEST(PickleWriterTest, LongCollectionsAreAddedInParts) {
  std::string items;
  for (int i = 0; i < 2001; ++i) {
    items += "N";
  }
  EXPECT_EQ(Written("](" + items + "e"), "]q\0("s + std::string(1000, 'N') +
                                             "e(" + std::string(1000, 'N') +
                                             "eNa");
  EXPECT_EQ(
      Written("](" + items.substr(1) + "e"),
      "]q\0("s + std::string(1000, 'N') + "e(" + std::string(1000, 'N') + "e");
}

TEST(PickleWriterTest, OrderedDictsKeepTheirState) {
  EXPECT_EQ(Written(OrderedDict({Text("a"), Int(1)}) +
                    Dict({Text("_metadata"), "N"}) + "b"),
            "ccollections\nOrderedDict\nq\0)Rq\1X\1\0\0\0aK\1s"s
            "}q\2X\x9\0\0\0_metadataNsb"s);
}

TEST(PickleWriterTest, DefaultDictsAndDeques) {
  EXPECT_EQ(Written(Call(Class("collections", "defaultdict"),
                         {Class("builtins", "list")}) +
                    Int(1) + Int(2) + "s"),
            "ccollections\ndefaultdict\nq\0c__builtin__\nlist\nq\1\x85Rq\2"s
            "K\1K\2s"s);
  EXPECT_EQ(Written(Call(Class("collections", "deque"), {List({}), Int(5)}) +
                    Int(1) + "a"),
            "ccollections\ndeque\nq\0)K\5\x86Rq\1K\1a"s);
}

TEST(PickleWriterTest, WhatIsSharedIsWrittenOnce) {
  // [x, x] of a tuple and of a text.
  EXPECT_EQ(Written("](" + Ints({7}) + "q\1h\1e"), "]q\0(K\7\x85q\1h\1e"s);
  EXPECT_EQ(Written("](" + Text("a") + "q\1h\1e"), "]q\0(X\1\0\0\0aq\1h\1e"s);
  // Equal ones that are not the same stay two.
  EXPECT_EQ(Written(List({Ints({7}), Ints({7})})),
            "]q\0(K\7\x85K\7\x85"s
            "e");
}

TEST(PickleWriterTest, WhatContainsItself) {
  EXPECT_EQ(Written("]q\1h\1a"), "]q\0h\0a"s);
  // A tuple by way of its list, as Python writes it: made inside of itself, and
  // then taken from there.
  const std::string tuple = "]q\1h\1\x85q\2a0h\2";
  EXPECT_EQ(Written(tuple),
            "]q\0h\0\x85q\1a\x85"s
            "0h\1"s);
  EXPECT_THAT(Refused(tuple), ElementsAre("a tuple that contains itself"));
  Source source(tuple);
  HOIST_ASSERT_OK_AND_ASSIGN(const WrittenPickle written, source.Write());
  Source again("N");
  again.Read(written.bytes);
  const Value root = again.catalog.root();
  EXPECT_EQ(root[0][0].id(), root.id());
}

TEST(PickleWriterTest, ATupleOfItselfIsRefused) {
  Source source("N");
  auto graph = std::make_shared<ValueGraph>();
  const ValueId inner = graph->AddItems(ValueKind::kTuple, {});
  const ValueId outer = graph->AddItems(ValueKind::kTuple, {inner});
  graph->node(inner).data = ValueGraph::Items{outer};
  source.catalog.root_id = outer;
  source.catalog.values = std::move(graph);
  EXPECT_THAT(source.Write().status(), StatusIs(kInvalidArgument));
}

TEST(PickleWriterTest, DeepValuesTakeNoStack) {
  std::string value = "N";
  for (int i = 0; i < 200'000; ++i) {
    value += "\x85";
  }
  EXPECT_EQ(Written(value), value);
}

TEST(PickleWriterTest, ObjectsAreMadeAsTheyWere) {
  const std::string state = Dict({Text("a"), Int(1)});
  EXPECT_EQ(Written(Object(Class("argparse", "Namespace"), state)),
            "cargparse\nNamespace\nq\0)\x81q\1}q\2X\1\0\0\0aK\1sb"s);
  EXPECT_EQ(Written(Call(Class("my", "make"), {Int(1)})),
            "cmy\nmake\nq\0K\1\x85Rq\1"s);
  EXPECT_EQ(Written(Class("my", "Dict") + ")\x81" + Int(1) + Int(2) + "s"),
            "cmy\nDict\nq\0)\x81q\1K\1K\2s"s);
  // What a call has returned, called.
  EXPECT_EQ(Written(Call(Class("my", "make"), {}) + Tuple({Int(1)}) + "R"),
            "cmy\nmake\nq\0)Rq\1K\1\x85Rq\2"s);
}

TEST(PickleWriterTest, NamesOfClasses) {
  EXPECT_EQ(Written(Class("torch", "float32")), "ctorch\nfloat32\nq\0"s);
  EXPECT_EQ(Written(Class("builtins", "int")), "c__builtin__\nint\nq\0"s);
  EXPECT_EQ(Written(Call(Class("builtins", "getattr"),
                         {Class("my.module", "Outer"), Text("Inner")})),
            "c__builtin__\ngetattr\nq\0cmy.module\nOuter\nq\1"s
            "X\5\0\0\0Inner\x86R"s);
  EXPECT_EQ(Written(Call(Class("torch.serialization", "_get_layout"),
                         {Text("torch.strided")})),
            "ctorch.serialization\n_get_layout\nq\0"s
            "X\xd\0\0\0torch.stridedq\1\x85R"s);
}

// Protocol 2, which is written, knows no names with dots.
TEST(PickleWriterTest, NamesWithDotsAreAttributes) {
  EXPECT_EQ(Written(Text("my.module") + Text("Outer.Inner.Deep") + "\x93"),
            "c__builtin__\ngetattr\nq\0h\0cmy.module\nOuter\nq\1"s
            "X\5\0\0\0Inner\x86RX\4\0\0\0Deep\x86R"s);
  EXPECT_EQ(Written(Text("builtins") + Text("str.upper") + "\x93"),
            "c__builtin__\ngetattr\nq\0c__builtin__\nstr\nq\1"s
            "X\5\0\0\0upper\x86R"s);
  EXPECT_EQ(
      Written(Text("torch._utils") + Text("torch.channels_last") + "\x93"),
      "ctorch\nchannels_last\nq\0"s);
}

// Where nothing else is left of the class around it.
TEST(PickleWriterTest, NestedClassesKeepTheirModule) {
  Source source(Call(Class("builtins", "getattr"),
                     {Class("my.module", "Outer"), Text("Inner")}));
  EXPECT_THAT(source.catalog.values->class_names(),
              Contains(std::pair<std::string, std::string>("my.module",
                                                           "Outer.Inner")));
}

TEST(PickleWriterTest, KeywordsAreKeywordsAgain) {
  const std::string object = Class("my", "Thing") + Tuple({Int(1)}) +
                             Dict({Text("a"), Int(2)}) + "\x92";
  EXPECT_EQ(Written(object),
            "cmy\nThing\nq\0K\1\x85}q\1X\1\0\0\0aK\2s\x92q\2"s);
  EXPECT_THAT(Refused(object),
              ElementsAre("an object that is made with keywords", "my.Thing"));
}

TEST(PickleWriterTest, WhatIsAddedIsNoArgument) {
  const std::string object = Call(Class("my", "Thing"), {Int(5)});
  EXPECT_EQ(Written(object + "(" + Int(1) + Int(2) + "e"),
            "cmy\nThing\nq\0K\5\x85Rq\1(K\1K\2e"s);
  EXPECT_EQ(Written(object + Int(1) + Int(2) + "s"),
            "cmy\nThing\nq\0K\5\x85Rq\1K\1K\2s"s);
  EXPECT_EQ(Written(object + Int(1) + "a" + Int(2) + Int(3) + "s"),
            "cmy\nThing\nq\0K\5\x85Rq\1K\1aK\2K\3s"s);
}

TEST(PickleWriterTest, NamesWhatWeightsOnlyRefuses) {
  EXPECT_THAT(Refused(List({Class("my", "B"), Class("my", "A"),
                            Class("torch", "int64"), OrderedDict({})})),
              ElementsAre("my.A", "my.B"));
}

// --- tensors ---

TEST(PickleWriterTest, TensorsAreAsTorchWritesThem) {
  const std::string written =
      Written(Tensor(Storage("FloatStorage", "0", 6), 1, {2, 2}, {2, 1}, true));
  EXPECT_EQ(written,
            "ctorch._utils\n_rebuild_tensor_v2\nq\0(("s
            "X\7\0\0\0storageq\1ctorch\nFloatStorage\nq\2X\1\0\0\0"s
            "0X\3\0\0\0cpuq\3K\6tQK\1K\2K\2\x86K\2K\1\x86\x88"s
            "ccollections\nOrderedDict\nq\4)RtR"s);
}

TEST(PickleWriterTest, OffsetsAreFromWhatIsWritten) {
  Source source(Tensor(Storage("FloatStorage", "0", 6), 3, {2}, {1}));
  source.names[0]->skipped_bytes = 8;
  source.names[0]->size_bytes = 12;
  HOIST_ASSERT_OK_AND_ASSIGN(const WrittenPickle written, source.Write());
  EXPECT_THAT(written.bytes, HasSubstr("K\3tQK\1K\2\x85K\1\x85"));
}

TEST(PickleWriterTest, TheSameTensorIsOneObject) {
  const std::string written = Written(
      "](" + Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1}) + "q\1h\1e");
  EXPECT_EQ(written.substr(written.size() - 5), "q\6h\6e"s);
}

TEST(PickleWriterTest, DtypesThatTheStorageDoesNotSay) {
  const std::string v3 =
      Call(Class("torch._utils", "_rebuild_tensor_v3"),
           {Tuple({Text("storage"), Class("torch.storage", "UntypedStorage"),
                   Text("0"), Text("cpu"), Int(24)}) +
                "Q",
            Int(0), Ints({12}), Ints({1}), Bool(false), OrderedDict({}),
            Class("torch", "uint16")});
  const std::string written = Written(v3);
  EXPECT_THAT(written, HasSubstr("_rebuild_tensor_v3"));
  EXPECT_THAT(written, HasSubstr("ctorch.storage\nUntypedStorage\n"));
  EXPECT_THAT(written, HasSubstr("cpuq\3K\x18tQ"));
  EXPECT_THAT(written, HasSubstr(")Rctorch\nuint16\n"));
  EXPECT_THAT(Refused(v3), IsEmpty());
}

// PyTorch's _rebuild_tensor_v3 fails where it is to require them.
TEST(PickleWriterTest, GradientsOfDtypesThatTheStorageDoesNotSay) {
  const auto v3 = [](bool requires_grad) {
    return Call(
        Class("torch._utils", "_rebuild_tensor_v3"),
        {Tuple({Text("storage"), Class("torch.storage", "UntypedStorage"),
                Text("0"), Text("cpu"), Int(24)}) +
             "Q",
         Int(0), Ints({24}), Ints({1}), Bool(requires_grad), OrderedDict({}),
         Class("torch", "float8_e5m2")});
  };
  const std::string written = Written(v3(true));
  EXPECT_THAT(written,
              StartsWith("ctorch._utils\n_rebuild_device_tensor_from_cpu_tensor"
                         "\nq\0(ctorch._utils\n_rebuild_tensor_v3\n"s));
  EXPECT_THAT(written, HasSubstr("\x89"));  // of the inner call
  EXPECT_THAT(written.substr(written.size() - 6), HasSubstr("\x88tR"));
  EXPECT_THAT(Refused(v3(true)), IsEmpty());
  EXPECT_THAT(Written(v3(false)), Not(HasSubstr("_from_cpu_tensor")));
}

TEST(PickleWriterTest, LazyBitsAreKept) {
  const std::string metadata =
      Dict({Text("conj"), Bool(true), Text("neg"), Bool(true)});
  const std::string written =
      Written(Call(Class("torch._utils", "_rebuild_tensor_v2"),
                   {Storage("ComplexFloatStorage", "0", 3), Int(0), Ints({3}),
                    Ints({1}), Bool(false), OrderedDict({}), metadata}));
  EXPECT_THAT(written, HasSubstr(")R}X\4\0\0\0conjq\5\x88sX\3\0\0\0negq\6"s
                                 "\x88stR"s));
}

TEST(PickleWriterTest, ParametersAreOfTensors) {
  const std::string tensor =
      Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1});
  std::string written = Written(Parameter(tensor));
  EXPECT_THAT(written, HasSubstr("_rebuild_parameter\nq\0ctorch._utils\n"
                                 "_rebuild_tensor_v2\n"s));
  EXPECT_EQ(written.substr(written.size() - 7), "\x88h\5)R\x87R"s);
  written = Written(Call(
      Class("torch._utils", "_rebuild_parameter_with_state"),
      {tensor, Bool(true), OrderedDict({}), Dict({Text("note"), Int(1)})}));
  EXPECT_THAT(written, HasSubstr("_rebuild_parameter_with_state"));
  EXPECT_THAT(written, HasSubstr("noteK\1s"));
}

TEST(PickleWriterTest, SubclassesAndAttributes) {
  const std::string arguments =
      Tuple({Storage("FloatStorage", "0", 6), Int(0), Ints({6}), Ints({1}),
             Bool(false), OrderedDict({})});
  const auto from_type = [&arguments](const std::string& type,
                                      const std::string& state) {
    return Call(
        Class("torch._tensor", "_rebuild_from_type_v2"),
        {Class("torch._utils", "_rebuild_tensor_v2"), type, arguments, state});
  };
  EXPECT_THAT(Written(from_type(Class("my", "Tagged"), "N")),
              HasSubstr("_rebuild_tensor_v2\nq\1cmy\nTagged\n"s));
  EXPECT_THAT(Refused(from_type(Class("my", "Tagged"), "N")),
              ElementsAre("my.Tagged"));
  const std::string attributes =
      from_type(Class("torch", "Tensor"), Dict({Text("note"), Int(1)}));
  EXPECT_THAT(Written(attributes), HasSubstr("ctorch\nTensor\n"));
  EXPECT_THAT(Refused(attributes), IsEmpty());
}

std::string Quantized(const std::string& quantizer) {
  return Call(Class("torch._utils", "_rebuild_qtensor"),
              {Storage("QInt8Storage", "0", 24), Int(0), Ints({24}), Ints({1}),
               quantizer, Bool(false), OrderedDict({})});
}

TEST(PickleWriterTest, QuantizersAreKept) {
  const std::string scale = "G\x3f\xd0\0\0\0\0\0\0"s;
  EXPECT_THAT(Written(Quantized(
                  Tuple({Class("torch", "per_tensor_affine"), scale, Int(3)}))),
              HasSubstr("ctorch\nper_tensor_affine\nq\4" + scale + "K\3\x87"));
  EXPECT_THAT(
      Written(Quantized(Tuple({Class("torch", "per_channel_affine"),
                               List({scale}), List({Int(1)}), Int(0)}))),
      HasSubstr("(ctorch\nper_channel_affine\n"));
  EXPECT_THAT(
      Source(Quantized(Int(1))).Write().status(),
      StatusIs(kInvalidArgument, HasSubstr("the file does not say how")));
}

TEST(PickleWriterTest, TensorsOfSeveral) {
  const std::string part = Tensor(Storage("LongStorage", "0", 3), 0, {1}, {1});
  const std::string sparse =
      Call(Class("torch._utils", "_rebuild_sparse_tensor"),
           {Call(Class("torch.serialization", "_get_layout"),
                 {Text("torch.sparse_coo")}),
            Tuple({part, part, Call(Class("torch", "Size"), {Ints({4})}),
                   Bool(true)})});
  const std::string written = Written(sparse);
  EXPECT_THAT(written, HasSubstr("_rebuild_sparse_tensor"));
  EXPECT_THAT(written, HasSubstr("torch.sparse_cooq\2\x85R("s));
  EXPECT_THAT(written, HasSubstr("K\4\x85\x85R\x88t\x86R"));
  EXPECT_THAT(Refused(sparse), IsEmpty());
  const std::string nested =
      Call(Class("torch._utils", "_rebuild_nested_tensor"),
           {part, part, part, part});
  EXPECT_THAT(Written(nested), HasSubstr("_rebuild_nested_tensor"));
  const std::string wrapper = Call(
      Class("torch._tensor", "_rebuild_from_type_v2"),
      {Class("torch._utils", "_rebuild_wrapper_subclass"), Class("my", "W"),
       Tuple({Class("my", "W"), Class("torch", "float32"), Ints({2}), Ints({1}),
              Int(0),
              Call(Class("torch.serialization", "_get_layout"),
                   {Text("torch.strided")}),
              Call(Class("torch", "device"), {Text("cpu")}), Bool(false)}),
       Dict({Text("inner"), part})});
  EXPECT_THAT(Written(wrapper), HasSubstr("_rebuild_wrapper_subclass\nq\1"s
                                          "cmy\nW\nq\2(h\2ctorch\nfloat32"s));
}

TEST(PickleWriterTest, TensorsWithoutStorages) {
  const std::string meta =
      Call(Class("torch._utils", "_rebuild_meta_tensor_no_storage"),
           {Class("torch", "float32"), Ints({2}), Ints({1}), Bool(false)});
  EXPECT_EQ(Written(meta),
            "ctorch._utils\n_rebuild_meta_tensor_no_storage\nq\0("s
            "ctorch\nfloat32\nq\1K\2\x85K\1\x85\x89tR"s);
  const std::string device =
      Call(Class("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"),
           {Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1}),
            Class("torch", "float32"), Text("xla:0"), Bool(true)});
  EXPECT_THAT(Written(device),
              HasSubstr("_rebuild_device_tensor_from_cpu_tensor"));
  EXPECT_THAT(Written(device), HasSubstr("X\5\0\0\0xla:0"s));
}

TEST(PickleWriterTest, StoragesByThemselves) {
  EXPECT_EQ(Written(Storage("FloatStorage", "0", 6)),
            "(X\7\0\0\0storageq\0ctorch\nFloatStorage\nq\1X\1\0\0\0"s
            "0X\3\0\0\0cpuq\2K\6tQ"s);
}

TEST(PickleWriterTest, DtypesThatPyTorchHasNot) {
  Source source(Tensor(Storage("ByteStorage", "0", 24), 0, {24}, {1}));
  source.catalog.tensors[0].spec.dtype = DType::kFloat6E2m3;
  source.catalog.tensors[0].name = "six";
  EXPECT_THAT(source.Write().status(),
              StatusIs(kInvalidArgument, HasSubstr("Tensor six")));
}

TEST(PickleWriterTest, TensorsInPlacesWithoutNamesAreNone) {
  // The key of a dict.
  Source source(
      Dict({Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1}), Int(1)}));
  HOIST_ASSERT_OK_AND_ASSIGN(const WrittenPickle written, source.Write());
  EXPECT_EQ(written.lost_tensors, 1);
  EXPECT_EQ(written.bytes, "\x80\2}q\0NK\1s."s);
}

}  // namespace
}  // namespace hoist
