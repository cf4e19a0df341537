#include "hoist/checkpoint/formats/torch_pt2/torch_pt2_reader.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

absl::StatusOr<Catalog> ReadBytes(absl::string_view content) {
  auto file = OpenFile(WriteTempFile("model.pt2", content));
  HOIST_EXPECT_OK(file.status());
  return ReadTorchPt2(**file);
}

// A config's entry for two floats.
std::string Floats(const std::string& name, const std::string& record,
                   int offset = 0, bool is_parameter = false) {
  return absl::StrCat(
      "\"", name, "\": {\"path_name\": \"", record,
      "\", \"is_param\": ", is_parameter ? "true" : "false",
      R"(, "use_pickle": false, "tensor_meta": {"dtype": 7, )"
      R"("sizes": [{"as_int": 2}], "requires_grad": true, )"
      R"("device": {"type": "cpu", "index": null}, )"
      R"("strides": [{"as_int": 1}], "storage_offset": {"as_int": )",
      offset, R"(}, "layout": 7}})");
}

std::string Config(const std::vector<std::string>& entries) {
  return absl::StrCat("{\"config\": {", absl::StrJoin(entries, ", "), "}}");
}

constexpr char kModel[] =
    R"({"graph_module": {}, "schema_version": {"major": 8, "minor": 17},)"
    R"( "torch_version": "2.11.0+cpu"})";

// What torch.save writes of a value with one storage, of two floats.
std::string TorchSave(const std::string& value) {
  ZipBuilder zip;
  zip.Add("archive/data.pkl", Pickle(value));
  zip.Add("archive/data/0", "12345678");
  zip.Add("archive/version", "3\n");
  return zip.Finish();
}

std::string SavedFloats() {
  return Tensor(Storage("FloatStorage", "0", 2), 0, {2}, {1});
}

// A PT2 archive, which tests change.
struct TestFile {
  std::string weights =
      Config({Floats("w", "weight_0", 0, true), Floats("tied", "weight_0", 1),
              Floats("b", "weight_1")});
  std::string constants = Config({Floats("c", "tensor_0")});
  std::vector<std::pair<std::string, std::string>> records = {
      {"models/model.json", kModel}, {"archive_format", "pt2"},
      {"archive_version", "0"},      {".data/version", "6"},
      {"byteorder", "little"},
  };

  std::string Bytes() const {
    ZipBuilder zip;
    zip.Add("m/data/weights/weight_0", "123456789abc");
    zip.Add("m/data/weights/weight_1", "ABCDEFGH");
    zip.Add("m/data/weights/pickled", TorchSave(SavedFloats()));
    zip.Add("m/data/weights/model_weights_config.json", weights);
    zip.Add("m/data/constants/tensor_0", "abcdefgh");
    zip.Add("m/data/constants/model_constants_config.json", constants);
    for (const auto& [name, content] : records) {
      zip.Add("m/" + name, content);
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

TEST(TorchPt2ReaderTest, GivesWeightsAndThenConstants) {
  TestFile file;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format, Format::kTorchPt2);
  EXPECT_EQ(catalog.format_version, "8.17");
  EXPECT_EQ(catalog.producer, "PyTorch 2.11.0+cpu");
  EXPECT_THAT(catalog.metadata, Contains(Pair("archive_version", "0")));
  EXPECT_THAT(catalog.metadata,
              Contains(Pair("models/model", HasSubstr("never runs it"))));
  EXPECT_THAT(catalog.warnings, IsEmpty());
  EXPECT_THAT(Names(catalog),
              ElementsAre("parameter w", "buffer tied", "buffer b", "other c"));
  ASSERT_EQ(catalog.storages.size(), 3u);
  EXPECT_EQ(catalog.tensors[0].storage, catalog.tensors[1].storage);
  EXPECT_EQ(catalog.tensors[1].storage_offset, 1);
  EXPECT_EQ(catalog.tensors[0].spec.dtype, DType::kFloat32);
  EXPECT_TRUE(catalog.tensors[0].requires_grad);
  const StorageEntry& storage = catalog.storages[0];
  EXPECT_EQ(file.Bytes().substr(storage.offset_bytes, storage.size_bytes),
            "123456789abc");
  EXPECT_TRUE(storage.crc32.has_value());
  EXPECT_EQ(catalog.root().size(), 3u);
  EXPECT_EQ(catalog.root().Find("b")->AsIndex(), 2);
}

TEST(TorchPt2ReaderTest, DevicesAndByteOrder) {
  TestFile file;
  file.weights = absl::StrReplaceAll(
      file.weights, {{"\"cpu\", \"index\": null", "\"cuda\", \"index\": 1"}});
  file.records.back().second = "big";
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.tensors[0].location, "cuda:1");
  EXPECT_EQ(catalog.storages[0].swap_bytes, 4);
}

TEST(TorchPt2ReaderTest, PickledWeightsAreReadWhereTheyAre) {
  TestFile file;
  file.weights = Config(
      {Floats("b", "weight_1"),
       R"("p": {"path_name": "pickled", "is_param": false, "use_pickle": true,)"
       R"( "tensor_meta": {"dtype": 0}})"});
  file.constants =
      Config({R"("o": {"path_name": "custom_obj_0", "is_param": false,)"
              R"( "use_pickle": true, "tensor_meta": null})"});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog), ElementsAre("buffer b", "buffer p"));
  const StorageEntry& storage = catalog.storages[1];
  EXPECT_EQ(storage.name, "m/data/weights/pickled:data/0");
  EXPECT_EQ(file.Bytes().substr(storage.offset_bytes, storage.size_bytes),
            "12345678");
  EXPECT_THAT(catalog.warnings, ElementsAre(HasSubstr("o: an object")));
}

TEST(TorchPt2ReaderTest, NamesOfSeveralModelsStartWithTheModel) {
  TestFile file;
  file.records.push_back({"models/other.json", kModel});
  file.records.push_back(
      {"data/weights/other.pt", TorchSave(Dict({Text("w"), SavedFloats()}))});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(Names(catalog),
              ElementsAre("parameter model.w", "buffer model.tied",
                          "buffer model.b", "buffer other.w", "other model.c"));
}

TEST(TorchPt2ReaderTest, ConfigsAreCheckedFieldByField) {
  const std::string good = Floats("b", "weight_1");
  for (const auto& [from, to, text] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"weight_1", "weight_9", "no record data/weights/weight_9"},
           {"\"path_name\"", "\"name\"", "path_name"},
           {"\"is_param\"", "\"x\"", "is_param"},
           {"\"use_pickle\": false", "\"use_pickle\": 0", "use_pickle"},
           {"\"tensor_meta\": {", "\"x\": {", "tensor_meta"},
           {"\"dtype\": 7", "\"dtype\": \"7\"", "dtype"},
           {"{\"as_int\": 2}", "2", "sizes"},
           {"{\"as_int\": 2}", "{\"as_expr\": {\"expr_str\": \"s0\"}}",
            "sizes"},
           {"{\"as_int\": 2}", "{\"as_int\": 9223372036854775808}", "sizes"},
           {"{\"as_int\": 2}", "{\"as_int\": -2}", "Tensor b"},
           {"{\"as_int\": 2}", "{\"as_int\": 3}", "12 bytes"},
           {"\"strides\": [", "\"strides\": [{\"as_int\": 1}, ", "Tensor b"},
           {"{\"as_int\": 0}", "{\"as_int\": 1}", "12 bytes"},
           {"{\"as_int\": 0}", "{\"as_int\": -1}", "Tensor b"},
           {"\"requires_grad\": true", "\"requires_grad\": 1", "requires_grad"},
           {"\"device\": {", "\"device\": 1, \"x\": {", "device"},
           {"\"is_param\": false", "\"is_param\": false, \"is_param\": true",
            "twice"}}) {
    TestFile file;
    const std::string entry = absl::StrReplaceAll(good, {{from, to}});
    ASSERT_NE(entry, good) << from;
    file.weights = Config({entry});
    EXPECT_THAT(file.Read().status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(text)))
        << entry;
  }
  TestFile file;
  file.weights = Config({good, good});
  EXPECT_THAT(file.Read().status(), StatusIs(absl::StatusCode::kDataLoss,
                                             HasSubstr("b is there twice")));
  for (const std::string json : {"", "[]", "{", "{}", "{\"config\": 1}"}) {
    file.weights = json;
    EXPECT_THAT(file.Read().status(),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr("model_weights_config.json: ")))
        << json;
  }
}

TEST(TorchPt2ReaderTest, WhatIsNotReadIsNamed) {
  TestFile file;
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"\"layout\": 7", "\"layout\": 1"},
           {"\"dtype\": 7", "\"dtype\": 99"}}) {
    file.weights = absl::StrReplaceAll(TestFile().weights, {{from, to}});
    EXPECT_THAT(file.Read().status(),
                StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("w: ")));
  }
  ZipBuilder compiled;
  compiled.Add("archive_format", "pt2");
  compiled.Add("data/aotinductor/model/x.so", "x");
  ZipBuilder compiled_since;
  compiled_since.Add("m/archive_format", "pt2");
  compiled_since.Add("m/.data/version", "6");
  compiled_since.Add("m/data/aotinductor/model/x.so", "x");
  for (ZipBuilder* const zip : {&compiled, &compiled_since}) {
    const absl::Status status = ReadBytes(zip->Finish()).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented,
                                 HasSubstr("AOTInductor")));
    EXPECT_NE(HintOf(status), "");
  }
  ZipBuilder empty;
  empty.Add("m/archive_format", "pt2");
  empty.Add("m/version", "6");
  EXPECT_THAT(ReadBytes(empty.Finish()).status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("no model in models/")));
  file.records[1].second = "executorch";
  EXPECT_THAT(file.Read().status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("\"executorch\"")));
  ZipBuilder other;
  other.Add("m/data.pkl", "x");
  EXPECT_THAT(ReadBytes(other.Finish()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no PT2 archive")));
  TestFile missing;
  missing.records.push_back({"models/second.json", kModel});
  EXPECT_THAT(missing.Read().status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("second_weights_config.json")));
  TestFile no_json;
  no_json.records[0].second = "{";
  EXPECT_THAT(
      no_json.Read().status(),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("models/model.json: ")));
}

// What torch.export.save wrote before PyTorch 2.8.
struct OldFile {
  std::string state_dict =
      TorchSave(OrderedDict({Text("w"), Parameter(SavedFloats())}));
  std::string constants =
      TorchSave(Dict({Text("c"), SavedFloats(), Text("n"), Int(1)}));
  ZipBuilder::MemberOptions options;

  std::string Bytes() const {
    ZipBuilder zip;
    zip.Add("serialized_exported_program.json", kModel);
    zip.Add("serialized_state_dict.pt", state_dict, options);
    zip.Add("serialized_constants.pt", constants);
    zip.Add("version", "8.2");
    return zip.Finish();
  }
  absl::StatusOr<Catalog> Read() const { return ReadBytes(Bytes()); }
};

TEST(TorchPt2ReaderTest, OldProgramsHoldCheckpoints) {
  OldFile file;
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format_version, "8.2");
  EXPECT_EQ(catalog.producer, "PyTorch before 2.8");
  EXPECT_THAT(Names(catalog), ElementsAre("parameter w", "other c"));
  ASSERT_EQ(catalog.storages.size(), 2u);
  for (const TensorEntry& tensor : catalog.tensors) {
    const StorageEntry& storage = catalog.storages[*tensor.storage];
    EXPECT_EQ(file.Bytes().substr(storage.offset_bytes, storage.size_bytes),
              "12345678");
  }
  EXPECT_EQ(catalog.storages[1].name, "serialized_constants.pt:data/0");
  EXPECT_NE(catalog.storages[0].offset_bytes, catalog.storages[1].offset_bytes);
  EXPECT_EQ(catalog.root().Find("w")->AsIndex(), 0);
  EXPECT_THAT(catalog.warnings, ElementsAre(HasSubstr("Constant n")));
}

TEST(TorchPt2ReaderTest, DamageInOldProgramsIsNamedByTheMember) {
  OldFile file;
  file.constants.resize(file.constants.size() - 10);
  EXPECT_THAT(file.Read().status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("serialized_constants.pt: ")));
  OldFile compressed;
  compressed.options.method = 8;
  EXPECT_THAT(compressed.Read().status(),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("serialized_state_dict.pt is compressed")));
  ZipBuilder alone;
  alone.Add("serialized_exported_program.json", kModel);
  EXPECT_THAT(ReadBytes(alone.Finish()).status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("no serialized_state_dict.pt")));
}

TEST(TorchPt2ReaderTest, EveryTruncationIsAnError) {
  for (const std::string& whole : {TestFile().Bytes(), OldFile().Bytes()}) {
    HOIST_ASSERT_OK(ReadBytes(whole).status());
    for (size_t size = 0; size < whole.size(); size += 13) {
      EXPECT_FALSE(ReadBytes(absl::string_view(whole).substr(0, size)).ok())
          << size;
    }
  }
}

}  // namespace
}  // namespace hoist
