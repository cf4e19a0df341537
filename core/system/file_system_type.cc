#include "hoist/core/system/file_system_type.h"

#include <sys/vfs.h>

#include <cerrno>

#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

struct Known {
  uint64_t magic;  // linux/magic.h, or the file system's own headers
  FileSystemType type;
};

constexpr FileSystemType Local(absl::string_view name, bool supports_direct) {
  return {.name = name, .supports_direct = supports_direct};
}

constexpr FileSystemType Memory(absl::string_view name) {
  return {.name = name, .is_memory = true};
}

constexpr FileSystemType Network(absl::string_view name, bool supports_direct) {
  return {.name = name, .is_network = true, .supports_direct = supports_direct};
}

constexpr Known kKnown[] = {
    {0xef53, Local("ext4", true)},
    {0x58465342, Local("xfs", true)},
    {0x9123683e, Local("btrfs", true)},
    {0xf2f52010, Local("f2fs", true)},
    {0xca451a4e, Local("bcachefs", true)},
    // It has a cache of its own, which it reads through until version 2.3.
    {0x2fc12fc1, Local("zfs", false)},
    // As what is below it, mostly one of the above.
    {0x794c7630, Local("overlayfs", true)},
    {0x65735546, Local("fuse", true)},
    {0x2011bab0, Local("exfat", true)},
    {0x4d44, Local("vfat", true)},
    {0x7366746e, Local("ntfs3", true)},
    {0x73717368, Local("squashfs", false)},
    {0xe0f5e1e2, Local("erofs", false)},
    {0x9660, Local("iso9660", false)},
    {0x01021994, Memory("tmpfs")},
    {0x858458f6, Memory("ramfs")},
    {0x958458f6, Memory("hugetlbfs")},
    {0x6969, Network("nfs", true)},
    {0x0bd00bd0, Network("lustre", true)},
    {0x47504653, Network("gpfs", true)},
    {0x19830326, Network("beegfs", true)},
    {0x00c36400, Network("ceph", true)},
    {0xff534d42, Network("cifs", true)},
    {0xfe534d42, Network("smb2", true)},
    {0x517b, Network("smb", false)},
    {0x7461636f, Network("ocfs2", true)},
    {0x01161970, Network("gfs2", true)},
    {0xaad7aaea, Network("panfs", true)},
    {0x5346414f, Network("afs", false)},
    {0x6b414653, Network("afs", false)},
    // Mostly a folder of the host of this machine or container.
    {0x01021997, Network("9p", false)},
};

}  // namespace

FileSystemType FileSystemTypeOfMagic(uint64_t magic) {
  for (const Known& known : kKnown) {
    if (known.magic == magic) {
      return known.type;
    }
  }
  return Local("unknown", false);
}

absl::StatusOr<FileSystemType> FileSystemTypeOf(int fd) {
  struct statfs info;
  int result;
  do {
    result = fstatfs(fd, &info);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    return ErrnoStatus(errno, "Asking for the file system's type");
  }
  // Magic numbers have 32 bits; f_type may be signed.
  return FileSystemTypeOfMagic(static_cast<uint32_t>(info.f_type));
}

}  // namespace hoist
