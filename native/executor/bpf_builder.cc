#include "bpf_builder.h"

#include <linux/seccomp.h>

#include <cstddef>
#include <map>

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

/** What is answered to system calls from a number up to the first number of the next range. */
struct Range {
  uint32_t first;
  std::vector<sock_filter> answer;
};

std::vector<sock_filter> plain_answer(uint32_t action) {
  return {BPF_STMT(BPF_RET | BPF_K, action)};
}

std::vector<sock_filter> answer_of(const AllowRule& rule, uint32_t otherwise) {
  Block block;
  for (const ArgumentCheck& check : rule.checks) block.check(check);
  block.close(SECCOMP_RET_ALLOW);
  if (!rule.checks.empty()) block.assembler.give_back(otherwise);
  return block.assembler.code;
}

bool same_answer(const Range& a, const Range& b) {
  return a.answer.size() == 1 && b.answer.size() == 1 && a.answer[0].k == b.answer[0].k;
}

/** All numbers in order, neighbours that are answered alike as one. */
std::vector<Range> ranges_of(const FilterTable& table) {
  const uint32_t otherwise = SECCOMP_RET_ERRNO | table.default_errno;
  std::map<uint32_t, std::vector<sock_filter>> rows;
  for (const uint32_t number : table.killed) rows[number] = plain_answer(SECCOMP_RET_KILL_PROCESS);
  for (const FilterTable::ErrnoRule& rule : table.errors) rows[rule.number] = plain_answer(SECCOMP_RET_ERRNO | rule.value);
  for (const AllowRule& rule : table.allowed) rows[rule.number] = answer_of(rule, otherwise);
  std::vector<Range> all = {{0, plain_answer(otherwise)}};
  const auto add = [&all](Range range) {
    if (all.back().first == range.first) all.pop_back();
    if (all.empty() || !same_answer(all.back(), range)) all.push_back(std::move(range));
  };
  for (auto& [number, answer] : rows) {
    add({number, std::move(answer)});
    add({number + 1, plain_answer(otherwise)});
  }
  if (table.number_bound != 0) add({table.number_bound, plain_answer(SECCOMP_RET_KILL_PROCESS)});
  return all;
}

/** Binary search of the number in the accumulator among ranges[first, end). */
std::vector<sock_filter> search(const std::vector<Range>& ranges, size_t first, size_t end) {
  if (end - first == 1) return ranges[first].answer;
  const size_t middle = (first + end) / 2;
  const std::vector<sock_filter> below = search(ranges, first, middle), above = search(ranges, middle, end);
  Assembler out;
  if (below.size() <= 255) {
    out.jump(BPF_JGE, ranges[middle].first, static_cast<uint8_t>(below.size()), 0);
  } else {
    // A conditional jump spans at most 255 instructions.
    out.jump(BPF_JGE, ranges[middle].first, 0, 1);
    out.code.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(below.size())));
  }
  out.code.insert(out.code.end(), below.begin(), below.end());
  out.code.insert(out.code.end(), above.begin(), above.end());
  return out.code;
}

}  // namespace

std::vector<sock_filter> build_filter(const FilterTable& table) {
  Assembler out;
  out.load(kArchitectureOffset);
  out.jump(BPF_JEQ, table.architecture, 1, 0);
  out.give_back(SECCOMP_RET_KILL_PROCESS);
  out.load(kNumberOffset);
  const std::vector<Range> ranges = ranges_of(table);
  const std::vector<sock_filter> found = search(ranges, 0, ranges.size());
  out.code.insert(out.code.end(), found.begin(), found.end());
  return out.code;
}

}  // namespace azr
