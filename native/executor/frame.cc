#include "frame.h"

#include <cstring>

namespace azr {

void Writer::u8(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }

void Writer::u32(uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) u8(static_cast<uint8_t>(value >> shift));
}

void Writer::u64(uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) u8(static_cast<uint8_t>(value >> shift));
}

void Writer::string(std::string_view value) {
  u32(static_cast<uint32_t>(value.size()));
  bytes_.append(value);
}

void Writer::string_z(std::string_view value) {
  string(value);
  u8(0);
}

const char* Reader::take(size_t count) {
  if (!ok_ || size_ - position_ < count) {
    ok_ = false;
    return nullptr;
  }
  const char* at = data_ + position_;
  position_ += count;
  return at;
}

uint8_t Reader::u8() {
  const char* at = take(1);
  return at == nullptr ? 0 : static_cast<uint8_t>(*at);
}

uint32_t Reader::u32() {
  const char* at = take(4);
  uint32_t value = 0;
  for (int i = 3; at != nullptr && i >= 0; --i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

uint64_t Reader::u64() {
  const char* at = take(8);
  uint64_t value = 0;
  for (int i = 7; at != nullptr && i >= 0; --i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

std::string_view Reader::string() {
  const uint32_t size = u32();
  const char* at = take(size);
  return at == nullptr ? std::string_view() : std::string_view(at, size);
}

std::string_view Reader::string_z() {
  const std::string_view value = string();
  if (u8() != 0) ok_ = false;
  return ok_ ? value : std::string_view("", 0);
}

std::string encode_frame(uint32_t id, uint8_t kind, std::string_view payload) {
  Writer out;
  out.u32(static_cast<uint32_t>(payload.size() + 5));
  out.u32(id);
  out.u8(kind);
  std::string bytes = out.take();
  bytes.append(payload);
  return bytes;
}

std::optional<Frame> FrameDecoder::next() {
  const size_t available = buffer_.size() - start_;
  if (broken_ || available < 4) return std::nullopt;
  Reader reader(buffer_.data() + start_, available);
  const uint32_t length = reader.u32();
  if (length < 5 || length > kMaxFrameBytes) {
    broken_ = true;
    return std::nullopt;
  }
  if (available - 4 < length) return std::nullopt;
  Frame frame;
  frame.id = reader.u32();
  frame.kind = reader.u8();
  frame.payload.assign(buffer_, start_ + 9, length - 5);
  start_ += 4 + length;
  // The consumed prefix is dropped rarely, so that a long burst costs linear time.
  if (start_ == buffer_.size() || start_ > (1u << 20)) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  return frame;
}

}  // namespace azr
