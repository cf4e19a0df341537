#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace pickle_builder;  // NOLINT: a vocabulary for tests

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr int kTensors = 6;
constexpr size_t kDescriptorBytes = 16;

absl::Status Read(absl::string_view content) {
  auto file = OpenFile(WriteTempFile("model.pt", content));
  HOIST_EXPECT_OK(file.status());
  return ReadTorchZip(**file).status();
}

// An archive of six tensors of six floats, in storages of their own.
class CutArchiveTest : public ::testing::Test {
 protected:
  CutArchiveTest() {
    std::vector<std::string> items;
    for (int i = 0; i < kTensors; ++i) {
      items.push_back(Text(absl::StrCat("t", i)));
      items.push_back(Tensor(Storage("FloatStorage", absl::StrCat(i), 6), 0,
                             {2, 3}, {3, 1}));
    }
    // Another one over the second storage.
    items.push_back(Text("tied"));
    items.push_back(Tensor(Storage("FloatStorage", "1", 6), 0, {6}, {1}));
    ZipBuilder zip;
    zip.Add("m/data.pkl", Pickle(Dict(items)));
    pickle_end_ = zip.last_offset() + Pickle(Dict(items)).size();
    for (int i = 0; i < kTensors; ++i) {
      zip.Add(absl::StrCat("m/data/", i), std::string(24, 'x'));
      offsets_.push_back(zip.last_offset());
    }
    zip.Add("m/version", "3\n");
    version_end_ = zip.last_offset() + 2 + kDescriptorBytes;
    whole_ = zip.Finish();
  }

  uint64_t EndOf(int storage) const {
    return offsets_[static_cast<size_t>(storage)] + 24 + kDescriptorBytes;
  }

  std::string whole_;
  uint64_t pickle_end_ = 0;
  uint64_t version_end_ = 0;
  std::vector<uint64_t> offsets_;
};

TEST_F(CutArchiveTest, SaysWhatIsLeft) {
  HOIST_ASSERT_OK(Read(whole_));
  const uint64_t size = offsets_[3] + 10;
  const absl::Status status = Read(whole_.substr(0, size));
  EXPECT_THAT(
      status,
      StatusIs(kDataLoss,
               absl::StrCat("The file is cut off: it starts as a PyTorch zip "
                            "archive, and its ",
                            size,
                            " bytes have no end record; 4 entries are whole, "
                            "the last m/data/2 up to byte ",
                            EndOf(2),
                            ", and m/data/3 after it is not; 4 of 7 tensors "
                            "have all their bytes")));
  EXPECT_THAT(HintOf(status), HasSubstr("copy it again"));
}

TEST_F(CutArchiveTest, CountsTensorsWhereverItIsCut) {
  for (int i = 0; i < kTensors; ++i) {
    const int tied = i >= 1 ? 1 : 0;
    EXPECT_THAT(Read(whole_.substr(0, EndOf(i) - 1)),
                StatusIs(kDataLoss, HasSubstr(absl::StrCat(i + (i >= 2 ? 1 : 0),
                                                           " of 7"))));
    EXPECT_THAT(
        Read(whole_.substr(0, EndOf(i))),
        StatusIs(kDataLoss, HasSubstr(absl::StrCat(i + 1 + tied, " of 7"))));
  }
}

TEST_F(CutArchiveTest, OnlyTheDirectoryIsLost) {
  EXPECT_THAT(
      Read(whole_.substr(0, version_end_ + 50)),
      StatusIs(kDataLoss, AllOf(HasSubstr("8 entries are whole, the last "
                                          "m/version up to byte "),
                                HasSubstr("and the directory after it is not"),
                                HasSubstr("7 of 7 tensors"))));
}

TEST_F(CutArchiveTest, NotEvenThePickleIsWhole) {
  EXPECT_THAT(
      Read(whole_.substr(0, pickle_end_)),
      StatusIs(
          kDataLoss,
          AllOf(HasSubstr("not even its first entry, m/data.pkl, is"),
                HasSubstr("PyTorch zip archive"), Not(HasSubstr("tensors")))));
  EXPECT_THAT(Read(whole_.substr(0, 20)),
              StatusIs(kDataLoss, HasSubstr("first entry is whole")));
}

// What looks like the end of a storage in its own bytes is not taken for it.
TEST_F(CutArchiveTest, GoesByTheSizesThatThePickleSays) {
  std::string content(24, 'x');
  content.replace(2, 16, std::string("PK\7\10crc_\2\0\0\0\2\0\0\0", 16));
  ZipBuilder zip;
  zip.Add("m/data.pkl",
          Pickle(Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1})));
  zip.Add("m/data/0", content);
  const uint64_t end = zip.last_offset() + content.size();
  zip.Add("m/version", "3\n");
  EXPECT_THAT(Read(zip.Finish().substr(0, end)),
              StatusIs(kDataLoss, AllOf(HasSubstr("and m/data/0 after it"),
                                        HasSubstr("0 of 1 tensors"))));
}

// As TorchScript writes them.
TEST_F(CutArchiveTest, StoragesMayComeBeforeThePickle) {
  ZipBuilder zip;
  zip.Add("m/data/0", std::string(24, 'x'));
  zip.Add("m/data.pkl",
          Pickle(Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1})));
  zip.Add("m/version", "3\n");
  EXPECT_THAT(Read(zip.Finish().substr(0, zip.last_offset())),
              StatusIs(kDataLoss, HasSubstr("1 of 1 tensors")));
}

TEST_F(CutArchiveTest, SpaceThatWasNeverFilled) {
  std::string sparse = whole_.substr(0, EndOf(2));
  sparse.resize(10'000);
  const absl::Status status = Read(sparse);
  EXPECT_THAT(status, StatusIs(kDataLoss, AllOf(HasSubstr("ends with zeros"),
                                                HasSubstr("4 of 7 tensors"))));
  EXPECT_THAT(HintOf(status), HasSubstr("reserved the space"));
}

TEST_F(CutArchiveTest, ADamagedPickleLeavesTheEntries) {
  ZipBuilder zip;
  zip.Add("m/data.pkl", "no pickle");
  zip.Add("m/data/0", "abcd");
  const uint64_t end = zip.last_offset() + 4 + kDescriptorBytes;
  zip.Add("m/data/1", "abcd");
  EXPECT_THAT(Read(zip.Finish().substr(0, end)),
              StatusIs(kDataLoss, AllOf(HasSubstr("2 entries are whole"),
                                        Not(HasSubstr("tensors")))));
}

// The tensors of the first would be over the storages of the second.
TEST_F(CutArchiveTest, ADamagedPickleAfterOneThatIsWhole) {
  ZipBuilder zip;
  zip.Add("m/data.pkl",
          Pickle(Tensor(Storage("FloatStorage", "0", 6), 0, {6}, {1})));
  zip.Add("n/data.pkl", "no pickle");
  zip.Add("m/version", "3\n");
  EXPECT_THAT(Read(zip.Finish().substr(0, zip.last_offset())),
              StatusIs(kDataLoss, AllOf(HasSubstr("2 entries are whole"),
                                        Not(HasSubstr("tensors")))));
}

}  // namespace
}  // namespace hoist
