#include "hoist/checkpoint/plan/read_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

// A large file on a disk, of which nothing is in the page cache.
FileFacts Cold() {
  return {
      .read_bytes = uint64_t{1} << 30, .file_system = "ext4", .resident = 0.0};
}

TEST(ReadChoiceTest, ColdFilesGoPastThePageCache) {
  const ReadChoice choice = ChooseReadMethod(Cold());
  EXPECT_EQ(choice.method, ReadMethod::kDirect);
  EXPECT_EQ(choice.reason, "0 % of it is in the page cache");
}

TEST(ReadChoiceTest, WhatIsInThePageCacheIsTakenFromThere) {
  FileFacts facts = Cold();
  facts.resident = 0.98;
  const ReadChoice choice = ChooseReadMethod(facts);
  EXPECT_EQ(choice.method, ReadMethod::kPread);
  EXPECT_EQ(choice.reason, "98 % of it is in the page cache");
}

TEST(ReadChoiceTest, OthersAreReadThroughIt) {
  const auto expect_pread = [](const FileFacts& facts, const char* reason) {
    const ReadChoice choice = ChooseReadMethod(facts);
    EXPECT_EQ(choice.method, ReadMethod::kPread) << reason;
    EXPECT_THAT(choice.reason, HasSubstr(reason));
  };
  FileFacts facts = Cold();
  facts.is_file = false;
  expect_pread(facts, "in memory");
  facts = Cold();
  facts.is_memory = true;
  facts.file_system = "tmpfs";
  expect_pread(facts, "tmpfs is memory");
  facts = Cold();
  facts.read_bytes = 1000;
  expect_pread(facts, "small");
  facts = Cold();
  facts.is_network = true;
  facts.file_system = "nfs";
  expect_pread(facts, "nfs");
  facts = Cold();
  facts.supports_direct = false;
  facts.file_system = "zfs";
  expect_pread(facts, "zfs, has no direct reads");
  facts = Cold();
  facts.resident.reset();
  expect_pread(facts, "not known");
}

}  // namespace
}  // namespace hoist
