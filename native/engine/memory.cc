#include "engine/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>

#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// The number after `key` in a file of lines, or the file's first word where there is no key. -1 when there is none.
int64_t NumberIn(const std::string& path, const std::string& key = "") {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    if (!key.empty()) {
      if (word != key) continue;
      file >> word;
    }
    long long number = 0;
    return std::sscanf(word.c_str(), "%lld", &number) == 1 ? number : -1;
  }
  return -1;
}

int64_t AvailableBytes() {
  const int64_t kibibytes = NumberIn("/proc/meminfo", "MemAvailable:");
  return kibibytes >= 0 ? kibibytes * 1024 : int64_t{sysconf(_SC_AVPHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

// What the control groups above this process leave (version 2). Pages of files that it has only read do not count.
int64_t GroupBytes() {
  std::ifstream file("/proc/self/cgroup");
  std::string line, group;
  while (std::getline(file, line)) {
    if (line.rfind("0::", 0) == 0) group = line.substr(3);
  }
  int64_t least = kNoLimit;
  while (!group.empty()) {
    const std::string folder = "/sys/fs/cgroup" + group;
    const int64_t limit = NumberIn(folder + "/memory.max"), used = NumberIn(folder + "/memory.current");
    if (limit >= 0 && used >= 0) {
      least = std::min(least, limit - used + std::max<int64_t>(0, NumberIn(folder + "/memory.stat", "inactive_file")));
    }
    group.resize(group.size() > 1 ? std::max<size_t>(1, group.rfind('/')) : 0);
  }
  return least;
}

int64_t AddressBytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  const int64_t pages = NumberIn("/proc/self/statm");
  return pages < 0 ? kNoLimit : static_cast<int64_t>(limit.rlim_cur) - pages * sysconf(_SC_PAGESIZE);
}

}  // namespace

int64_t FreeBytes() { return std::max<int64_t>(0, std::min({AvailableBytes(), GroupBytes(), AddressBytes()})); }

void ThrowOutOfMemory(int64_t bytes, const char* what) {
  throw EngineError("AZR_OUT_OF_MEMORY", "could not allocate " + std::to_string(bytes) + " bytes for " + what + "; " +
                                             std::to_string(FreeBytes()) + " bytes are free");
}

}  // namespace azr
