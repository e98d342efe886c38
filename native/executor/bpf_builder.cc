#include "bpf_builder.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>

namespace azr {
namespace {

constexpr uint32_t kArchitectureOffset = offsetof(seccomp_data, arch);
constexpr uint32_t kNumberOffset = offsetof(seccomp_data, nr);

// seccomp_data keeps each argument as a native 64-bit word; both supported architectures are little-endian.
uint32_t low_offset(uint8_t index) { return offsetof(seccomp_data, args) + 8u * index; }
uint32_t high_offset(uint8_t index) { return low_offset(index) + 4; }

class Assembler {
 public:
  std::vector<sock_filter> code;

  void load(uint32_t offset) { code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
  void give_back(uint32_t action) { code.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
  void jump(uint16_t test, uint32_t value, uint8_t if_true, uint8_t if_false) {
    code.push_back(sock_filter{static_cast<uint16_t>(BPF_JMP | BPF_K | test), if_true, if_false, value});
  }
};

/** Code that falls through when the check holds and jumps to the end of the block (patched later) otherwise. */
struct Block {
  Assembler assembler;
  /** Indices of jumps, with the side that leaves the block. */
  std::vector<size_t> leave_if_true;
  std::vector<size_t> leave_if_false;

  void require_equal(uint32_t value) {
    leave_if_false.push_back(assembler.code.size());
    assembler.jump(BPF_JEQ, value, 0, 0);
  }
  void require_clear(uint32_t mask) {
    leave_if_true.push_back(assembler.code.size());
    assembler.jump(BPF_JSET, mask, 0, 0);
  }
  void require_all(uint32_t mask) {
    assembler.code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    require_equal(mask);
  }
  void check(const ArgumentCheck& check);
  void close(uint32_t action);
};

void Block::check(const ArgumentCheck& check) {
  const uint32_t low = static_cast<uint32_t>(check.value);
  const uint32_t high = static_cast<uint32_t>(check.value >> 32);
  switch (check.kind) {
    case ArgumentCheck::Kind::kWithin:
      assembler.load(high_offset(check.index));
      require_clear(~high);
      assembler.load(low_offset(check.index));
      require_clear(~low);
      break;
    case ArgumentCheck::Kind::kContains:
      if (high != 0) {
        assembler.load(high_offset(check.index));
        require_all(high);
      }
      assembler.load(low_offset(check.index));
      require_all(low);
      break;
    case ArgumentCheck::Kind::kLowEquals:
      assembler.load(low_offset(check.index));
      require_equal(low);
      break;
    case ArgumentCheck::Kind::kOneOf: {
      assembler.load(high_offset(check.index));
      require_equal(0);
      assembler.load(low_offset(check.index));
      const size_t count = check.values.size();
      for (size_t i = 0; i + 1 < count; ++i) {
        assembler.jump(BPF_JEQ, check.values[i], static_cast<uint8_t>(count - 1 - i), 0);
      }
      require_equal(check.values.back());
      break;
    }
  }
}

void Block::close(uint32_t action) {
  assembler.give_back(action);
  const size_t end = assembler.code.size();
  for (size_t at : leave_if_true) assembler.code[at].jt = static_cast<uint8_t>(end - at - 1);
  for (size_t at : leave_if_false) assembler.code[at].jf = static_cast<uint8_t>(end - at - 1);
}

}  // namespace

std::vector<sock_filter> build_filter(const FilterTable& table) {
  Assembler out;
  out.load(kArchitectureOffset);
  out.jump(BPF_JEQ, table.architecture, 1, 0);
  out.give_back(SECCOMP_RET_KILL_PROCESS);
  out.load(kNumberOffset);
  if (table.number_bound != 0) {
    out.jump(BPF_JGE, table.number_bound, 0, 1);
    out.give_back(SECCOMP_RET_KILL_PROCESS);
  }
  for (const AllowRule& rule : table.allowed) {
    Block block;
    block.require_equal(rule.number);
    for (const ArgumentCheck& check : rule.checks) block.check(check);
    block.close(SECCOMP_RET_ALLOW);
    // A failed check of the right call must not fall into the next row with an argument in the accumulator.
    if (!rule.checks.empty()) {
      block.assembler.load(kNumberOffset);
      block.assembler.code[0].jf += 1;
    }
    out.code.insert(out.code.end(), block.assembler.code.begin(), block.assembler.code.end());
  }
  for (const FilterTable::ErrnoRule& rule : table.errors) {
    out.jump(BPF_JEQ, rule.number, 0, 1);
    out.give_back(SECCOMP_RET_ERRNO | rule.value);
  }
  // A jump spans at most 255 instructions, so kills are answered in groups.
  constexpr size_t kGroup = 64;
  for (size_t first = 0; first < table.killed.size(); first += kGroup) {
    const size_t count = std::min(kGroup, table.killed.size() - first);
    for (size_t i = 0; i < count; ++i) {
      const bool last = i + 1 == count;
      out.jump(BPF_JEQ, table.killed[first + i], static_cast<uint8_t>(count - 1 - i), last ? 1 : 0);
    }
    out.give_back(SECCOMP_RET_KILL_PROCESS);
  }
  out.give_back(SECCOMP_RET_ERRNO | table.default_errno);
  return out.code;
}

}  // namespace azr
