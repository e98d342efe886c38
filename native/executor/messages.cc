#include "messages.h"

namespace azr {
namespace {

constexpr uint32_t kMaxLimitMs = 600'000;
constexpr uint64_t kMaxMemoryBytes = 64ull << 30;

bool plausible(const Limits& limits) {
  return limits.cpu_ms >= 1 && limits.cpu_ms <= kMaxLimitMs && limits.wall_ms >= 1 &&
         limits.wall_ms <= kMaxLimitMs && limits.memory_bytes >= (1u << 20) &&
         limits.memory_bytes <= kMaxMemoryBytes && limits.output_bytes >= 1 &&
         limits.output_bytes <= kMaxOutputBytes;
}

size_t area_bytes(const Request& request) {
  size_t total = 16 + request.text.size();
  for (const std::string& input : request.inputs) total += input.size() + 5;
  return total;
}

}  // namespace

std::optional<Request> decode_request(const Frame& frame, std::string* problem) {
  Reader reader(frame.payload.data(), frame.payload.size());
  Request request;
  request.kind = static_cast<MessageKind>(frame.kind);
  switch (request.kind) {
    case MessageKind::kRun: {
      request.variant = reader.u8();
      const uint8_t isolation = reader.u8();
      request.shared_fork = isolation == 1;
      request.limits.cpu_ms = reader.u32();
      request.limits.wall_ms = reader.u32();
      request.limits.memory_bytes = reader.u64();
      request.limits.output_bytes = reader.u32();
      request.text = reader.string();
      const uint32_t count = reader.u32();
      if (count > kMaxInputs) {
        *problem = "more than 4096 inputs in one request";
        return std::nullopt;
      }
      for (uint32_t i = 0; i < count && reader.ok(); ++i) request.inputs.emplace_back(reader.string());
      if (isolation > 1 || request.variant >= kVariantCount) {
        *problem = "unknown variant or isolation mode";
        return std::nullopt;
      }
      break;
    }
    case MessageKind::kParse: {
      const uint8_t arguments = reader.u8();
      request.arguments = arguments == 1;
      request.text = reader.string();
      if (arguments > 1) {
        *problem = "unknown parse mode";
        return std::nullopt;
      }
      // Canonical text of a literal may be longer than what was typed (escapes), but not without bound.
      request.limits.output_bytes = kMaxOutputBytes;
      break;
    }
    case MessageKind::kMeasure:
      // Many programs, each beside several others.
      request.limits.cpu_ms = 120'000;
      request.limits.wall_ms = 360'000;
      request.limits.memory_bytes = 1ull << 30;
      [[fallthrough]];
    case MessageKind::kAnalyse:
      request.text = reader.string();
      request.limits.output_bytes = kMaxOutputBytes;
      break;
    default:
      *problem = "unknown request kind";
      return std::nullopt;
  }
  if (!reader.finished()) {
    *problem = "the payload is shorter or longer than its request";
    return std::nullopt;
  }
  if (!plausible(request.limits)) {
    *problem = "a limit is zero or too large";
    return std::nullopt;
  }
  if (area_bytes(request) > kRequestAreaBytes) {
    *problem = "program and inputs are larger than 8 MiB";
    return std::nullopt;
  }
  return request;
}

std::string encode_run_reply(const std::vector<RunRecord>& records) {
  Writer out;
  out.u32(static_cast<uint32_t>(records.size()));
  for (const RunRecord& record : records) {
    out.u8(static_cast<uint8_t>(record.outcome));
    out.u32(record.cpu_us);
    out.u32(record.wall_us);
    out.string(record.value);
    out.string(record.error);
    out.string(record.message);
  }
  return out.take();
}

std::string encode_text_reply(TextStatus status, std::string_view text) {
  Writer out;
  out.u8(static_cast<uint8_t>(status));
  out.string(text);
  return out.take();
}

std::string encode_task(std::string_view text, const std::vector<std::string>& inputs, size_t first,
                        size_t count) {
  Writer out;
  out.string_z(text);
  out.u32(static_cast<uint32_t>(count));
  for (size_t i = first; i < first + count; ++i) out.string_z(inputs[i]);
  return out.take();
}

}  // namespace azr
