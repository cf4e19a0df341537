#include "hoist/checkpoint/verify/check_manifest.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CheckManifestTest : public ::testing::Test {
 protected:
  CheckManifestTest() : folder_(WriteTempFile("manifest", "")) {
    fs::remove(folder_);
    fs::create_directories(folder_ + "/model/part");
    fs::create_directories(folder_ + "/model/.cache");
    Write("model/a.bin", "aaa");
    Write("model/part/b.bin", "bbb");
    Write("model/.metadata", "the record of a DCP checkpoint");
    Write("model/.cache/left_out", "x");
  }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(At(name), std::ios::binary) << text;
  }
  std::string At(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }
  // That of `path` in the folder, which is written there too.
  std::vector<ManifestEntry> Make(const std::string& path) const {
    auto entries = MakeManifest(At(path), At("SHA256SUMS"), {});
    EXPECT_THAT(entries, IsOk());
    Write("SHA256SUMS", ManifestText(*entries));
    return *entries;
  }
  VerifyReport Check(const std::string& path,
                     const std::vector<ManifestEntry>& entries) const {
    VerifyReport report;
    report.not_possible = {{VerifyLevel::kChecksum, "none is recorded"}};
    EXPECT_THAT(CheckManifest(At(path), At("SHA256SUMS"), entries, {}, report),
                IsOk());
    return report;
  }

  const std::string folder_;
};

TEST_F(CheckManifestTest, Sha256sumChecksWhatIsWritten) {
  Write("model/a strange\nname\\", "ccc");
  EXPECT_THAT(
      Make("model"),
      ElementsAre(Field(&ManifestEntry::name, "model/.metadata"),
                  Field(&ManifestEntry::name, "model/a strange\nname\\"),
                  Field(&ManifestEntry::name, "model/a.bin"),
                  Field(&ManifestEntry::name, "model/part/b.bin")));
  const std::string check = absl::StrCat(
      "cd '", folder_, "' && sha256sum --strict -c SHA256SUMS >/dev/null 2>&1");
  EXPECT_EQ(std::system(check.c_str()), 0);
  Write("model/a.bin", "aab");
  EXPECT_NE(std::system(check.c_str()), 0);
}

TEST_F(CheckManifestTest, ReadsWhatSha256sumWrites) {
  for (const std::string options : {"", "--binary", "--tag"}) {
    ASSERT_EQ(std::system(absl::StrCat("cd '", folder_, "/model' && sha256sum ",
                                       options,
                                       " a.bin part/b.bin .metadata > ../sums")
                              .c_str()),
              0);
    std::ifstream in(At("sums"));
    HOIST_ASSERT_OK_AND_ASSIGN(
        const auto entries,
        ParseManifest(std::string(std::istreambuf_iterator<char>(in), {})));
    const VerifyReport report = Check("model", entries);
    EXPECT_THAT(report.damages, IsEmpty());
    EXPECT_THAT(report.not_possible, IsEmpty());
    EXPECT_EQ(report.digested_files, 3);
  }
}

TEST_F(CheckManifestTest, NamesWhatIsDamagedAndWhatIsMissing) {
  const std::vector<ManifestEntry> entries = Make("model");
  Write("model/a.bin", "aab");
  fs::remove(At("model/part/b.bin"));
  const VerifyReport report = Check("model", entries);
  ASSERT_THAT(report.damages, SizeIs(2));
  EXPECT_THAT(report.damages[0].path, EndsWith("/model/part/b.bin"));
  EXPECT_THAT(report.damages[0].problem, HasSubstr("missing"));
  EXPECT_THAT(report.damages[1].path, EndsWith("/model/a.bin"));
  EXPECT_THAT(report.damages[1].problem, HasSubstr("its SHA-256 is"));
}

TEST_F(CheckManifestTest, AFileWithoutADigestIsNotPossibleToCheck) {
  std::vector<ManifestEntry> entries = Make("model");
  entries.pop_back();
  const VerifyReport report = Check("model", entries);
  EXPECT_THAT(report.damages, IsEmpty());
  ASSERT_THAT(report.not_possible, SizeIs(2));
  EXPECT_THAT(report.not_possible[1].reason, HasSubstr("part/b.bin"));
}

TEST_F(CheckManifestTest, OneFileIsCheckedByItself) {
  const std::vector<ManifestEntry> entries = Make("model");
  Write("model/a.bin", "aab");
  EXPECT_THAT(Check("model/part/b.bin", entries).damages, IsEmpty());
  EXPECT_THAT(Check("model/a.bin", entries).damages, SizeIs(1));
}

TEST_F(CheckManifestTest, WhatCannotBeReadIsNoManifest) {
  EXPECT_THAT(MakeManifest(At("nothing"), At("SHA256SUMS"), {}),
              StatusIs(absl::StatusCode::kNotFound));
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_THAT(MakeManifest(At("model"), At("SHA256SUMS"), {.cancel = &cancel}),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace hoist
