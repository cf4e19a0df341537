#include "hoist/core/system/page_cache.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/system/file_system_type.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

constexpr uint64_t kMebi = uint64_t{1} << 20;

// A file that is open, removed at the end.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : path_(path), fd_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    EXPECT_GE(fd_, 0) << path;
  }
  ~OpenFile() {
    close(fd_);
    unlink(path_.c_str());
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int fd() const { return fd_; }

  // Takes the file out of the page cache.
  void Evict() {
    EXPECT_EQ(fdatasync(fd_), 0);
    EXPECT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
  }

  // Brings bytes into the page cache, and nothing beside them.
  void Read(uint64_t offset, uint64_t size) {
    EXPECT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM), 0);
    std::vector<char> bytes(size);
    EXPECT_EQ(
        pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
        static_cast<ssize_t>(size));
  }

 private:
  const std::string path_;
  const int fd_;
};

class PageCacheTest : public ::testing::TestWithParam<ResidencyMethod> {
 protected:
  // Fails the test if there is no answer.
  double Fraction(const OpenFile& file, uint64_t offset, uint64_t size) {
    const auto fraction = ResidentFraction(file.fd(), offset, size, GetParam());
    EXPECT_THAT(fraction, IsOk());
    return fraction.value_or(-1);
  }

  // Whether this system has the method, and evicts what it is told to.
  bool CanTest() {
    const OpenFile file(WriteTempFile("probe", std::string(kMebi, 'x')));
    const auto type = FileSystemTypeOf(file.fd());
    const bool works = ResidentFraction(file.fd(), 0, kMebi, GetParam()).ok();
    return works && type.ok() && (type->name == "ext4" || type->name == "xfs");
  }
};

#define SKIP_UNLESS_TESTABLE()                                                \
  if (!CanTest()) {                                                           \
    GTEST_SKIP() << "The method or the file system of " << testing::TempDir() \
                 << " is not one that this can be tested on";                 \
  }

INSTANTIATE_TEST_SUITE_P(All, PageCacheTest,
                         ::testing::Values(ResidencyMethod::kAny,
                                           ResidencyMethod::kCachestat,
                                           ResidencyMethod::kMincore));

TEST_P(PageCacheTest, WhatWasWrittenIsThereUntilItIsEvicted) {
  SKIP_UNLESS_TESTABLE();
  OpenFile file(WriteTempFile("file", std::string(3 * kMebi + 5, 'x')));
  EXPECT_EQ(Fraction(file, 0, 3 * kMebi + 5), 1);
  file.Evict();
  EXPECT_EQ(Fraction(file, 0, 3 * kMebi + 5), 0);
}

TEST_P(PageCacheTest, IsOfTheRangeOnly) {
  SKIP_UNLESS_TESTABLE();
  OpenFile file(WriteTempFile("file", std::string(4 * kMebi, 'x')));
  file.Evict();
  file.Read(kMebi, kMebi);
  EXPECT_EQ(Fraction(file, kMebi, kMebi), 1);
  EXPECT_EQ(Fraction(file, kMebi + 1000, kMebi - 2000), 1);
  EXPECT_EQ(Fraction(file, 0, kMebi), 0);
  EXPECT_EQ(Fraction(file, 2 * kMebi, 2 * kMebi), 0);
  EXPECT_DOUBLE_EQ(Fraction(file, 0, 4 * kMebi), 0.25);
  // One byte of the page that is there, one of the next.
  EXPECT_DOUBLE_EQ(Fraction(file, 2 * kMebi - 1, 2), 0.5);
  EXPECT_EQ(Fraction(file, 2 * kMebi - 1, 1), 1);
  EXPECT_EQ(Fraction(file, 2 * kMebi, 1), 0);
}

TEST_P(PageCacheTest, LongRangesAreSampledAllOver) {
  SKIP_UNLESS_TESTABLE();
  OpenFile file(WriteTempFile("file", ""));
  ASSERT_EQ(ftruncate(file.fd(), off_t{1} << 40), 0);
  EXPECT_EQ(Fraction(file, 0, uint64_t{1} << 40), 0);
  EXPECT_EQ(Fraction(file, 12345, (uint64_t{1} << 40) - 54321), 0);

  ASSERT_EQ(ftruncate(file.fd(), 128 * kMebi), 0);
  file.Read(32 * kMebi, 64 * kMebi);
  EXPECT_NEAR(Fraction(file, 0, 128 * kMebi), 0.5, 0.05);
  EXPECT_NEAR(Fraction(file, 0, 96 * kMebi), 2.0 / 3, 0.05);
  file.Read(0, 128 * kMebi);
  // The system may take back a page at any time.
  EXPECT_NEAR(Fraction(file, 0, 128 * kMebi), 1, 0.05);
}

TEST_P(PageCacheTest, NoBytesAreThere) {
  const OpenFile file(WriteTempFile("file", "x"));
  EXPECT_EQ(Fraction(file, 0, 0), 1);
}

TEST_P(PageCacheTest, ImpossibleRangesAreRefused) {
  const OpenFile file(WriteTempFile("file", "x"));
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  for (const auto& [offset, size] : {std::pair{kMost, kMost},
                                     {uint64_t{1}, kMost},
                                     {kMost, uint64_t{0}},
                                     {uint64_t{0}, uint64_t{1} << 63}}) {
    EXPECT_THAT(ResidentFraction(file.fd(), offset, size, GetParam()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::HasSubstr("No file has")));
  }
}

TEST_P(PageCacheTest, AClosedFileIsAnError) {
  EXPECT_THAT(ResidentFraction(-1, 0, 1, GetParam()), ::testing::Not(IsOk()));
}

// To those who may not write a file, mincore() says that all of it is there.
TEST(PageCacheOfOthersTest, IsUnavailableRatherThanWrong) {
  const int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  constexpr uid_t kNobody = 65534;
  const uid_t me = geteuid();
  if (me == 0 && seteuid(kNobody) != 0) {
    close(fd);
    GTEST_SKIP() << "Cannot be anybody else here";
  }
  const auto fraction =
      ResidentFraction(fd, 0, 4096, ResidencyMethod::kMincore);
  EXPECT_EQ(seteuid(me), 0);
  close(fd);
  EXPECT_THAT(fraction, StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace hoist
