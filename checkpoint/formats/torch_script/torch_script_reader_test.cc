#include "hoist/checkpoint/formats/torch_script/torch_script_reader.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/torch_script/jit_vocabulary.h"
#include "hoist/checkpoint/formats/torch_script/script_classes.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/hash/sha256.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

absl::StatusOr<Catalog> ReadBytes(absl::string_view content) {
  auto file = OpenFile(WriteTempFile("model.pt", content));
  HOIST_EXPECT_OK(file.status());
  return ReadTorchScript(**file);
}

// A tensor of two floats, with a storage of its own.
std::string Floats(const std::string& key, bool requires_grad = false,
                   const std::string& location = "cpu") {
  return Tensor(Storage("FloatStorage", key, 2, location), 0, {2}, {1},
                requires_grad);
}

std::string Marked(const std::string& function,
                   const std::vector<std::string>& arguments) {
  return Call(Class("torch.jit._pickle", function), arguments);
}

constexpr char kCode[] =
    "class Net(Module):\n"
    "  __parameters__ = [\"w\", \"v\", ]\n"
    "  __buffers__ = [\"b\", ]\n"
    "  w : Tensor\n"
    "  def forward(self: __torch__.Net) -> Tensor:\n"
    "    return self.w\n"
    "class Data:\n"
    "  t : Tensor\n";

// An archive, which tests change.
struct TestFile {
  std::string prefix = "model/";
  std::string module = Object(Class("__torch__", "Net"),
                              Dict({Text("b"), Floats("0"), Text("w"),
                                    Floats("1"), Text("x"), Floats("2")}));
  std::string constants = Tuple({});
  std::vector<std::pair<std::string, std::string>> records = {
      {"code/__torch__.py", kCode}, {"version", "3\n"}};
  ZipBuilder::MemberOptions code_options;
  int storages = 4;
  std::string storage_bytes = "12345678";

  std::string Bytes() const {
    ZipBuilder zip;
    for (int i = 0; i < storages; ++i) {
      zip.Add(prefix + "data/" + std::to_string(i), storage_bytes);
    }
    zip.Add(prefix + "data.pkl", Pickle(module));
    zip.Add(prefix + "constants/0", "abcdefgh");
    zip.Add(prefix + "constants.pkl", Pickle(constants));
    for (const auto& [name, content] : records) {
      zip.Add(prefix + name, content,
              name.front() == 'c' ? code_options : ZipBuilder::MemberOptions());
    }
    return zip.Finish();
  }
  absl::StatusOr<Catalog> Read() const { return ReadBytes(Bytes()); }
};

std::vector<std::string> Names(const Catalog& catalog) {
  std::vector<std::string> names;
  for (const TensorEntry& tensor : catalog.tensors) {
    names.push_back((tensor.is_parameter    ? "parameter "
                     : tensor.is_persistent ? "buffer "
                                            : "other ") +
                    tensor.name);
  }
  return names;
}

TEST(TorchScriptReaderTest, ParametersAndBuffersAreThoseOfTheClass) {
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, TestFile().Read());
  EXPECT_EQ(catalog.format, Format::kTorchScript);
  EXPECT_EQ(catalog.format_version, "3");
  EXPECT_EQ(catalog.producer, "PyTorch before 2.1");
  EXPECT_THAT(catalog.metadata,
              ElementsAre(Pair("code", "ignored: Hoist never runs it")));
  EXPECT_THAT(catalog.warnings, IsEmpty());
  EXPECT_THAT(Names(catalog),
              ElementsAre("parameter w", "buffer b", "other x"));
  EXPECT_EQ(catalog.root().ClassName(), "__torch__.Net");
  EXPECT_EQ(catalog.root().state().Find("b")->AsIndex(), 1);
  EXPECT_EQ(catalog.root().state().Find("w")->AsIndex(), 0);
  EXPECT_EQ(catalog.root().state().Find("x")->AsIndex(), 2);
  EXPECT_EQ(catalog.storages[*catalog.tensors[0].storage].name, "data/1");
}

TEST(TorchScriptReaderTest, WithoutCodeWhatRequiresGradIsAParameter) {
  TestFile file;
  file.records = {{"version", "3\n"}};
  file.module = Object(Class("__torch__", "Net"),
                       Dict({Text("b"), Floats("0"), Text("training"),
                             Bool(true), Text("w"), Floats("1", true)}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog), ElementsAre("parameter w", "buffer b"));
  EXPECT_THAT(catalog.metadata, IsEmpty());
}

TEST(TorchScriptReaderTest, DamagedCodeIsAWarning) {
  TestFile file;
  file.code_options.crc32 = 1;
  file.module = Object(
      Class("__torch__", "Net"),
      Dict({Text("training"), Bool(true), Text("w"), Floats("1", true)}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog), ElementsAre("parameter w"));
  EXPECT_THAT(catalog.warnings, ElementsAre(HasSubstr("code/__torch__.py")));
}

TEST(TorchScriptReaderTest, SubmodulesComeAfterTheirParentsTensors) {
  const std::string submodule =
      Object(Class("__torch__", "Net"), Dict({Text("w"), Floats("0")}));
  TestFile file;
  // The second one is the first.
  file.module = Object(
      Class("__torch__", "Net"),
      Dict({Text("one"), submodule + "q\x01", Text("two"), "h\x01", Text("w"),
            Floats("1"), Text("data"),
            Object(Class("__torch__", "Data"), Dict({Text("t"), Floats("2")})),
            Text("list"),
            Marked("build_tensorlist", {List({Floats("3"), Floats("3")})})}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog),
              ElementsAre("parameter w", "parameter one.w", "parameter two.w",
                          "other data.t", "other list.0", "other list.1"));
  EXPECT_EQ(catalog.tensors[1].storage, catalog.tensors[2].storage);
}

TEST(TorchScriptReaderTest, AModuleThatContainsItselfEnds) {
  TestFile file;
  file.module = Class("__torch__", "Net") + ")\x81q\x01" +
                Dict({Text("self"), "h\x01", Text("w"), Floats("1")}) + "b";
  EXPECT_THAT(Names(*file.Read()), ElementsAre("parameter w"));
}

TEST(TorchScriptReaderTest, AStateForSetstateIsNamedByItsPlaces) {
  TestFile file;
  file.records[0].second =
      "class Net(Module):\n"
      "  __parameters__ = [\"w\", ]\n"
      "  __buffers__ = []\n"
      "  def __setstate__(self: __torch__.Net,\n"
      "    state: Tuple[Tensor, bool]) -> NoneType:\n";
  file.module =
      Object(Class("__torch__", "Net"), Tuple({Floats("0", true), Bool(true)}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog), ElementsAre("other 0"));
  EXPECT_THAT(catalog.warnings, ElementsAre(HasSubstr("__setstate__")));
}

TEST(TorchScriptReaderTest, ConstantsComeLast) {
  TestFile file;
  file.constants = Tuple({Text("text"), Floats("0")});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog), ElementsAre("parameter w", "buffer b", "other x",
                                          "other CONSTANTS.c1"));
  // Another record than that of the module's key.
  EXPECT_EQ(catalog.storages[*catalog.tensors[3].storage].name, "constants/0");
  EXPECT_EQ(catalog.storages[*catalog.tensors[1].storage].name, "data/0");
}

TEST(TorchScriptReaderTest, MarksOfTypesAddNothing) {
  TestFile file;
  const auto marked_dict = Marked(
      "restore_type_tag", {Dict({Text("k"), Int(1)}), Text("Dict[str, int]")});
  file.module = Object(
      Class("__torch__", "Net"),
      Dict({Text("dict"), marked_dict, Text("ints"),
            Marked("build_intlist", {List({Int(1), Int(2)})}), Text("doubles"),
            Marked("build_doublelist", {List({Int(1), Int(2)})}), Text("bools"),
            Marked("build_boollist", {List({Bool(true), Bool(false)})})}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  const Value state = catalog.root().state();
  EXPECT_EQ(state.Find("dict")->Find("k")->AsInt(), 1);
  for (const char* const key : {"ints", "doubles", "bools"}) {
    EXPECT_EQ(state.Find(key)->kind(), ValueKind::kList) << key;
    EXPECT_EQ(state.Find(key)->size(), 2u) << key;
  }
  file.module = Marked("build_tensor_from_id", {Int(1)});
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("table")));
}

TEST(TorchScriptReaderTest, SparseTensorsAreKeptByTheirParts) {
  TestFile file;
  file.module = Object(
      Class("__torch__", "Net"),
      Dict({Text("b"), Call(Class("torch._utils", "_rebuild_sparse_tensor"),
                            {Int(1), Ints({2}), Bool(false), Floats("0"),
                             Floats("1"), OrderedDict({})})}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog),
              ElementsAre("buffer b.indices", "buffer b.values"));
}

TEST(TorchScriptReaderTest, ALongKeyInManyPlacesIsBounded) {
  TestFile file;
  // The dict goes into the memo, and 256 times into a list.
  std::vector<std::string> places(255, "h\5");
  places.insert(places.begin(),
                Dict({Text(std::string(1 << 20, 'k')), Int(1)}) + "q\5");
  file.module =
      Object(Class("__torch__", "Net"), Dict({Text("l"), List(places)}));
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("names of the tensors")));
}

TEST(TorchScriptReaderTest, MetaTensorsHaveNoData) {
  TestFile file;
  file.storage_bytes = "";
  file.module = Object(Class("__torch__", "Net"),
                       Dict({Text("w"), Floats("0", false, "meta")}));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_FALSE(catalog.tensors[0].storage.has_value());
  EXPECT_THAT(catalog.tensors[0].spec.shape, ElementsAre(2));
  // No other may be empty.
  file.module =
      Object(Class("__torch__", "Net"), Dict({Text("w"), Floats("0")}));
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has 0 bytes")));
}

TEST(TorchScriptReaderTest, SaysWhatElseIsThere) {
  TestFile file;
  file.records = {{"extra/note.txt", "hello"},
                  {"bytecode.pkl", "x"},
                  {".data/version", "7"},
                  {"byteorder", "little"},
                  {".data/serialization_id", "1234"}};
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format_version, "7");
  EXPECT_EQ(catalog.producer, "PyTorch 2.1 or later");
  EXPECT_THAT(catalog.metadata, ElementsAre(Pair("byteorder", "little"),
                                            Pair("serialization_id", "1234"),
                                            Pair("extra/note.txt", "5 bytes"),
                                            Pair("bytecode.pkl", "ignored")));
}

TEST(TorchScriptReaderTest, BigEndianStoragesAreSwapped) {
  TestFile file;
  file.records.push_back({"byteorder", "big"});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.storages[0].swap_bytes, 4);
}

TEST(TorchScriptReaderTest, OtherAndDamagedArchivesAreNamed) {
  ZipBuilder torch_save;
  torch_save.Add("m/data.pkl", Pickle("N"));
  EXPECT_THAT(ReadBytes(torch_save.Finish()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no TorchScript archive")));
  ZipBuilder old;
  old.Add("m/model.json", "{}");
  const absl::Status status = ReadBytes(old.Finish()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented,
                               HasSubstr("1.0 to 1.2")));
  EXPECT_NE(HintOf(status), "");
  TestFile file;
  file.constants = "K";
  EXPECT_THAT(file.Read().status(), StatusIs(absl::StatusCode::kDataLoss,
                                             HasSubstr("constants.pkl: ")));
  file.storages = 2;
  EXPECT_THAT(file.Read().status(), StatusIs(absl::StatusCode::kDataLoss,
                                             HasSubstr("no record data/2")));
}

TEST(TorchScriptReaderTest, EveryTruncationIsAnError) {
  const std::string whole = TestFile().Bytes();
  HOIST_ASSERT_OK(ReadBytes(whole).status());
  for (size_t size = 0; size < whole.size(); size += 13) {
    EXPECT_THAT(ReadBytes(absl::string_view(whole).substr(0, size)).status(),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

TEST(ScriptClassesTest, ReadsDeclarationsAlone) {
  const auto classes = ParseScriptClasses(
      "op_version_set = 1\n"
      "class A(Module):\n"
      "  __parameters__ = [\"w\", \"a \\\"b\\\"\", ]\n"
      "  __buffers__ = []\n"
      "\n"
      "  def f(self: __torch__.A) -> NoneType:\n"
      "    __buffers__ = [\"not this\"]\n"
      "def g() -> NoneType:\n"
      "  __buffers__ = [\"nor this\"]\n"
      "class B(NamedTuple):\n"
      "  x : Tensor\n"
      "class C(Module):\n"
      "  __parameters__ = [\"cut off\n"
      "  __buffers__ = [\"\\");
  ASSERT_EQ(classes.size(), 3u);
  EXPECT_TRUE(classes.at("A").is_module);
  EXPECT_FALSE(classes.at("A").has_setstate);
  EXPECT_THAT(classes.at("A").parameters, UnorderedElementsAre("w", "a \"b\""));
  EXPECT_THAT(classes.at("A").buffers, IsEmpty());
  EXPECT_FALSE(classes.at("B").is_module);
  EXPECT_THAT(classes.at("C").parameters, IsEmpty());
}

TEST(JitVocabularyTest, KnowsTheStorageClassesOfScriptToo) {
  EXPECT_EQ(JitStorageClassDType("torch.FloatStorage"), DType::kFloat32);
  EXPECT_EQ(JitStorageClassDType("torch.Float8_e4m3fnStorage"),
            DType::kFloat8E4m3fn);
  EXPECT_EQ(JitStorageClassDType("torch.UInt16Storage"), DType::kUint16);
  EXPECT_EQ(JitStorageClassDType("torch.NewStorage"), std::nullopt);
}

std::string HashOf(const RandomAccessFile& file, const Catalog& catalog,
                   const TensorEntry& tensor) {
  const StorageEntry& storage = catalog.storages[*tensor.storage];
  std::vector<uint8_t> bytes(LogicalBytes(tensor.spec).value());
  HOIST_EXPECT_OK(file.ReadAt(storage.offset_bytes, absl::MakeSpan(bytes)));
  Sha256 hash;
  hash.Update(bytes);
  return hash.FinishHex();
}

TEST(TorchScriptGoldenTest, SaysWhatTorchSays) {
  const std::string stem = "checkpoint/testdata/torch-2.11/script_module";
  std::ifstream expected_file(stem + ".expected.json");
  ASSERT_TRUE(expected_file.good());
  const auto expected = nlohmann::json::parse(expected_file);
  HOIST_ASSERT_OK_AND_ASSIGN(const auto file, OpenFile(stem + ".pt"));
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, ReadTorchScript(*file));
  EXPECT_EQ(std::string(FormatName(catalog.format)),
            expected["format"].get<std::string>());
  ASSERT_EQ(catalog.tensors.size(), expected["tensors"].size());
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    const TensorEntry& tensor = catalog.tensors[i];
    nlohmann::json found;
    found["name"] = tensor.name;
    found["dtype"] = std::string(DTypeName(tensor.spec.dtype));
    found["shape"] = tensor.spec.shape;
    found["strides"] = tensor.spec.strides;
    found["nbytes"] = LogicalBytes(tensor.spec).value();
    found["storage_offset"] = tensor.storage_offset;
    found["requires_grad"] = tensor.requires_grad;
    found["location"] = tensor.location;
    found["sha256"] = HashOf(*file, catalog, tensor);
    EXPECT_EQ(found, expected["tensors"][i]);
    EXPECT_TRUE(tensor.is_persistent);
    EXPECT_EQ(tensor.is_parameter, tensor.requires_grad);
  }
  EXPECT_THAT(catalog.metadata, Contains(Pair("code", HasSubstr("ignored"))));
}

}  // namespace
}  // namespace hoist
