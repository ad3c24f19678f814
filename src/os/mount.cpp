#include "os/mount.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/vfs.h>
#else
#include <sys/mount.h>
#include <sys/param.h>
#endif

#include <algorithm>
#include <iterator>

namespace cobatch {

namespace {
// From linux/magic.h and the file systems' own headers; that header lacks those kept outside the kernel.
constexpr std::uint64_t unlockable_types[] = {
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB 2 and 3
    0x65735546,  // FUSE; also virtiofs and Docker Desktop's shares
    0x01021997,  // 9p; WSL shows Windows drives through it
    0x5346414F,  // AFS
    0x6B414653,  // AFS, kAFS
    0x73757245,  // Coda
    0x00C36400,  // Ceph
    0x564C,      // NCP
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
    0x01161970,  // GFS2
    0x7461636F,  // OCFS2
    0x19830326,  // BeeGFS
    0xAAD7AAEA,  // PanFS
    0x20030528,  // OrangeFS
    0x786F4256,  // VirtualBox shared folders
    0xBACBACBC,  // VMware shared folders
    0x7C7C6673,  // Parallels shared folders
};
}  // namespace

bool is_unlockable_type(std::uint64_t type) noexcept {
  return std::find(std::begin(unlockable_types), std::end(unlockable_types), type) != std::end(unlockable_types);
}

int is_on_unlockable(int fd) noexcept {
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return -1;
#ifdef __linux__
  // f_type is signed and, on some systems, 32 bits wide: sign extension must not hide a type above 2^31.
  return is_unlockable_type(static_cast<std::uint32_t>(info.f_type)) ? 1 : 0;
#else
  return (info.f_flags & MNT_LOCAL) == 0 ? 1 : 0;
#endif
}

std::int64_t mount_of(int fd) noexcept {
#ifdef STATX_MNT_ID
  struct statx info {};
  // Since Linux 5.8; a bind mount of a single file shares device and inode with its origin, but not this.
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) == 0 && (info.stx_mask & STATX_MNT_ID) != 0)
    return static_cast<std::int64_t>(info.stx_mnt_id);
#endif
  struct stat plain {};
  if (::fstat(fd, &plain) != 0) return -1;
  return static_cast<std::int64_t>(plain.st_dev);
}

}  // namespace cobatch
