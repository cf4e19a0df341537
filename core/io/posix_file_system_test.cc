#include "hoist/core/io/posix_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Memory as direct writes want it, with a pattern that nothing repeats soon.
class AlignedMemory {
 public:
  explicit AlignedMemory(size_t size)
      : data_(static_cast<uint8_t*>(
            std::aligned_alloc(kDirectWriteAlignment, size))),
        size_(size) {
    for (size_t i = 0; i < size; ++i) {
      data_[i] = static_cast<uint8_t>(i * 31 + i / 251);
    }
  }
  ~AlignedMemory() { std::free(data_); }
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;

  absl::Span<const uint8_t> bytes() const { return {data_, size_}; }
  std::string text() const { return {data_, data_ + size_}; }

 private:
  uint8_t* const data_;
  const size_t size_;
};

// Notes what is written how, and lets writes go wrong.
class NotingCalls : public FileCalls {
 public:
  struct Written {
    bool is_direct;
    size_t size;
    off_t offset;
    bool operator==(const Written&) const = default;
  };

  int Open(const char* path, int flags, mode_t mode) override {
    if ((flags & O_DIRECT) != 0 && !can_open_direct) {
      errno = EINVAL;
      return -1;
    }
    // Whatever the file system says to it: what is aligned is written so.
    const int descriptor = FileCalls::Open(path, flags & ~O_DIRECT, mode);
    if (descriptor >= 0) {
      is_direct_[descriptor] = (flags & O_DIRECT) != 0;
    }
    return descriptor;
  }
  int Close(int descriptor) override {
    is_direct_.erase(descriptor);
    return FileCalls::Close(descriptor);
  }
  ssize_t Pwrite(int descriptor, const void* data, size_t size,
                 off_t offset) override {
    const bool is_direct = is_direct_.at(descriptor);
    written.push_back({is_direct, size, offset});
    if (is_direct && !can_write_direct) {
      errno = EINVAL;
      return -1;
    }
    if (!errors.empty()) {
      errno = errors.back();
      errors.pop_back();
      if (errno != 0) {
        return -1;
      }
    }
    return FileCalls::Pwrite(descriptor, data, std::min(size, max_write_bytes),
                             offset);
  }
  int Fallocate(int descriptor, off_t offset, off_t size) override {
    if (fallocate_error != 0) {
      errno = fallocate_error;
      return -1;
    }
    return FileCalls::Fallocate(descriptor, offset, size);
  }
  int Fsync(int descriptor) override {
    if (fsync_error != 0) {
      errno = fsync_error;
      fsync_error = 0;
      return -1;
    }
    return FileCalls::Fsync(descriptor);
  }
  int Exchange(const char* a, const char* b) override {
    if (!can_exchange) {
      errno = EINVAL;
      return -1;
    }
    return FileCalls::Exchange(a, b);
  }

  bool can_open_direct = true;
  bool can_write_direct = true;
  bool can_exchange = true;
  size_t max_write_bytes = SIZE_MAX;
  int fallocate_error = 0;
  int fsync_error = 0;      // of the next one
  std::vector<int> errors;  // of the next writes, the last one first; 0 is none
  std::vector<Written> written;

  size_t open_descriptors() const { return is_direct_.size(); }

 private:
  std::map<int, bool> is_direct_;
};

class PosixFileSystemTest : public ::testing::Test {
 protected:
  std::unique_ptr<OutputFile> Create(const std::string& name,
                                     uint64_t expected_bytes = 0) {
    auto file = files_.CreateFile(directory_.path(name), expected_bytes, 0644);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  TempDirectory directory_;
  NotingCalls calls_;
  PosixFileSystem files_{calls_};
};

using Written = NotingCalls::Written;

TEST_F(PosixFileSystemTest, WritesAlignedRangesDirectlyAndOthersNot) {
  const AlignedMemory memory(16384);
  auto file = Create("a");
  EXPECT_EQ(file->path(), directory_.path("a"));
  HOIST_ASSERT_OK(file->WriteAt(4096, memory.bytes().subspan(4096, 8192)));
  HOIST_ASSERT_OK(file->WriteAt(0, memory.bytes().subspan(0, 4095)));
  HOIST_ASSERT_OK(file->WriteAt(4095, memory.bytes().subspan(4095, 1)));
  HOIST_ASSERT_OK(file->WriteAt(12288, memory.bytes().subspan(12288, 4095)));
  HOIST_ASSERT_OK(file->WriteAt(16383, {}));
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_THAT(
      calls_.written,
      ElementsAre(Written{true, 8192, 4096}, Written{false, 4095, 0},
                  Written{false, 1, 4095}, Written{false, 4095, 12288}));
  EXPECT_EQ(directory_.Read("a"), memory.text().substr(0, 16383));
  file = nullptr;
  EXPECT_EQ(calls_.open_descriptors(), 0u);
}

TEST_F(PosixFileSystemTest, WritesWithoutDirectDescriptor) {
  const AlignedMemory memory(8192);
  calls_.can_open_direct = false;
  HOIST_ASSERT_OK(Create("a")->WriteAt(0, memory.bytes()));
  EXPECT_THAT(calls_.written, ElementsAre(Written{false, 8192, 0}));
  EXPECT_EQ(directory_.Read("a"), memory.text());
}

TEST_F(PosixFileSystemTest, GivesUpDirectWritesWhereTheyAreNotAllowed) {
  const AlignedMemory memory(8192);
  calls_.can_write_direct = false;
  const auto file = Create("a");
  HOIST_ASSERT_OK(file->WriteAt(0, memory.bytes()));
  HOIST_ASSERT_OK(file->WriteAt(8192, memory.bytes()));
  EXPECT_THAT(calls_.written,
              ElementsAre(Written{true, 8192, 0}, Written{false, 8192, 0},
                          Written{false, 8192, 8192}));
  EXPECT_EQ(directory_.Read("a"), memory.text() + memory.text());
}

TEST_F(PosixFileSystemTest, ContinuesShortWritesAndRetriesInterruptedOnes) {
  const AlignedMemory memory(12288);
  const auto file = Create("a");
  calls_.max_write_bytes = 5000;
  calls_.errors = {EINTR, 0, EINTR, EINTR};
  HOIST_ASSERT_OK(file->WriteAt(0, memory.bytes()));
  EXPECT_EQ(directory_.Read("a"), memory.text());
  // What a short write has left is aligned no more.
  EXPECT_THAT(
      calls_.written,
      ElementsAre(Written{true, 12288, 0}, Written{true, 12288, 0},
                  Written{true, 12288, 0}, Written{false, 7288, 5000},
                  Written{false, 7288, 5000}, Written{false, 2288, 10000}));
}

TEST_F(PosixFileSystemTest, SaysWhatCouldNotBeWritten) {
  const auto file = Create("a");
  calls_.max_write_bytes = 2;
  calls_.errors = {ENOSPC, 0};
  EXPECT_THAT(file->WriteAt(7, Bytes("abcd")),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr(directory_.path("a")),
                             HasSubstr("Writing 2 bytes at byte 9"))));
  calls_.errors = {EIO};
  EXPECT_THAT(file->WriteAt(7, Bytes("abcd")),
              StatusIs(absl::StatusCode::kDataLoss));
  calls_.max_write_bytes = 0;
  EXPECT_THAT(file->WriteAt(7, Bytes("abcd")),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(file->WriteAt(~uint64_t{0}, Bytes("abcd")).ok());
}

TEST_F(PosixFileSystemTest, SyncIsRetriedIfInterruptedAndNeverAfterAnError) {
  const auto file = Create("a");
  calls_.fsync_error = EINTR;
  HOIST_EXPECT_OK(file->Sync());
  calls_.fsync_error = EIO;
  EXPECT_THAT(file->Sync(), StatusIs(absl::StatusCode::kDataLoss,
                                     HasSubstr(directory_.path("a"))));
}

TEST_F(PosixFileSystemTest, ReservesSpaceAndEndsWhereWhatWasWrittenEnds) {
  {
    const auto file = Create("more_expected", 100000);
    EXPECT_EQ(directory_.Read("more_expected").size(), 100000u);
    HOIST_ASSERT_OK(file->WriteAt(10, Bytes("abc")));
    HOIST_ASSERT_OK(file->Sync());
    EXPECT_EQ(directory_.Read("more_expected"), std::string(10, '\0') + "abc");
    // Once more, without any call that could fail.
    HOIST_ASSERT_OK(file->WriteAt(13, Bytes("def")));
    HOIST_ASSERT_OK(file->Sync());
    EXPECT_EQ(directory_.Read("more_expected").size(), 16u);
  }
  {
    const auto file = Create("less_expected", 2);
    HOIST_ASSERT_OK(file->WriteAt(0, Bytes("abc")));
    HOIST_ASSERT_OK(file->Sync());
  }
  EXPECT_EQ(directory_.Read("less_expected"), "abc");
  Create("never_synced", 100000);
  EXPECT_EQ(directory_.Read("never_synced"), "");
}

TEST_F(PosixFileSystemTest, SpaceThatIsNotThereIsToldBeforeAndLeavesNothing) {
  EXPECT_THAT(files_.CreateFile(directory_.path("a"), uint64_t{1} << 50, 0644),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("Reserving 1125899906842624 bytes")));
  EXPECT_THAT(directory_.Names(), IsEmpty());
  EXPECT_EQ(calls_.open_descriptors(), 0u);
  // Not all file systems can reserve it.
  calls_.fallocate_error = EOPNOTSUPP;
  HOIST_ASSERT_OK(Create("a", 100)->WriteAt(0, Bytes("abc")));
  EXPECT_EQ(directory_.Read("a"), "abc");
}

TEST_F(PosixFileSystemTest, CreatesNoFileWhereSomethingIs) {
  directory_.Write("a", "there before");
  EXPECT_THAT(files_.CreateFile(directory_.path("a"), 0, 0644),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       HasSubstr(directory_.path("a"))));
  EXPECT_EQ(directory_.Read("a"), "there before");
  EXPECT_THAT(files_.CreateFile(directory_.path("no/a"), 0, 0644),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PosixFileSystemTest, ThreadsWriteOneFile) {
  const AlignedMemory memory(64 * 4096);
  auto file = Create("a", memory.bytes().size() + 10);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (size_t page = i; page < 64; page += 4) {
        EXPECT_TRUE(file->WriteAt(page * 4096,
                                  memory.bytes().subspan(page * 4096, 4096))
                        .ok());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_EQ(directory_.Read("a"), memory.text());
}

TEST_F(PosixFileSystemTest, RenamesAndRemoves) {
  directory_.Write("a", "A");
  directory_.Write("b", "B");
  HOIST_EXPECT_OK(files_.Rename(directory_.path("a"), directory_.path("b")));
  EXPECT_THAT(directory_.Names(), ElementsAre("b"));
  EXPECT_EQ(directory_.Read("b"), "A");
  EXPECT_THAT(files_.Rename(directory_.path("a"), directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(directory_.path("a")),
                             HasSubstr(directory_.path("b")))));
  HOIST_EXPECT_OK(files_.RemoveFile(directory_.path("b")));
  EXPECT_THAT(files_.RemoveFile(directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PosixFileSystemTest, ExchangesWhereTheFileSystemCan) {
  directory_.Write("old/a", "A");
  directory_.Write("new/b", "B");
  const std::string old = directory_.path("old");
  const std::string replacement = directory_.path("new");
  HOIST_EXPECT_OK(files_.Exchange(old, replacement));
  EXPECT_EQ(directory_.Read("old/b"), "B");
  EXPECT_EQ(directory_.Read("new/a"), "A");
  EXPECT_THAT(files_.Exchange(old, directory_.path("none")),
              StatusIs(absl::StatusCode::kNotFound));
  calls_.can_exchange = false;
  EXPECT_THAT(files_.Exchange(old, replacement),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(PosixFileSystemTest, MakesListsSyncsAndRemovesDirectories) {
  const std::string path = directory_.path("d");
  HOIST_EXPECT_OK(files_.CreateDirectory(path));
  EXPECT_THAT(files_.CreateDirectory(path),
              StatusIs(absl::StatusCode::kAlreadyExists));
  directory_.Write("d/b", "");
  directory_.Write("d/a", "");
  directory_.Write("d/.hidden", "");
  HOIST_ASSERT_OK_AND_ASSIGN(const auto names, files_.ListDirectory(path));
  EXPECT_THAT(names, ElementsAre(".hidden", "a", "b"));
  HOIST_EXPECT_OK(files_.SyncDirectory(path));
  calls_.fsync_error = EIO;
  EXPECT_THAT(files_.SyncDirectory(path),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
  EXPECT_THAT(files_.RemoveDirectory(path),
              StatusIs(absl::StatusCode::kAlreadyExists));
  for (const std::string& name : names) {
    HOIST_EXPECT_OK(files_.RemoveFile(path + "/" + name));
  }
  HOIST_EXPECT_OK(files_.RemoveDirectory(path));
  EXPECT_THAT(files_.ListDirectory(path),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_.SyncDirectory(path),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(calls_.open_descriptors(), 0u);
}

TEST_F(PosixFileSystemTest, SaysWhatIsThere) {
  directory_.Write("a", "12345");
  const std::string path = directory_.path("a");
  HOIST_ASSERT_OK(files_.SetPermissions(path, 0640));
  HOIST_ASSERT_OK_AND_ASSIGN(FileStatus status, files_.GetStatus(path));
  EXPECT_EQ(status.kind, FileStatus::Kind::kFile);
  EXPECT_EQ(status.size_bytes, 5u);
  EXPECT_EQ(status.permissions, 0640u);
  const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 7, .tv_nsec = 5}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  HOIST_ASSERT_OK_AND_ASSIGN(status, files_.GetStatus(path));
  EXPECT_EQ(status.changed_ns, 7'000'000'005);

  HOIST_ASSERT_OK_AND_ASSIGN(status, files_.GetStatus(directory_.path()));
  EXPECT_EQ(status.kind, FileStatus::Kind::kDirectory);
  HOIST_ASSERT_OK_AND_ASSIGN(status, files_.GetStatus("/dev/null"));
  EXPECT_EQ(status.kind, FileStatus::Kind::kOther);
  EXPECT_THAT(files_.GetStatus(directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound));

  ASSERT_EQ(symlink("a", directory_.path("link").c_str()), 0);
  HOIST_ASSERT_OK_AND_ASSIGN(status, files_.GetStatus(directory_.path("link")));
  EXPECT_EQ(status.size_bytes, 5u);
  HOIST_ASSERT_OK_AND_ASSIGN(const std::string target,
                             files_.ReadLink(directory_.path("link")));
  EXPECT_EQ(target, "a");
  EXPECT_THAT(files_.ReadLink(path),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(files_.ReadLink(directory_.path("b")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PosixFileSystemTest, KnowsSpaceAndProcesses) {
  HOIST_ASSERT_OK_AND_ASSIGN(const uint64_t free_bytes,
                             files_.FreeBytes(directory_.path()));
  EXPECT_GT(free_bytes, 0u);
  EXPECT_LT(free_bytes, uint64_t{1} << 60);
  EXPECT_EQ(files_.ProcessId(), getpid());
  EXPECT_TRUE(files_.IsProcessAlive(getpid()));
  EXPECT_TRUE(files_.IsProcessAlive(1));
  EXPECT_FALSE(files_.IsProcessAlive(1 << 23));  // above the kernel's limit
}

TEST(NewPosixFileSystemTest, WritesOnTheFileSystemThatIsThere) {
  const TempDirectory directory;
  const auto files = NewPosixFileSystem();
  const AlignedMemory memory(1 << 20);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto file,
      files->CreateFile(directory.path("a"), memory.bytes().size() + 3, 0600));
  HOIST_ASSERT_OK(file->WriteAt(0, memory.bytes()));
  HOIST_ASSERT_OK(file->WriteAt(memory.bytes().size(), Bytes("abc")));
  HOIST_ASSERT_OK(file->Sync());
  EXPECT_EQ(directory.Read("a"), memory.text() + "abc");
}

TEST(NewPosixFileSystemTest, WritesInMemory) {
  const std::string path = "/dev/shm/hoist_test_" + std::to_string(getpid());
  const auto files = NewPosixFileSystem();
  const AlignedMemory memory(8192);
  auto file = files->CreateFile(path, memory.bytes().size(), 0600);
  if (!file.ok()) {
    GTEST_SKIP() << file.status();
  }
  HOIST_EXPECT_OK((*file)->WriteAt(0, memory.bytes()));
  HOIST_EXPECT_OK((*file)->Sync());
  HOIST_EXPECT_OK(files->RemoveFile(path));
}

}  // namespace
}  // namespace hoist
