// What crosses a process boundary in the executor: frames, requests, replies, the result area, and the verdict that the
// supervisor makes of a child's end. The result area is hostile data, so it is read damaged in every way too.
//
// Ownership: values. Thread: the test's. Teardown: none.
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>

#include <random>
#include <string>
#include <vector>

#include "classify.h"
#include "frame.h"
#include "messages.h"
#include "result_slot.h"
#include "shared_area.h"

namespace azr {
namespace {

using std::string_literals::operator""s;

TEST(Frame, ComesWholeHoweverTheStreamIsCut) {
  const std::string first = encode_frame(0x01020304, 2, "first"), second = encode_frame(7, 4, "");
  EXPECT_EQ(first, "\x0a\0\0\0\x04\x03\x02\x01\x02"s + "first");
  EXPECT_EQ(second, "\x05\0\0\0\x07\0\0\0\x04"s);
  const std::string stream = first + second + encode_frame(8, 1, std::string(3'000'000, 'x')) + first;
  for (size_t piece : {size_t{1'000'003}, size_t{65'536}, stream.size()}) {
    FrameDecoder decoder;
    std::vector<Frame> frames;
    for (size_t at = 0; at < stream.size(); at += piece) {
      decoder.append(stream.data() + at, std::min(piece, stream.size() - at));
      while (std::optional<Frame> frame = decoder.next()) frames.push_back(*frame);
    }
    ASSERT_EQ(frames.size(), 4u);
    EXPECT_EQ(frames[0].id, 0x01020304u);
    EXPECT_EQ(frames[1].kind, 4);
    EXPECT_EQ(frames[2].payload.size(), 3'000'000u);
    EXPECT_EQ(frames[3].payload, "first");
    EXPECT_FALSE(decoder.broken());
  }
  FrameDecoder bytewise;
  size_t whole = 0;
  for (char byte : first + second) {
    bytewise.append(&byte, 1);
    while (bytewise.next()) ++whole;
  }
  EXPECT_EQ(whole, 2u);
}

TEST(Frame, ImpossibleLengthsBreakTheStreamForEver) {
  for (const std::string& bad : {"\x04\0\0\0"s, "\0\0\0\0"s, "\xff\xff\xff\xff"s, "\x01\0\0\x04"s}) {
    FrameDecoder decoder;
    decoder.append(bad.data(), bad.size());
    EXPECT_FALSE(decoder.next());
    EXPECT_TRUE(decoder.broken());
    const std::string good = encode_frame(1, 1, "");
    decoder.append(good.data(), good.size());
    EXPECT_FALSE(decoder.next());
  }
}

TEST(Reader, StopsAtTheFirstMissingByte) {
  Writer writer;
  writer.u8(200);
  writer.u32(0xfedcba98);
  writer.u64(0x0123456789abcdef);
  writer.string("a\0b"s);
  writer.string_z("z");
  const std::string bytes = writer.bytes();
  Reader whole(bytes.data(), bytes.size());
  EXPECT_EQ(whole.u8(), 200);
  EXPECT_EQ(whole.u32(), 0xfedcba98u);
  EXPECT_EQ(whole.u64(), 0x0123456789abcdefu);
  EXPECT_EQ(whole.string(), "a\0b"s);
  EXPECT_EQ(whole.string_z(), "z");
  EXPECT_TRUE(whole.finished());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string shorter = bytes.substr(0, size);  // its own allocation, so that a sanitizer sees a read past it
    Reader cut(shorter.data(), shorter.size());
    cut.u8();
    cut.u32();
    cut.u64();
    cut.string();
    cut.string_z();
    EXPECT_FALSE(cut.ok()) << size;
    EXPECT_EQ(cut.u32(), 0u);
    EXPECT_EQ(cut.string(), "");
  }
  Reader unterminated("\x01\0\0\0zx", 6);
  unterminated.string_z();
  EXPECT_FALSE(unterminated.ok());
}

struct RunFields {
  uint8_t variant = 0, isolation = 0;
  uint32_t cpu = 1000, wall = 3000;
  uint64_t memory = 256u << 20;
  uint32_t output = 65536;
  std::string program = "def f(x): return x";
  std::vector<std::string> inputs = {"1", ""};
  uint32_t extra_inputs = 0;
  std::string tail;
};

std::string refused(const RunFields& fields) {
  Writer out;
  out.u8(fields.variant);
  out.u8(fields.isolation);
  out.u32(fields.cpu);
  out.u32(fields.wall);
  out.u64(fields.memory);
  out.u32(fields.output);
  out.string(fields.program);
  out.u32(static_cast<uint32_t>(fields.inputs.size()) + fields.extra_inputs);
  for (const std::string& input : fields.inputs) out.string(input);
  std::string problem;
  const auto request = decode_request({1, 1, out.take() + fields.tail}, &problem);
  EXPECT_EQ(request.has_value(), problem.empty());
  if (request) {
    EXPECT_EQ(request->inputs, fields.inputs);
    EXPECT_EQ(request->text, fields.program);
    EXPECT_EQ(request->shared_fork, fields.isolation == 1);
    EXPECT_EQ(request->limits.memory_bytes, fields.memory);
  }
  return problem;
}

RunFields with(void (*change)(RunFields&)) {
  RunFields fields;
  change(fields);
  return fields;
}

TEST(Request, IsTakenOrRefusedWithAReason) {
  EXPECT_EQ(refused({}), "");
  EXPECT_EQ(refused(with([](RunFields& f) { f.variant = 3, f.isolation = 1, f.inputs.clear(); })), "");
  // The widest limits that the client lets through (src/executor/limits.ts).
  EXPECT_EQ(refused(with([](RunFields& f) { f.cpu = f.wall = 600'000, f.memory = 64ull << 30, f.output = 1 << 20; })), "");
  EXPECT_EQ(refused(with([](RunFields& f) { f.cpu = f.wall = 1, f.memory = 1 << 20, f.output = 1; })), "");
  const struct {
    const char* why;
    void (*change)(RunFields&);
  } rows[] = {
      {"unknown variant or isolation mode", [](RunFields& f) { f.variant = 4; }},
      {"unknown variant or isolation mode", [](RunFields& f) { f.isolation = 2; }},
      {"a limit is zero or too large", [](RunFields& f) { f.cpu = 0; }},
      {"a limit is zero or too large", [](RunFields& f) { f.cpu = 600'001; }},
      {"a limit is zero or too large", [](RunFields& f) { f.wall = 600'001; }},
      {"a limit is zero or too large", [](RunFields& f) { f.memory = 1000; }},
      {"a limit is zero or too large", [](RunFields& f) { f.memory = (64ull << 30) + 1; }},
      {"a limit is zero or too large", [](RunFields& f) { f.output = (1 << 20) + 1; }},
      {"more than 4096 inputs in one request", [](RunFields& f) { f.extra_inputs = 4095; }},
      {"the payload is shorter or longer than its request", [](RunFields& f) { f.extra_inputs = 1; }},
      {"the payload is shorter or longer than its request", [](RunFields& f) { f.tail = "x"; }},
      {"program and inputs are larger than 8 MiB", [](RunFields& f) { f.inputs.assign(9, std::string(1 << 20, '1')); }},
  };
  for (const auto& row : rows) EXPECT_EQ(refused(with(row.change)), row.why);

  std::string problem;
  EXPECT_TRUE(decode_request({1, 2, "\x01\x01\0\0\0x"s}, &problem)->arguments);
  EXPECT_EQ(decode_request({1, 3, "\x01\0\0\0x"s}, &problem)->text, "x");
  EXPECT_FALSE(decode_request({1, 2, "\x02\x01\0\0\0x"s}, &problem));
  EXPECT_FALSE(decode_request({1, 9, ""}, &problem));
  EXPECT_EQ(problem, "unknown request kind");
}

TEST(Reply, HasTheBytesThatTheClientReads) {
  RunRecord ok, failed;
  ok.outcome = Outcome::kOk;
  ok.cpu_us = 1000;
  ok.wall_us = 2000;
  ok.value = "1";
  failed.outcome = Outcome::kRuntimeError;
  failed.error = "KeyError";
  failed.message = "m";
  EXPECT_EQ(encode_run_reply({ok, failed}),
            "\2\0\0\0\0\xe8\3\0\0\xd0\7\0\0\1\0\0\0001\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0KeyError\1\0\0\0m"s);
  EXPECT_EQ(encode_text_reply(TextStatus::kOk, "1"), "\1\1\0\0\0001"s);
  EXPECT_EQ(encode_text_reply(TextStatus::kRefused, ""), "\0\0\0\0\0"s);
  EXPECT_EQ(encode_text_reply(TextStatus::kSandboxError, "m"), "\2\1\0\0\0m"s);
  EXPECT_EQ(encode_task("p", {"a", "b", "c"}, 1, 2), "\1\0\0\0p\0\2\0\0\0\1\0\0\0b\0\1\0\0\0c\0"s);
}

constexpr size_t kArea = 4096 * 4;

TEST(Slot, GivesBackWhatWasCommitted) {
  std::vector<char> area(kArea, 0);
  SlotWriter writer(area.data(), area.size());
  const std::string value = "[1, 2]", long_message(1000, 'm');
  memcpy(writer.value_space(), value.data(), value.size());
  ASSERT_TRUE(writer.commit(Outcome::kOk, value.size(), "", ""));
  ASSERT_TRUE(writer.commit(Outcome::kRuntimeError, 0, "KeyError", "caf\xc3\xa9 \xff\xf0\x9f" + long_message));
  SlotView view = read_slot(area.data(), area.size(), 2, 64);
  EXPECT_TRUE(view.well_formed);
  EXPECT_FALSE(view.complete);
  ASSERT_EQ(view.records.size(), 2u);
  EXPECT_EQ(view.records[0].value, value);
  EXPECT_EQ(view.records[1].error, "KeyError");
  EXPECT_EQ(view.records[1].message.substr(0, 9), "caf\xc3\xa9 ???") << "bytes that are no UTF-8 are replaced";
  EXPECT_EQ(view.records[1].message.size(), 401u) << "400 characters, one of them of two bytes";
  writer.complete();
  EXPECT_TRUE(read_slot(area.data(), area.size(), 2, 64).complete);
  EXPECT_FALSE(read_slot(area.data(), area.size(), 1, 64).well_formed) << "more records than were asked for";
  EXPECT_FALSE(read_slot(area.data(), area.size(), 2, 5).well_formed) << "a value longer than the limit";
  const size_t left = writer.value_capacity();
  EXPECT_LT(left, kArea);
  EXPECT_FALSE(writer.commit(Outcome::kOk, kArea, "", ""));
  while (writer.commit(Outcome::kOk, 100, "", "")) {
  }
  EXPECT_EQ(writer.value_capacity(), 0u);
}

TEST(Slot, SurvivesAnythingThatAChildMayHaveWritten) {
  std::mt19937 random(7);
  size_t refused_areas = 0;
  for (int turn = 0; turn < 4000; ++turn) {
    std::vector<char> area(512, 0);
    SlotWriter writer(area.data(), area.size());
    for (int i = 0; i < 3; ++i) writer.commit(Outcome::kOk, random() % 40, "E", "m");
    writer.complete();
    for (uint32_t hits = 1 + random() % 6; hits > 0; --hits) {
      // Mostly lengths and counts, which lie at multiples of four.
      const uint32_t word = random() % 2 != 0 ? random() : random() % 64;
      memcpy(area.data() + random() % 32 * 4, &word, 4);
    }
    const SlotView view = read_slot(area.data(), area.size(), 3, 64);
    EXPECT_LE(view.records.size(), 3u);
    for (const RunRecord& record : view.records) {
      EXPECT_LE(record.value.size(), 64u);
      EXPECT_LE(record.outcome, Outcome::kBadRequest) << "a child cannot claim a failure of the sandbox";
    }
    refused_areas += view.well_formed ? 0 : 1;
  }
  EXPECT_GT(refused_areas, 500u);
}

TEST(SharedArea, IsEmptyAgainAfterEmptying) {
  SharedArea area = SharedArea::create("azr-test", 1 << 20, false);
  ASSERT_TRUE(area.valid());
  memset(area.data(), 7, area.size());
  area.empty();
  EXPECT_EQ(std::string(area.data(), area.size()), std::string(area.size(), '\0'));
  SharedArea moved = std::move(area);
  EXPECT_TRUE(moved.valid());
  EXPECT_FALSE(area.valid());
}

int exited(int code) { return code << 8; }

struct EndingRow {
  const char* name;
  int status;
  uint64_t cpu_ms;
  uint64_t peak_mib;
  bool wall_killed;
  bool locked;
  bool complete;
  size_t records;
  Outcome wanted;
};

SlotView view_of(const EndingRow& row) {
  SlotView view;
  view.complete = row.complete;
  RunRecord record;
  record.outcome = Outcome::kOk;
  record.value = "1";
  view.records.assign(row.records, record);
  return view;
}

TEST(Verdict, IsMadeOfHowTheChildEnded) {
  const EndingRow rows[] = {
      {"a whole answer", 0, 1, 20, false, true, true, 1, Outcome::kOk},
      {"an answer without an end", 0, 1, 20, false, true, false, 1, Outcome::kRuntimeError},
      {"an end without an answer", 0, 1, 20, false, true, true, 0, Outcome::kRuntimeError},
      {"an exit", exited(3), 1, 20, false, true, false, 0, Outcome::kRuntimeError},
      {"an answer, then another exit code", exited(1), 1, 20, false, true, true, 1, Outcome::kRuntimeError},
      {"an answer, then a signal", SIGSEGV, 1, 20, false, true, true, 1, Outcome::kRuntimeError},
      {"an answer, but late", 0, 5, 20, true, true, true, 1, Outcome::kTimeLimit},
      {"a forbidden call", SIGSYS, 1, 20, false, true, false, 0, Outcome::kViolation},
      {"the timer", SIGXCPU, 1000, 20, false, true, false, 0, Outcome::kTimeLimit},
      {"the hard limit of processor time", SIGKILL, 2000, 20, false, true, false, 0, Outcome::kTimeLimit},
      {"the wall clock", SIGKILL, 5, 20, true, true, false, 0, Outcome::kTimeLimit},
      {"the wall clock, with little of the processor", SIGKILL, 3, 20, true, true, false, 0, Outcome::kSandboxError},
      {"killed with much memory, as a machine without any does", SIGKILL, 5, 250, false, true, false, 0, Outcome::kSandboxError},
      {"ended by somebody else", SIGTERM, 5, 20, false, true, false, 0, Outcome::kSandboxError},
      {"killed by somebody else", SIGKILL, 5, 20, false, true, false, 0, Outcome::kSandboxError},
      {"killed by somebody else, shortly before its limit", SIGKILL, 990, 20, false, true, false, 0, Outcome::kSandboxError},
      {"a crash", SIGSEGV, 5, 20, false, true, false, 0, Outcome::kRuntimeError},
      {"a crash with much memory", SIGSEGV, 5, 250, false, true, false, 0, Outcome::kMemoryLimit},
      {"an abort", SIGABRT, 5, 20, false, true, false, 0, Outcome::kRuntimeError},
      {"a step of the lock that failed", exited(2), 1, 20, false, false, false, 0, Outcome::kSandboxError},
      {"a death before the lock", SIGSEGV, 1, 20, false, false, false, 0, Outcome::kSandboxError},
      {"no time even for the lock", SIGXCPU, 1, 20, false, false, false, 0, Outcome::kTimeLimit},
      {"stuck before the lock", SIGKILL, 1, 20, true, false, false, 0, Outcome::kSandboxError},
  };
  for (const EndingRow& row : rows) {
    Ending ending;
    ending.wait_status = row.status;
    ending.cpu_us = row.cpu_ms * 1000;
    ending.wall_us = 7000;
    ending.peak_bytes = row.peak_mib << 20;
    ending.wall_killed = row.wall_killed;
    ending.lock.locked = row.locked ? 1 : 0;
    const std::vector<RunRecord> records = classify(ending, view_of(row), Limits(), 1);
    ASSERT_EQ(records.size(), 1u) << row.name;
    EXPECT_EQ(records[0].outcome, row.wanted) << row.name;
    EXPECT_EQ(records[0].value.empty(), row.wanted != Outcome::kOk) << row.name;
    EXPECT_EQ(records[0].cpu_us, row.cpu_ms * 1000) << row.name;
    if (row.wanted != Outcome::kOk) {
      EXPECT_FALSE(records[0].message.empty()) << row.name;
    }
  }
}

TEST(Verdict, OfSeveralInputsKeepsWhatWasAnswered) {
  const EndingRow crash = {"", SIGSEGV, 9, 20, false, true, false, 2, Outcome::kOk};
  Ending ending;
  ending.wait_status = SIGXCPU;
  ending.cpu_us = 4000;
  ending.lock.locked = 1;
  const std::vector<RunRecord> records = classify(ending, view_of(crash), Limits(), 4);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[1].outcome, Outcome::kOk);
  EXPECT_EQ(records[2].outcome, Outcome::kTimeLimit);
  EXPECT_EQ(records[3].outcome, Outcome::kTimeLimit);
  EXPECT_EQ(records[0].cpu_us, 1000u) << "shared evenly";
  // A failure of ours makes the whole fork worthless: it runs again.
  ending.wait_status = SIGKILL;
  for (const RunRecord& record : classify(ending, view_of(crash), Limits(), 4)) {
    EXPECT_EQ(record.outcome, Outcome::kSandboxError);
  }
  // Damage in the area makes its records worthless, but is the program's doing.
  SlotView damaged = view_of(crash);
  damaged.well_formed = false;
  ending.wait_status = 0;
  for (const RunRecord& record : classify(ending, damaged, Limits(), 4)) {
    EXPECT_EQ(record.outcome, Outcome::kRuntimeError);
  }
}

}  // namespace
}  // namespace azr
