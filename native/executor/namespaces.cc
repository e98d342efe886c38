#include "namespaces.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privileges.h"

namespace azr {
namespace {

/** A file system without a file in place of the one there is. */
bool empty_root() {
  // Nothing of what follows is to be seen outside.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  // Any folder does for the moment in which both roots are there, and this one has just been used.
  if (mount("tmpfs", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2") != 0) return false;
  if (chdir("/proc") != 0 || syscall(SYS_pivot_root, ".", ".") != 0) return false;
  return umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

}  // namespace

bool enter_namespaces() {
  if (!enter_user_namespace(geteuid(), getegid())) return false;
  if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) != 0) return false;
  return empty_root();
}

}  // namespace azr
