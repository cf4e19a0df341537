// What every way to read a file promises, asked of each of them, and of each
// with what it needs forbidden.

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/io/open_read_path.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kMaxRead = 300000;

// What the system forbids the thread that reads.
enum class Forbidden { kNothing, kUring, kDirect };

struct Way {
  const char* name;
  ReadMethod method;
  Forbidden forbidden = Forbidden::kNothing;
};

// From now on, calls on this thread that would need it fail with EPERM or
// EINVAL, as in containers and on file systems that have no O_DIRECT.
void Forbid(Forbidden what) {
  if (what == Forbidden::kNothing) {
    return;
  }
  // A filter of system calls: (number == N && argument & mask) -> errno.
  const bool is_uring = what == Forbidden::kUring;
  const auto number =
      static_cast<unsigned>(is_uring ? SYS_io_uring_setup : SYS_openat);
  const auto error = static_cast<unsigned>(is_uring ? EPERM : EINVAL);
  const auto otherwise = static_cast<uint8_t>(is_uring ? 1 : 3);
  const auto flags_at =
      static_cast<unsigned>(offsetof(seccomp_data, args) + 2 * 8);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, otherwise),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!is_uring) {
    code[2] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags_at);
    code[3] = BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_DIRECT, 0, 1);
    code[4] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }
  const sock_fprog program = {.len = 6, .filter = code};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

std::string RandomBytes(size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  return bytes;
}

std::vector<absl::Span<uint8_t>> Whole(std::string& out) {
  return {absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), out.size())};
}

class ReadPathTest : public ::testing::TestWithParam<Way> {
 protected:
  // Runs `test` on a thread of its own, since what is forbidden stays so.
  template <typename Test>
  void Run(const Test& test) {
    std::thread thread([&] {
      Forbid(GetParam().forbidden);
      test();
    });
    thread.join();
  }

  static absl::StatusOr<std::unique_ptr<ReadPath>> Open(
      const std::string& path) {
    auto file = OpenFile(path);
    if (!file.ok()) {
      return file.status();
    }
    return OpenReadPath(*std::move(file), GetParam().method);
  }

  static absl::Status Read(ReadPath& path, uint64_t offset, std::string& out) {
    const auto queue = path.MakeQueue(1, kMaxRead);
    queue->Start(offset, Whole(out), 7);
    const ReadQueue::Done done = queue->Wait();
    EXPECT_EQ(done.tag, 7u);
    return done.status;
  }
};

TEST_P(ReadPathTest, ReadsAnyRangeIntoAnyParts) {
  Run([] {
    const std::string content = RandomBytes(1000003);
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path,
                               Open(WriteTempFile("random", content)));
    EXPECT_EQ(path->method(), GetParam().method);
    const auto queue = path->MakeQueue(4, kMaxRead);
    ASSERT_GE(queue->depth(), 1);
    std::mt19937 random(2);
    const auto below = [&random](size_t n) { return random() % n; };
    struct Wanted {
      uint64_t offset;
      std::string out;
    };
    std::map<uint64_t, Wanted> under_way;
    const auto wait = [&] {
      const ReadQueue::Done done = queue->Wait();
      HOIST_ASSERT_OK(done.status);
      ASSERT_TRUE(under_way.contains(done.tag));
      const Wanted& wanted = under_way[done.tag];
      ASSERT_EQ(wanted.out, content.substr(wanted.offset, wanted.out.size()))
          << wanted.offset;
      under_way.erase(done.tag);
    };
    for (uint64_t tag = 0; tag < 300; ++tag) {
      const size_t size = below(tag % 3 == 0 ? 100 : kMaxRead);
      const uint64_t offset = below(content.size() - size + 1);
      Wanted& wanted = under_way[tag];
      wanted = {offset, std::string(size, '\0')};
      std::vector<absl::Span<uint8_t>> parts;
      absl::Span<uint8_t> rest = Whole(wanted.out)[0];
      while (!rest.empty()) {
        const size_t part =
            tag % 2 == 0 ? rest.size() : below(rest.size()) / 2 + 1;
        parts.push_back(rest.subspan(0, part));
        rest.remove_prefix(part);
      }
      queue->Start(offset, std::move(parts), tag);
      while (under_way.size() >= static_cast<size_t>(queue->depth())) {
        wait();
      }
    }
    while (!under_way.empty()) {
      wait();
    }
  });
}

// As O_DIRECT likes it: memory that lies as the file does.
TEST_P(ReadPathTest, ReadsIntoMemoryThatLiesAsTheFile) {
  Run([] {
    constexpr size_t kPage = 4096;
    const std::string content = RandomBytes(80 * kPage + 100);
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path,
                               Open(WriteTempFile("aligned", content)));
    const auto queue = path->MakeQueue(2, kMaxRead);
    std::vector<uint8_t> memory(content.size() + 2 * kPage);
    uint8_t* const base =
        memory.data() +
        (kPage - reinterpret_cast<uintptr_t>(memory.data()) % kPage) % kPage;
    for (const size_t begin : {size_t{0}, size_t{1}, size_t{64}, kPage,
                               kPage + 4095, 5 * kPage - 1}) {
      for (const size_t end :
           {20 * kPage, 20 * kPage + 1, 21 * kPage - 1, 70 * kPage + 64,
            content.size() - 1, content.size()}) {
        std::fill(memory.begin(), memory.end(), 0xEE);
        const absl::Span<uint8_t> part(base + begin, end - begin);
        if (part.size() > kMaxRead) {
          continue;
        }
        queue->Start(begin, {part}, 0);
        HOIST_ASSERT_OK(queue->Wait().status);
        EXPECT_EQ(std::string(part.begin(), part.end()),
                  content.substr(begin, end - begin));
        // Nothing beside it was touched.
        EXPECT_EQ(*part.end(), 0xEE);
        if (base + begin > memory.data()) {
          EXPECT_EQ(part.data()[-1], 0xEE);
        }
      }
    }
  });
}

TEST_P(ReadPathTest, RangeOutsideTheFileIsDataLoss) {
  Run([] {
    const std::string name = WriteTempFile("ten", "0123456789");
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path, Open(name));
    std::string out(4, '\0');
    EXPECT_THAT(
        Read(*path, 7, out),
        StatusIs(absl::StatusCode::kDataLoss,
                 AllOf(HasSubstr(name), HasSubstr("4 bytes from byte 7"),
                       HasSubstr("has 10"))));
    HOIST_EXPECT_OK(Read(*path, 6, out));
    EXPECT_EQ(out, "6789");
    std::string none;
    HOIST_EXPECT_OK(Read(*path, 10, none));
  });
}

TEST_P(ReadPathTest, FileThatShrinksIsDataLoss) {
  Run([] {
    const std::string name = WriteTempFile("shrinks", RandomBytes(200000));
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path, Open(name));
    std::string out(100000, '\0');
    HOIST_EXPECT_OK(Read(*path, 100000, out));
    ASSERT_EQ(truncate(name.c_str(), 150000), 0);
    EXPECT_THAT(Read(*path, 100000, out),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
    // To the very page that it ends on, and to nothing.
    ASSERT_EQ(truncate(name.c_str(), 0), 0);
    EXPECT_THAT(Read(*path, 0, out),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
  });
}

TEST_P(ReadPathTest, EmptyFile) {
  Run([] {
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path,
                               Open(WriteTempFile("none", "")));
    std::string none;
    HOIST_EXPECT_OK(Read(*path, 0, none));
    std::string one(1, '\0');
    EXPECT_THAT(Read(*path, 0, one), StatusIs(absl::StatusCode::kDataLoss));
  });
}

TEST_P(ReadPathTest, QueueThatGoesWaitsForItsReads) {
  Run([] {
    const std::string content = RandomBytes(kMaxRead);
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path,
                               Open(WriteTempFile("left", content)));
    for (int i = 0; i < 20; ++i) {
      std::string out(kMaxRead, '\0');
      auto queue = path->MakeQueue(4, kMaxRead);
      queue->Start(0, Whole(out), 0);
      queue = nullptr;
    }
    std::string out(kMaxRead, '\0');
    HOIST_EXPECT_OK(Read(*path, 0, out));
    EXPECT_EQ(out, content);
  });
}

TEST_P(ReadPathTest, SaysWhatItDidInItsPlace) {
  Run([] {
    HOIST_ASSERT_OK_AND_ASSIGN(const auto path,
                               Open(WriteTempFile("note", RandomBytes(10000))));
    std::string out(10000, '\0');
    HOIST_ASSERT_OK(Read(*path, 0, out));
    switch (GetParam().forbidden) {
      case Forbidden::kNothing:
        EXPECT_THAT(path->Note(), IsEmpty());
        break;
      case Forbidden::kUring:
        EXPECT_THAT(path->Note(), HasSubstr("io_uring"));
        break;
      case Forbidden::kDirect:
        EXPECT_THAT(path->Note(), HasSubstr("O_DIRECT"));
        break;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    Ways, ReadPathTest,
    ::testing::Values(
        Way{"Pread", ReadMethod::kPread}, Way{"Mmap", ReadMethod::kMmap},
        Way{"Direct", ReadMethod::kDirect},
        Way{"DirectWithoutUring", ReadMethod::kDirect, Forbidden::kUring},
        Way{"DirectForbidden", ReadMethod::kDirect, Forbidden::kDirect}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DirectPathTest, HasSeveralReadsUnderWay) {
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, OpenFile(WriteTempFile("f", "1234")));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto path, OpenReadPath(std::move(file), ReadMethod::kDirect));
  EXPECT_EQ(path->MakeQueue(6, kMaxRead)->depth(), 6);
}

TEST(MmapPathTest, GivesTheFileItselfAndKeepsWritesPrivate) {
  const std::string name = WriteTempFile("mapped", "0123456789");
  HOIST_ASSERT_OK_AND_ASSIGN(auto file, OpenFile(name));
  HOIST_ASSERT_OK_AND_ASSIGN(auto path,
                             OpenReadPath(std::move(file), ReadMethod::kMmap));
  const absl::Span<uint8_t> bytes = path->mapped_bytes();
  ASSERT_EQ(bytes.size(), 10u);
  const auto queue = path->MakeQueue(1, 10);
  queue->Start(4, {bytes.subspan(4, 3)}, 0);
  HOIST_ASSERT_OK(queue->Wait().status);
  EXPECT_EQ(bytes[4], '4');
  bytes[4] = 'x';
  HOIST_ASSERT_OK_AND_ASSIGN(file, OpenFile(name));
  std::string out(1, '\0');
  HOIST_ASSERT_OK(file->ReadAt(4, Whole(out)[0]));
  EXPECT_EQ(out, "4");
  const std::shared_ptr<const void> mapping = path->mapping();
  path = nullptr;
  EXPECT_EQ(bytes[5], '5');
}

TEST(MmapPathTest, WhatIsInMemoryCannotBeMapped) {
  EXPECT_THAT(
      OpenReadPath(std::make_shared<MemoryFile>("1234"), ReadMethod::kMmap),
      StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto path,
      OpenReadPath(std::make_shared<MemoryFile>("1234"), ReadMethod::kDirect));
  std::string out(2, '\0');
  const auto queue = path->MakeQueue(1, kMaxRead);
  queue->Start(1, Whole(out), 0);
  HOIST_ASSERT_OK(queue->Wait().status);
  EXPECT_EQ(out, "23");
}

}  // namespace
}  // namespace hoist
