// Little-endian byte codec of the executor's pipe protocol, and the splitter of a byte stream into frames.
//
// Ownership: Writer owns its bytes; Reader borrows. Thread: any, no shared state. Teardown: none.
// A Reader never throws and never reads outside its range: after the first short read `ok()` is false and stays so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace azr {

class Writer {
 public:
  void u8(uint8_t value);
  void u32(uint32_t value);
  void u64(uint64_t value);
  /** u32 byte length, then the bytes. */
  void string(std::string_view value);
  /** The same, followed by one zero byte, so that a reader in place gets a C string. */
  void string_z(std::string_view value);

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  Reader(const void* data, size_t size) : data_(static_cast<const char*>(data)), size_(size) {}

  uint8_t u8();
  uint32_t u32();
  uint64_t u64();
  std::string_view string();
  std::string_view string_z();

  bool ok() const { return ok_; }
  /** True when every byte was read and none was missing. */
  bool finished() const { return ok_ && position_ == size_; }

 private:
  const char* take(size_t count);

  const char* data_;
  size_t size_;
  size_t position_ = 0;
  bool ok_ = true;
};

struct Frame {
  uint32_t id = 0;
  uint8_t kind = 0;
  std::string payload;
};

/** Largest frame that is accepted or made. */
inline constexpr uint32_t kMaxFrameBytes = 64u << 20;

/** Bytes of a whole frame: u32 length, u32 id, u8 kind, payload. */
std::string encode_frame(uint32_t id, uint8_t kind, std::string_view payload);

/** Collects bytes as they arrive and gives whole frames back in order. */
class FrameDecoder {
 public:
  void append(const char* data, size_t size) { buffer_.append(data, size); }
  /** The next whole frame, or nothing. After a frame with an impossible length `broken()` is true for ever. */
  std::optional<Frame> next();
  bool broken() const { return broken_; }

 private:
  std::string buffer_;
  size_t start_ = 0;
  bool broken_ = false;
};

}  // namespace azr
