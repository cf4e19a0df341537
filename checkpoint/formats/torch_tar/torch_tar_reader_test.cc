#include "hoist/checkpoint/formats/torch_tar/torch_tar_reader.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/torch_tar/tar_builder.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests
using tar_builder::Member;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

template <typename T>
std::string Number(T value) {
  std::string bytes(sizeof(T), '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

std::string Long(int64_t value) { return "\x8a\x08" + Number(value); }

const std::string kFloats = Class("torch", "FloatStorage");
const std::string kFloatTensor = Class("torch", "FloatTensor");

std::string StorageItem(const std::string& description, int64_t count,
                        const std::string& content) {
  return Pickle(description) + Number(count) + content;
}

std::string TensorItem(const std::string& description,
                       const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& strides, int64_t offset) {
  std::string item =
      Pickle(description) + Number(static_cast<int32_t>(shape.size())) + "junk";
  for (const auto* numbers : {&shape, &strides}) {
    for (const int64_t number : *numbers) {
      item += Number(number);
    }
  }
  return item + Number(offset);
}

std::string Persistent(const std::string& key) { return Text(key) + "Q"; }

// A file with a tensor "w" of 2x3 floats, number 1, over storage 10.
struct TestFile {
  std::optional<std::string> sys_info =
      Pickle(Dict({Text("protocol_version"), Int(1000), Text("little_endian"),
                   Bool(true)}));
  std::vector<std::string> storage_items = {StorageItem(
      Tuple({Int(10), Text("cpu"), kFloats}), 6, std::string(24, 'x'))};
  std::string views = Pickle(List({}));
  std::vector<std::string> tensor_items = {
      TensorItem(Tuple({Int(1), Int(10), kFloatTensor}), {2, 3}, {3, 1}, 0)};
  bool has_tensors = true;
  std::string value = Dict({Text("w"), Persistent("1")});

  std::string Storages() const {
    return Pickle(Int(static_cast<int32_t>(storage_items.size()))) +
           Joined(storage_items) + views;
  }
  std::string Bytes() const {
    std::string bytes;
    if (sys_info) {
      bytes += Member("sys_info", *sys_info);
    }
    bytes += Member("pickle", Pickle(value));
    if (has_tensors) {
      bytes += Member("tensors",
                      Pickle(Int(static_cast<int32_t>(tensor_items.size()))) +
                          Joined(tensor_items));
    }
    return bytes + Member("storages", Storages()) + tar_builder::End();
  }
  absl::StatusOr<Catalog> Read() const {
    return ReadTorchTar(MemoryFile(Bytes()));
  }
  absl::Status Error() const {
    const absl::Status status = Read().status();
    EXPECT_NE(HintOf(status), "") << status;
    return status;
  }
};

TEST(TorchTarReaderTest, GivesTensorsStoragesAndTheRest) {
  TestFile file;
  file.storage_items.push_back(StorageItem(
      Tuple({Int(11), Text("cuda:0"), Class("torch.cuda", "LongStorage")}), 1,
      "12345678"));
  file.tensor_items.push_back(
      TensorItem(Tuple({Int(2), Int(10), kFloatTensor}), {3}, {1}, 3));
  file.tensor_items.push_back(
      TensorItem(Tuple({Int(3), Int(11), Class("torch.cuda", "LongTensor")}),
                 {1}, {1}, 0));
  file.value = Dict({Text("w"), Persistent("1"), Text("row"), Persistent("2"),
                     Text("n"), Persistent("3"), Text("again"), Persistent("1"),
                     Text("epoch"), Int(7)});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.format, Format::kTorchTar);
  EXPECT_EQ(catalog.format_version, "1000");
  EXPECT_EQ(catalog.producer, "PyTorch before 0.1.11");
  EXPECT_THAT(catalog.metadata, ElementsAre(Pair("protocol_version", "1000"),
                                            Pair("little_endian", "True")));
  ASSERT_EQ(catalog.storages.size(), 2u);
  EXPECT_EQ(catalog.storages[0].name, "storage 10");
  EXPECT_EQ(file.Bytes().substr(catalog.storages[0].offset_bytes, 24),
            std::string(24, 'x'));
  EXPECT_EQ(file.Bytes().substr(catalog.storages[1].offset_bytes,
                                catalog.storages[1].size_bytes),
            "12345678");
  ASSERT_EQ(catalog.tensors.size(), 4u);
  const TensorEntry& w = catalog.tensors[0];
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.storage, 0);
  EXPECT_EQ(w.spec.dtype, DType::kFloat32);
  EXPECT_THAT(w.spec.shape, ElementsAre(2, 3));
  EXPECT_THAT(w.spec.strides, ElementsAre(3, 1));
  EXPECT_EQ(w.location, "cpu");
  EXPECT_EQ(catalog.tensors[1].storage_offset, 3);
  EXPECT_EQ(catalog.tensors[2].spec.dtype, DType::kInt64);
  EXPECT_EQ(catalog.tensors[2].location, "cuda:0");
  // One tensor under two names.
  EXPECT_EQ(catalog.root().Find("again")->id(), catalog.root().Find("w")->id());
  EXPECT_EQ(catalog.root().Find("epoch")->AsInt(), 7);
}

TEST(TorchTarReaderTest, ParametersOverTensors) {
  TestFile file;
  file.value =
      Dict({Text("w"),
            Call(Class("torch.nn.parameter", "Parameter"), {Persistent("1")}) +
                Tuple({Bool(true), Bool(false), "N"}) + "b"});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_TRUE(catalog.tensors[0].is_parameter);
  EXPECT_THAT(catalog.tensors[0].spec.shape, ElementsAre(2, 3));
}

TEST(TorchTarReaderTest, ClassesWithTheirSource) {
  TestFile file;
  file.value = Tuple({Class("models", "Net"), Text("net.py"), Text("class")}) +
               "Q)\x81" + Dict({Text("w"), Persistent("1")}) + "b";
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_EQ(catalog.root().ClassName(), "models.Net");
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_EQ(catalog.tensors[0].name, "w");
}

TEST(TorchTarReaderTest, KeysInEveryForm) {
  for (const std::string& key :
       {Int(1) + "Q", std::string("P1\n"), std::string("U\0011Q")}) {
    TestFile file;
    file.value = key;
    HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
    EXPECT_EQ(catalog.tensors.size(), 1u);
  }
}

TEST(TorchTarReaderTest, StoragesByThemselvesAndTheirViews) {
  TestFile file;
  file.views = Pickle(List({Tuple({Int(20), Int(10), Int(2), Int(3)})}));
  file.tensor_items = {
      TensorItem(Tuple({Int(1), Int(20), kFloatTensor}), {2}, {1}, 1)};
  file.value = Dict({Text("w"), Persistent("1"), Text("s"), Persistent("20")});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  ASSERT_EQ(catalog.storages.size(), 2u);
  EXPECT_EQ(catalog.storages[1].name, "storage 20");
  EXPECT_EQ(catalog.storages[1].offset_bytes,
            catalog.storages[0].offset_bytes + 8);
  EXPECT_EQ(catalog.storages[1].size_bytes, 12u);
  EXPECT_EQ(catalog.tensors[0].storage, 1);
  EXPECT_EQ(catalog.tensors[0].storage_offset, 1);
  const Value storage = *catalog.root().Find("s");
  ASSERT_EQ(storage.kind(), ValueKind::kStorage);
  EXPECT_EQ(storage.AsIndex(), 1);
}

TEST(TorchTarReaderTest, FilesOfAlphaReleases) {
  TestFile file;
  file.sys_info.reset();
  file.storage_items = {
      StorageItem(Tuple({Int(10), kFloats}), 6, std::string(24, 'x'))};
  file.views = "";
  file.tensor_items = {
      TensorItem(Tuple({Int(1), kFloatTensor, Int(10)}), {2, 3}, {3, 1}, 0)};
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_EQ(catalog.tensors[0].location, "cpu");
  EXPECT_EQ(catalog.format_version, "1000");
  EXPECT_TRUE(catalog.metadata.empty());
}

TEST(TorchTarReaderTest, FilesOfOtherProgramsWithoutTensors) {
  TestFile file;
  file.has_tensors = false;
  file.views = "";
  file.storage_items = {StorageItem(Tuple({Text("0"), Text("cpu"), kFloats}), 6,
                                    std::string(24, 'x'))};
  file.value = Dict(
      {Text("w"), Tensor(Storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1})});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  ASSERT_EQ(catalog.tensors.size(), 1u);
  EXPECT_EQ(catalog.tensors[0].storage, 0);
  file.value = Storage("FloatStorage", "0", 5);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("24 bytes")));
  file.value = Storage("IntStorage", "0", 6);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("float32")));
}

TEST(TorchTarReaderTest, TensorsWithoutDimensions) {
  TestFile file;
  file.storage_items.push_back(
      StorageItem(Tuple({Int(11), Text("cpu"), kFloats}), 0, ""));
  file.tensor_items = {
      // A scalar, an empty tensor, and one that never had a storage.
      TensorItem(Tuple({Int(1), Int(10), kFloatTensor}), {}, {}, 5),
      TensorItem(Tuple({Int(2), Int(11), kFloatTensor}), {}, {}, 0),
      TensorItem(Tuple({Int(3), "N", Class("torch", "LongTensor")}), {}, {},
                 0)};
  file.value = List({Persistent("1"), Persistent("2"), Persistent("3")});
  HOIST_ASSERT_OK_AND_ASSIGN(const Catalog catalog, file.Read());
  EXPECT_THAT(catalog.tensors[0].spec.shape, ElementsAre());
  EXPECT_THAT(catalog.tensors[1].spec.shape, ElementsAre(0));
  EXPECT_THAT(catalog.tensors[2].spec.shape, ElementsAre(0));
  EXPECT_EQ(catalog.tensors[2].spec.dtype, DType::kInt64);
  EXPECT_TRUE(catalog.tensors[2].storage.has_value());
  file.tensor_items[2] = TensorItem(
      Tuple({Int(3), "N", Class("torch", "LongTensor")}), {1}, {1}, 0);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("Tensor 2")));
  file.tensor_items[2] =
      TensorItem(Tuple({Int(3), "N", Class("torch", "Other")}), {}, {}, 0);
  EXPECT_THAT(file.Error(), StatusIs(kUnimplemented, HasSubstr("torch.Other")));
}

// --- other archives, and damaged ones ----------------------------------------

TEST(TorchTarReaderTest, OtherArchives) {
  const auto read = [](const std::string& bytes) {
    return ReadTorchTar(MemoryFile(bytes)).status();
  };
  const absl::Status bundle = read(Member("model/weights.pt", "PK"));
  EXPECT_THAT(bundle, StatusIs(kInvalidArgument, HasSubstr("no checkpoint")));
  EXPECT_THAT(HintOf(bundle), HasSubstr("Unpack"));
  EXPECT_THAT(read(std::string(600, 'x')), StatusIs(kInvalidArgument));
  EXPECT_THAT(read(Member("pickle", Pickle("N"))),
              StatusIs(kDataLoss, HasSubstr("no member storages")));
  EXPECT_THAT(read(Member("storages", Pickle(Int(0)))),
              StatusIs(kDataLoss, HasSubstr("no member pickle")));
}

TEST(TorchTarReaderTest, BigEndianMachines) {
  TestFile file;
  file.sys_info = Pickle(Dict({Text("little_endian"), Bool(false)}));
  EXPECT_THAT(file.Error(), StatusIs(kUnimplemented, HasSubstr("big-endian")));
}

TEST(TorchTarReaderTest, AFileThatIsCutOffAnywhere) {
  const TestFile file;
  const std::string bytes = file.Bytes();
  const size_t size_of_all =
      bytes.rfind(file.Storages()) + file.Storages().size();
  for (size_t size = 1; size < size_of_all; ++size) {
    const absl::Status status =
        ReadTorchTar(MemoryFile(bytes.substr(0, size))).status();
    ASSERT_THAT(status, StatusIs(kDataLoss)) << size;
    EXPECT_NE(HintOf(status), "") << size;
  }
  HOIST_EXPECT_OK(
      ReadTorchTar(MemoryFile(bytes.substr(0, size_of_all))).status());
}

TEST(TorchTarReaderTest, AMemberThatIsCutOffAnywhere) {
  const TestFile file;
  const std::string pickle = Pickle(file.value);
  const std::string tensors = Pickle(Int(1)) + Joined(file.tensor_items);
  const std::string storages = file.Storages();
  const auto read = [](const std::string& pickle, const std::string& tensors,
                       const std::string& storages) {
    return ReadTorchTar(MemoryFile(Member("pickle", pickle) +
                                   Member("tensors", tensors) +
                                   Member("storages", storages)))
        .status();
  };
  HOIST_ASSERT_OK(read(pickle, tensors, storages));
  const auto is_cut_off = StatusIs(kDataLoss, HasSubstr("is cut off"));
  for (size_t size = 0; size < pickle.size(); ++size) {
    ASSERT_THAT(read(pickle.substr(0, size), tensors, storages), is_cut_off);
  }
  for (size_t size = 0; size < tensors.size(); ++size) {
    ASSERT_THAT(read(pickle, tensors.substr(0, size), storages), is_cut_off);
  }
  for (size_t size = 0; size < storages.size(); ++size) {
    // Without the list of views it is whole.
    if (size != storages.size() - file.views.size()) {
      ASSERT_THAT(read(pickle, tensors, storages.substr(0, size)), is_cut_off)
          << size;
    }
  }
}

TEST(TorchTarReaderTest, LiesAboutTheNumberOfElements) {
  for (const int64_t count : {int64_t{-1}, kMax, (int64_t{1} << 62) + 6}) {
    TestFile file;
    file.storage_items = {StorageItem(Tuple({Int(10), Text("cpu"), kFloats}),
                                      count, std::string(24, 'x'))};
    EXPECT_THAT(file.Error(),
                StatusIs(kDataLoss, HasSubstr("Storage 10 would have")));
  }
  TestFile file;
  file.storage_items = {StorageItem(Tuple({Int(10), Text("cpu"), kFloats}),
                                    1'000'000, std::string(24, 'x'))};
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("is cut off")));
  file.storage_items = {StorageItem(Tuple({Int(10), Text("cpu"), kFloats}), 5,
                                    std::string(20, 'x'))};
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("Tensor w")));
}

TEST(TorchTarReaderTest, LiesAboutTheNumberOfObjects) {
  const auto read = [](const std::string& tensors,
                       const std::string& storages) {
    return ReadTorchTar(MemoryFile(Member("pickle", Pickle("N")) +
                                   Member("tensors", tensors) +
                                   Member("storages", storages)))
        .status();
  };
  const std::string none = Pickle(Int(0));
  HOIST_EXPECT_OK(read(none, none));
  for (const std::string& count : {Int(-1), Text("1"), std::string("N")}) {
    EXPECT_THAT(read(Pickle(count), none),
                StatusIs(kDataLoss, HasSubstr("The number of tensors")));
    EXPECT_THAT(read(none, Pickle(count)),
                StatusIs(kDataLoss, HasSubstr("The number of storages")));
  }
  for (const int64_t count : {int64_t{1}, kMax}) {
    EXPECT_THAT(read(Pickle(Long(count)), none), StatusIs(kDataLoss));
    EXPECT_THAT(read(none, Pickle(Long(count))), StatusIs(kDataLoss));
  }
}

TEST(TorchTarReaderTest, DescriptionsThatAreNone) {
  for (const std::string& description :
       {Int(1), Tuple({}), Tuple({Int(10)}), Tuple({kFloats, kFloats}),
        Tuple({Int(10), Text("cpu")}), Tuple({Int(10), Int(0), kFloats}),
        Tuple({Int(10), Text("cpu"), Int(0)}),
        Tuple({Int(10), Text("cpu"), kFloats, Int(1)})}) {
    TestFile file;
    file.storage_items = {StorageItem(description, 6, std::string(24, 'x'))};
    EXPECT_THAT(file.Error(),
                StatusIs(kDataLoss, HasSubstr("The description of a storage")));
  }
  for (const std::string& description :
       {Int(1), Tuple({Int(1), Int(10)}), Tuple({Int(1), Int(10), Int(10)}),
        Tuple({kFloats, Int(10), kFloatTensor}),
        Tuple({Int(1), Int(10), kFloatTensor, Int(1)})}) {
    TestFile file;
    file.tensor_items = {TensorItem(description, {6}, {1}, 0)};
    EXPECT_THAT(file.Error(),
                StatusIs(kDataLoss, HasSubstr("The description of a tensor")));
  }
  TestFile file;
  file.storage_items = {StorageItem(
      Tuple({Int(10), Text("cpu"), Class("torch", "NewStorage")}), 6, "")};
  EXPECT_THAT(file.Error(),
              StatusIs(kUnimplemented, HasSubstr("torch.NewStorage")));
}

TEST(TorchTarReaderTest, ViewsOutOfRange) {
  const auto error_of = [](const std::string& views) {
    TestFile file;
    file.views = Pickle(views);
    return file.Error();
  };
  for (const auto& [offset, size] :
       std::vector<std::pair<int64_t, int64_t>>{{4, 3},
                                                {7, 0},
                                                {-1, 2},
                                                {0, -1},
                                                {0, 7},
                                                {kMax / 4, kMax / 4},
                                                {kMax, 1}}) {
    EXPECT_THAT(
        error_of(List({Tuple({Int(20), Int(10), Long(offset), Long(size)})})),
        StatusIs(kDataLoss, HasSubstr("does not lie inside storage 10")));
  }
  EXPECT_THAT(error_of(List({Tuple({Int(20), Int(9), Int(0), Int(1)})})),
              StatusIs(kDataLoss, HasSubstr("no storage 9")));
  EXPECT_THAT(error_of(List({Tuple({Int(10), Int(10), Int(0), Int(1)})})),
              StatusIs(kDataLoss, HasSubstr("storage 10 twice")));
  EXPECT_THAT(error_of(List({Tuple({Int(20), Int(10), Int(0)})})),
              StatusIs(kDataLoss, HasSubstr("(key, key, offset, size)")));
  EXPECT_THAT(error_of(Int(1)), StatusIs(kDataLoss, HasSubstr("is a int")));
}

TEST(TorchTarReaderTest, TensorsThatDoNotFit) {
  const auto error_of = [](const std::vector<int64_t>& shape,
                           const std::vector<int64_t>& strides,
                           int64_t offset) {
    TestFile file;
    file.tensor_items = {TensorItem(Tuple({Int(1), Int(10), kFloatTensor}),
                                    shape, strides, offset)};
    return file.Error();
  };
  EXPECT_THAT(error_of({7}, {1}, 0), StatusIs(kDataLoss));
  EXPECT_THAT(error_of({6}, {1}, 1), StatusIs(kDataLoss));
  EXPECT_THAT(error_of({6}, {1}, -1), StatusIs(kDataLoss));
  EXPECT_THAT(error_of({-6}, {1}, 0), StatusIs(kDataLoss));
  EXPECT_THAT(error_of({6}, {-1}, 5), StatusIs(kDataLoss));
  EXPECT_THAT(error_of({2}, {kMax}, 0), StatusIs(kDataLoss));
  EXPECT_THAT(error_of({6}, {1}, kMax), StatusIs(kDataLoss));
}

TEST(TorchTarReaderTest, LiesAboutTheNumberOfDimensions) {
  for (const int32_t dimensions : {-1, 1001, 0x7fff'ffff}) {
    TestFile file;
    file.tensor_items = {Pickle(Tuple({Int(1), Int(10), kFloatTensor})) +
                         Number(dimensions) + std::string(40'000, '\0')};
    EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("dimensions")));
  }
}

TEST(TorchTarReaderTest, KeysThatDisagree) {
  TestFile file;
  file.value = Persistent("9");
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("of the key 9")));
  file = {};
  file.tensor_items = {
      TensorItem(Tuple({Int(1), Int(9), kFloatTensor}), {6}, {1}, 0)};
  EXPECT_THAT(file.Error(),
              StatusIs(kDataLoss, HasSubstr("Tensor 1: Member storages has no "
                                            "storage 9")));
  file = {};
  file.tensor_items.push_back(file.tensor_items[0]);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("of the key 1")));
  file = {};
  file.tensor_items = {
      TensorItem(Tuple({Int(10), Int(10), kFloatTensor}), {6}, {1}, 0)};
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("of the key 10")));
  file = {};
  file.storage_items.push_back(file.storage_items[0]);
  EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("10 twice")));
}

TEST(TorchTarReaderTest, IdsThatAreNone) {
  for (const std::string& id :
       {std::string("N"), Tuple({}), Tuple({Text("Net"), "N", "N"}),
        Tuple({kFloats, "N"}),
        Tuple({Text("other"), kFloats, Text("10"), Text("cpu"), Int(6)}),
        Tuple({Text("storage"), kFloats, Text("10"), Text("cpu"), Text("6")}),
        Tuple({Text("storage"), kFloats, Text("10"), Text("cpu"), Int(6),
               Int(1)})}) {
    TestFile file;
    file.value = id + "Q";
    EXPECT_THAT(file.Error(), StatusIs(kDataLoss, HasSubstr("its id is")));
  }
}

}  // namespace
}  // namespace hoist
