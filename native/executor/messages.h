// What travels between the client and the supervisor (requests, replies) and between the supervisor and a zygote
// (fixed-size command and notice packets).
//
// Ownership: plain values. Thread: any. Teardown: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frame.h"

namespace azr {

enum class Outcome : uint8_t {
  kOk = 0,
  kCompileError = 1,
  kRuntimeError = 2,
  kTimeLimit = 3,
  kMemoryLimit = 4,
  kOutputLimit = 5,
  kUnrepresentable = 6,
  kViolation = 7,
  kBadRequest = 8,
  kSandboxError = 9,
};

enum class MessageKind : uint8_t { kHello = 0, kRun = 1, kParse = 2, kAnalyse = 3, kCancel = 4, kMeasure = 5 };

inline constexpr uint32_t kVariantCount = 4;
inline constexpr uint32_t kMaxInputs = 4096;
inline constexpr uint32_t kMaxOutputBytes = 1u << 20;
inline constexpr uint32_t kMaxMessageCharacters = 400;
/** Size of the area that carries one task into a child, and of the one that carries results out. */
inline constexpr uint32_t kRequestAreaBytes = 8u << 20;
inline constexpr uint32_t kResultAreaBytes = 8u << 20;
/** In front of the results in the same memory: a LockReport. A multiple of every page size. */
inline constexpr uint32_t kLockAreaBytes = 64u << 10;

/** Wall limits that a child may last while other work keeps it from its processor. */
inline constexpr uint32_t kMostExtensions = 10;

struct Limits {
  uint32_t cpu_ms = 1000;
  uint32_t wall_ms = 3000;
  uint64_t memory_bytes = 256u << 20;
  uint32_t output_bytes = 64u << 10;
};

/** A run, parse, analyse or measure request as decoded from its frame. */
struct Request {
  MessageKind kind = MessageKind::kRun;
  uint8_t variant = 0;
  /** All inputs in one fork. */
  bool shared_fork = false;
  /** Parse: the text is the inside of a call's brackets. */
  bool arguments = false;
  Limits limits;
  /** Program (run, analyse), the text to parse, or what to measure, as JSON. */
  std::string text;
  std::vector<std::string> inputs;
};

struct RunRecord {
  Outcome outcome = Outcome::kSandboxError;
  uint32_t cpu_us = 0;
  uint32_t wall_us = 0;
  std::string value;
  std::string error;
  std::string message;
};

/** Nothing when the payload is not a well-formed request of that kind, with the reason in `problem`. */
std::optional<Request> decode_request(const Frame& frame, std::string* problem);

std::string encode_run_reply(const std::vector<RunRecord>& records);
/** How a parse, an analysis or a measurement ended, as its reply says it; the text is the result, or why there is none. */
enum class TextStatus : uint8_t { kRefused = 0, kOk = 1, kSandboxError = 2 };

std::string encode_text_reply(TextStatus status, std::string_view text);

/** What the zygote forks a child for. The probes are the start-up self-test. */
enum class JobKind : uint32_t { kRun = 1, kParse = 2, kAnalyse = 3, kProbe = 4, kMeasure = 5 };

/** Supervisor to zygote: limits only. The task's text lies in the request area, which only the child reads. */
struct Command {
  JobKind kind = JobKind::kRun;
  uint32_t cpu_ms = 0;
  uint32_t wall_ms = 0;
  uint32_t output_bytes = 0;
  uint64_t memory_bytes = 0;
  uint32_t request_bytes = 0;
  /** Parse: the text is arguments. Probe: which one. */
  uint32_t detail = 0;
  /** 1 when the task runs again to learn which forbidden call it makes (forbidden_call.h). */
  uint32_t explain = 0;
};

enum class NoticeKind : uint32_t { kReady = 1, kFailed = 2, kForked = 3 };

/** Protective layers that hold in every child; bit set of Notice::layers. */
enum Layer : uint32_t {
  kLayerNoNewPrivileges = 1u << 0,
  kLayerLandlock = 1u << 1,
  kLayerMemoryDenyWriteExecute = 1u << 2,
  kLayerUserDropped = 1u << 3,
  kLayerFixedAddresses = 1u << 4,
  kLayerVirtualClock = 1u << 5,
  kLayerUnprivileged = 1u << 6,
  kLayerSeparateAddresses = 1u << 7,
  kLayerNamespaces = 1u << 8,
};

/** Zygote to supervisor. */
struct Notice {
  NoticeKind kind = NoticeKind::kReady;
  int32_t pid = 0;
  uint32_t layers = 0;
  /** Ready: memory of the zygote that is resident, and so of each child. */
  uint64_t resident_bytes = 0;
  /** Ready: version of the interpreter. Failed: one sentence. Zero-terminated. */
  char text[244] = {};
};

/** Layout of the request area (see Command::request_bytes): text, count, inputs; each string zero-terminated too. */
std::string encode_task(std::string_view text, const std::vector<std::string>& inputs, size_t first,
                        size_t count);

}  // namespace azr
