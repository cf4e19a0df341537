#include "hoist/core/system/file_system_type.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <initializer_list>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

TEST(FileSystemTypeTest, KnowsTheKernelsNumbers) {
  EXPECT_EQ(FileSystemTypeOfMagic(EXT4_SUPER_MAGIC).name, "ext4");
  EXPECT_EQ(FileSystemTypeOfMagic(XFS_SUPER_MAGIC).name, "xfs");
  EXPECT_EQ(FileSystemTypeOfMagic(BTRFS_SUPER_MAGIC).name, "btrfs");
  EXPECT_EQ(FileSystemTypeOfMagic(F2FS_SUPER_MAGIC).name, "f2fs");
  EXPECT_EQ(FileSystemTypeOfMagic(OVERLAYFS_SUPER_MAGIC).name, "overlayfs");
  EXPECT_EQ(FileSystemTypeOfMagic(FUSE_SUPER_MAGIC).name, "fuse");
  EXPECT_EQ(FileSystemTypeOfMagic(EXFAT_SUPER_MAGIC).name, "exfat");
  EXPECT_EQ(FileSystemTypeOfMagic(MSDOS_SUPER_MAGIC).name, "vfat");
  EXPECT_EQ(FileSystemTypeOfMagic(SQUASHFS_MAGIC).name, "squashfs");
  EXPECT_EQ(FileSystemTypeOfMagic(EROFS_SUPER_MAGIC_V1).name, "erofs");
  EXPECT_EQ(FileSystemTypeOfMagic(ISOFS_SUPER_MAGIC).name, "iso9660");
  EXPECT_EQ(FileSystemTypeOfMagic(OCFS2_SUPER_MAGIC).name, "ocfs2");
  EXPECT_EQ(FileSystemTypeOfMagic(AFS_SUPER_MAGIC).name, "afs");
  EXPECT_EQ(FileSystemTypeOfMagic(AFS_FS_MAGIC).name, "afs");
}

TEST(FileSystemTypeTest, MemoryIsMemory) {
  for (const uint64_t magic : std::initializer_list<uint64_t>{
           TMPFS_MAGIC, RAMFS_MAGIC, HUGETLBFS_MAGIC}) {
    const FileSystemType type = FileSystemTypeOfMagic(magic);
    EXPECT_TRUE(type.is_memory) << type.name;
    EXPECT_FALSE(type.is_network) << type.name;
    EXPECT_FALSE(type.supports_direct) << type.name;
  }
}

TEST(FileSystemTypeTest, NetworksAreNetworks) {
  for (const uint64_t magic : std::initializer_list<uint64_t>{
           NFS_SUPER_MAGIC, CEPH_SUPER_MAGIC, CIFS_SUPER_MAGIC,
           SMB2_SUPER_MAGIC, V9FS_MAGIC, 0x0bd00bd0, 0x47504653}) {
    const FileSystemType type = FileSystemTypeOfMagic(magic);
    EXPECT_TRUE(type.is_network) << type.name;
    EXPECT_FALSE(type.is_memory) << type.name;
  }
}

TEST(FileSystemTypeTest, OthersAreUnknownAndPromiseNothing) {
  for (const uint64_t magic :
       std::initializer_list<uint64_t>{0, 1, PROC_SUPER_MAGIC, ~uint64_t{0}}) {
    const FileSystemType type = FileSystemTypeOfMagic(magic);
    EXPECT_EQ(type.name, "unknown");
    EXPECT_FALSE(type.supports_direct);
    EXPECT_FALSE(type.is_memory);
    EXPECT_FALSE(type.is_network);
  }
}

TEST(FileSystemTypeTest, OfAnOpenFile) {
  const int fd = memfd_create("file", MFD_CLOEXEC);
  ASSERT_GE(fd, 0);
  HOIST_ASSERT_OK_AND_ASSIGN(const FileSystemType type, FileSystemTypeOf(fd));
  EXPECT_EQ(type.name, "tmpfs");
  close(fd);
  EXPECT_THAT(FileSystemTypeOf(fd),
              StatusIs(absl::StatusCode::kUnknown,
                       ::testing::HasSubstr("Bad file descriptor")));
}

}  // namespace
}  // namespace hoist
