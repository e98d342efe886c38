// What memory there is and what is asked of it: buffers that grow, and an error that says how much was wanted where there is none
// (AZR_OUT_OF_MEMORY). Buffers are the caller's; any thread.
#pragma once

#include <cstdint>
#include <new>
#include <stdexcept>
#include <vector>

namespace azr {

// Bytes that this process may still take: the least of what the system has available and of what its control groups (a container's limit)
// and its limit of addresses (ulimit -v) leave.
int64_t FreeBytes();

// Throws AZR_OUT_OF_MEMORY with the bytes, what they were for, and how many are free.
[[noreturn]] void ThrowOutOfMemory(int64_t bytes, const char* what);

// Gives a buffer at least `size` values. Where it has to grow its contents are lost: the old memory is given back first.
template <typename T>
void Grow(std::vector<T>* buffer, int64_t size, const char* what) {
  if (static_cast<int64_t>(buffer->size()) >= size) return;
  if (static_cast<int64_t>(buffer->capacity()) < size) std::vector<T>().swap(*buffer);
  try {
    buffer->resize(size);
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory(size * static_cast<int64_t>(sizeof(T)), what);
  } catch (const std::length_error&) {  // beyond any container's limit
    ThrowOutOfMemory(size * static_cast<int64_t>(sizeof(T)), what);
  }
}

}  // namespace azr
