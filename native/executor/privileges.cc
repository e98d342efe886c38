#include "privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace azr {
namespace {

bool write_file(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const int size = static_cast<int>(__builtin_strlen(text));
  const bool written = write(fd, text, static_cast<size_t>(size)) == size;
  close(fd);
  return written;
}

/** Root here, somebody else outside: what the first line of the map says. False where that cannot be told. */
bool is_root_in_name_only() {
  FILE* file = fopen("/proc/self/uid_map", "re");
  if (file == nullptr) return false;
  unsigned inside = 1, outside = 0, count = 0;
  const int got = fscanf(file, "%u %u %u", &inside, &outside, &count);
  fclose(file);
  return got == 3 && inside == 0 && outside != 0;
}

}  // namespace

bool drop_capabilities() {
  for (int capability = 0; capability < 64; ++capability) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return syscall(SYS_capset, &header, none) == 0;
}

bool enter_user_namespace(uid_t user, gid_t group) {
  const uid_t own_user = geteuid();
  const gid_t own_group = getegid();
  // Otherwise the files below belong to root.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (unshare(CLONE_NEWUSER) != 0) return false;
  char users[64], groups[64];
  snprintf(users, sizeof users, "%u %u 1", user, own_user);
  snprintf(groups, sizeof groups, "%u %u 1", group, own_group);
  return write_file("/proc/self/uid_map", users) && write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/gid_map", groups);
}

bool become_unprivileged() {
  if (setgroups(0, nullptr) == 0 && setresgid(kNobody, kNobody, kNobody) == 0 && setresuid(kNobody, kNobody, kNobody) == 0) {
    return drop_capabilities();
  }
  return is_root_in_name_only() && enter_user_namespace(kNobody, kNobody) && geteuid() == kNobody && drop_capabilities();
}

}  // namespace azr
