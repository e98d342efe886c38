// Anonymous shared memory (memfd) that connects the supervisor with the children of one zygote.
//
// Ownership: move-only; unmaps and closes. Thread: single. Teardown: destructor.
#pragma once

#include <cstddef>

namespace azr {

class SharedArea {
 public:
  SharedArea() = default;
  SharedArea(SharedArea&& other) noexcept;
  SharedArea& operator=(SharedArea&& other) noexcept;
  ~SharedArea();

  /** `read_only_elsewhere`: no mapping made after this one, here or in another process, can be written to. */
  static SharedArea create(const char* name, size_t size, bool read_only_elsewhere);

  bool valid() const { return data_ != nullptr; }
  int fd() const { return fd_; }
  char* data() const { return data_; }
  size_t size() const { return size_; }
  /** Gives every page back; the next read sees zeros. */
  void empty();

 private:
  int fd_ = -1;
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace azr
