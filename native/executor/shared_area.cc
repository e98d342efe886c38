#include "shared_area.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace azr {

SharedArea::SharedArea(SharedArea&& other) noexcept { *this = std::move(other); }

SharedArea& SharedArea::operator=(SharedArea&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedArea::~SharedArea() {
  if (data_ != nullptr) munmap(data_, size_);
  if (fd_ >= 0) close(fd_);
}

SharedArea SharedArea::create(const char* name, size_t size, bool read_only_elsewhere) {
  SharedArea area;
  area.fd_ = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (area.fd_ < 0) return area;
  void* data = MAP_FAILED;
  if (ftruncate(area.fd_, static_cast<off_t>(size)) == 0) {
    data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, area.fd_, 0);
  }
  if (data == MAP_FAILED) return area;
  area.data_ = static_cast<char*>(data);
  area.size_ = size;
  // Sizes are fixed, so that no process can make the other's mapping fault. Sealing later writes needs Linux 5.1;
  // without it a child could only spoil its own request.
  fcntl(area.fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
  if (read_only_elsewhere) fcntl(area.fd_, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
  return area;
}

void SharedArea::empty() {
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size_)) != 0) {
    std::memset(data_, 0, size_);
  }
}

}  // namespace azr
