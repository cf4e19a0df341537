// Files that are cut off, at every length, and files with one bit that is not
// what it was: an error, or what the whole file gives.

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/formats/torch_tar/tar_builder.h"
#include "hoist/checkpoint/load/digest.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

// A tensor, whole: what nobody may get otherwise without an error.
struct Content {
  std::string name;
  TensorSpec spec;
  std::optional<std::string> digest;

  friend bool operator==(const Content&, const Content&) = default;
};

absl::StatusOr<Checkpoint> Open(absl::string_view bytes) {
  return Checkpoint::Open(std::make_shared<MemoryFile>(
      "model.pt", std::vector<uint8_t>(bytes.begin(), bytes.end())));
}

absl::StatusOr<std::vector<Content>> Read(absl::string_view bytes) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Open(bytes));
  const Catalog& catalog = checkpoint.catalog();
  HOIST_ASSIGN_OR_RETURN(const auto digests,
                         TensorDigests(catalog, checkpoint.files(), nullptr));
  std::vector<Content> contents;
  for (size_t i = 0; i < catalog.tensors.size(); ++i) {
    contents.push_back({.name = catalog.tensors[i].name,
                        .spec = catalog.tensors[i].spec,
                        .digest = digests[i]});
  }
  return contents;
}

std::string Golden(const std::string& name) {
  std::ifstream in("checkpoint/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << name;
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

template <typename T>
std::string Number(T value) {
  std::string bytes(sizeof(T), '\0');
  StoreLittleEndian(value, bytes.data());
  return bytes;
}

// No PyTorch of today writes these.
std::string TarFile() {
  const std::string storage =
      Pickle(Tuple({Int(10), Text("cpu"), Class("torch", "FloatStorage")})) +
      Number(int64_t{6}) + "abcdefghijklmnopqrstuvwx";
  const std::string tensor =
      Pickle(Tuple({Int(1), Int(10), Class("torch", "FloatTensor")})) +
      Number(int32_t{2}) + "junk" + Number(int64_t{2}) + Number(int64_t{3}) +
      Number(int64_t{3}) + Number(int64_t{1}) + Number(int64_t{0});
  return tar_builder::Member(
             "sys_info", Pickle(Dict({Text("protocol_version"), Int(1000),
                                      Text("little_endian"), Bool(true)}))) +
         tar_builder::Member("pickle",
                             Pickle(Dict({Text("w"), Text("1") + "Q"}))) +
         tar_builder::Member("tensors", Pickle(Int(1)) + tensor) +
         tar_builder::Member("storages",
                             Pickle(Int(1)) + storage + Pickle(List({}))) +
         tar_builder::End();
}

// An array of two floats, as numpy pickles it with protocol 5.
std::string PickleFile() {
  const std::string dtype =
      Call(Class("numpy", "dtype"), {Text("f4"), Bool(false), Bool(true)}) +
      Tuple({Int(3), Text("<"), "N", "N", "N", Int(-1), Int(-1), Int(0)}) + "b";
  return Pickle(Dict(
      {Text("w"), Call(Class("numpy.core.numeric", "_frombuffer"),
                       {Bytes("abcdefgh"), dtype, Ints({2}), Text("C")})}));
}

struct Dialect {
  std::string name;
  std::string file;  // in testdata/; or else
  std::string (*make)() = nullptr;
  size_t padding_bytes = 0;  // that may be missing at the end
};

class TruncationTest : public ::testing::TestWithParam<Dialect> {};

TEST_P(TruncationTest, EveryLengthIsAnErrorOrAllOfIt) {
  const std::string whole =
      GetParam().make != nullptr ? GetParam().make() : Golden(GetParam().file);
  HOIST_ASSERT_OK_AND_ASSIGN(const std::vector<Content> expected, Read(whole));
  ASSERT_THAT(expected, Not(IsEmpty()));
  size_t errors = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto contents = Read(absl::string_view(whole).substr(0, size));
    if (contents.ok()) {
      ASSERT_EQ(*contents, expected) << size << " bytes";
      continue;
    }
    ++errors;
    ASSERT_THAT(
        contents.status().code(),
        AnyOf(absl::StatusCode::kDataLoss, absl::StatusCode::kInvalidArgument,
              absl::StatusCode::kUnimplemented))
        << size << " bytes: " << contents.status();
    ASSERT_NE(HintOf(contents.status()), "")
        << size << " bytes: " << contents.status();
  }
  EXPECT_GE(errors + GetParam().padding_bytes, whole.size());
}

INSTANTIATE_TEST_SUITE_P(
    Dialects, TruncationTest,
    ::testing::Values(Dialect{"TorchZip", "torch-2.11/dict_one_entry.pt"},
                      Dialect{"TorchZipDeflated", "torch-2.11/deflated.pt"},
                      Dialect{"TorchLegacy", "torch-2.11/legacy_views.pt"},
                      Dialect{"TorchTar", "", TarFile, 1024 + 511},
                      Dialect{"Pickle", "", PickleFile},
                      Dialect{"TorchScript", "torch-2.11/script_module.pt"},
                      Dialect{"TorchPt2", "torch-2.11/exported_program.pt2"},
                      Dialect{"Safetensors",
                              "safetensors-0.8/no_metadata.safetensors"}),
    [](const auto& info) { return info.param.name; });

// Calls `check` with each bit of `bytes` flipped, and the byte it is in.
template <typename Check>
void ForEachFlippedBit(std::string bytes, Check check) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
      check(bytes, i);
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
    }
    if (::testing::Test::HasFatalFailure()) {
      return;
    }
  }
}

// The archive's checksums cover the pickle and the storages, and everything is
// there twice or not needed.
TEST(FlippedBitTest, TorchZipIsAnErrorOrAsItWas) {
  const std::string whole = Golden("torch-2.11/dict_one_entry.pt");
  HOIST_ASSERT_OK_AND_ASSIGN(const std::vector<Content> expected, Read(whole));
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint, Open(whole));
  const StorageEntry storage = checkpoint.catalog().storages.at(0);
  ASSERT_TRUE(storage.crc32.has_value());
  ForEachFlippedBit(whole, [&](const std::string& bytes, size_t at) {
    const auto contents = Read(bytes);
    if (at >= storage.offset_bytes &&
        at < storage.offset_bytes + storage.size_bytes) {
      ASSERT_THAT(contents, StatusIs(absl::StatusCode::kDataLoss,
                                     testing::HasSubstr("is damaged")))
          << "byte " << at;
    } else if (contents.ok()) {
      ASSERT_EQ(*contents, expected) << "byte " << at;
    }
  });
}

// Nothing here has a checksum: the bytes may be others, but lie in the file.
TEST(FlippedBitTest, OthersAreAnErrorOrValid) {
  for (const std::string& whole :
       {Golden("safetensors-0.8/no_metadata.safetensors"),
        Golden("torch-2.11/legacy_views.pt"), TarFile(), PickleFile()}) {
    size_t valid = 0;
    ForEachFlippedBit(whole, [&](const std::string& bytes, size_t at) {
      const auto checkpoint = Open(bytes);
      if (!checkpoint.ok()) {
        return;
      }
      ++valid;
      ASSERT_THAT(ValidateCatalog(checkpoint->catalog()), IsOk())
          << "byte " << at;
      ASSERT_THAT(Load(*checkpoint), IsOk()) << "byte " << at;
    });
    EXPECT_GT(valid, 0u);
  }
}

}  // namespace
}  // namespace hoist
