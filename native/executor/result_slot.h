// Layout of the shared area through which a child hands its results out, with the writer that the child uses and
// the reader that the supervisor uses after the child has been reaped.
//
// Ownership: the supervisor owns the memory (shared_area.h). Thread: one writer process, then one reader.
// Everything in the area is hostile data: the reader checks every length. Teardown: the supervisor empties the area.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "messages.h"

namespace azr {

/**
 * What a child says of its own lock, in a page that it gives away before it reads its task: no program can take back that it
 * was locked, and so none can pass its own end off as a failure of the sandbox.
 */
struct LockReport {
  uint32_t locked;
  /** Lockdown step that failed, with its errno. */
  uint32_t failed_step;
  uint32_t failed_errno;
};

struct SlotHeader {
  uint32_t record_count;
  /** The child came to the end of its work. */
  uint32_t complete;
};

/** Records start aligned. */
inline constexpr size_t kFirstRecord = 16;

struct SlotRecord {
  uint32_t outcome;
  uint32_t value_bytes;
  uint32_t error_bytes;
  uint32_t message_bytes;
};

/** Appends records. Text goes straight into shared memory, without a heap of its own. */
class SlotWriter {
 public:
  SlotWriter(void* area, size_t size) : area_(static_cast<char*>(area)), size_(size) {}

  SlotHeader* header() { return reinterpret_cast<SlotHeader*>(area_); }
  /** Where the value of the next record is to be written, and how many bytes fit at most. */
  char* value_space() { return area_ + position_ + sizeof(SlotRecord); }
  size_t value_capacity() const {
    const size_t used = position_ + sizeof(SlotRecord) + kReserve;
    return used >= size_ ? 0 : size_ - used;
  }
  /** Finishes a record whose value of `value_bytes` already lies at value_space(). False when the area is full. */
  bool commit(Outcome outcome, size_t value_bytes, std::string_view error, std::string_view message) {
    const size_t total = sizeof(SlotRecord) + value_bytes + error.size() + message.size();
    if (position_ + total > size_) return false;
    SlotRecord record{static_cast<uint32_t>(outcome), static_cast<uint32_t>(value_bytes),
                      static_cast<uint32_t>(error.size()), static_cast<uint32_t>(message.size())};
    std::memcpy(area_ + position_, &record, sizeof record);
    char* text = value_space() + value_bytes;
    std::memcpy(text, error.data(), error.size());
    std::memcpy(text + error.size(), message.data(), message.size());
    position_ += (total + 15) & ~size_t{15};
    header()->record_count += 1;
    return true;
  }
  void complete() { header()->complete = 1; }

 private:
  /** Kept free behind a value for its error name and message. */
  static constexpr size_t kReserve = 4096;

  char* area_;
  size_t size_;
  size_t position_ = kFirstRecord;
};

struct SlotView {
  bool complete = false;
  std::vector<RunRecord> records;
  /** False when a length or an outcome in the area is impossible. */
  bool well_formed = true;
};

/** Copies what a dead child left, at most `expected` records. */
SlotView read_slot(const void* area, size_t size, size_t expected, uint32_t output_bytes);

}  // namespace azr
