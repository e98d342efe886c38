#include "result_slot.h"

namespace azr {
namespace {

/** Cuts at 400 characters and replaces bytes that are not UTF-8, because the client decodes these texts. */
std::string clean_text(std::string_view text, size_t max_characters) {
  std::string out;
  size_t characters = 0;
  for (size_t i = 0; i < text.size() && characters < max_characters; ++characters) {
    const unsigned char lead = static_cast<unsigned char>(text[i]);
    size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3
                    : lead >= 0xf0 && lead < 0xf5                 ? 4
                                                                  : 0;
    bool valid = length != 0 && i + length <= text.size();
    for (size_t k = 1; valid && k < length; ++k) valid = (text[i + k] & 0xc0) == 0x80;
    if (valid) {
      out.append(text.substr(i, length));
      i += length;
    } else {
      out += '?';
      i += 1;
    }
  }
  return out;
}

}  // namespace

SlotView read_slot(const void* area, size_t size, size_t expected, uint32_t output_bytes) {
  SlotView view;
  SlotHeader header;
  std::memcpy(&header, area, sizeof header);
  view.complete = header.complete == 1;
  if (header.record_count > expected) view.well_formed = false;
  size_t position = kFirstRecord;
  const char* bytes = static_cast<const char*>(area);
  for (size_t i = 0; i < header.record_count && view.well_formed; ++i) {
    SlotRecord record;
    if (size - position < sizeof record) {
      view.well_formed = false;
      break;
    }
    std::memcpy(&record, bytes + position, sizeof record);
    const uint64_t total = uint64_t{sizeof record} + record.value_bytes + record.error_bytes +
                           uint64_t{record.message_bytes};
    if (total > size - position || record.value_bytes > output_bytes || record.error_bytes > 256 ||
        record.outcome > static_cast<uint32_t>(Outcome::kBadRequest)) {
      view.well_formed = false;
      break;
    }
    const char* text = bytes + position + sizeof record;
    RunRecord out;
    out.outcome = static_cast<Outcome>(record.outcome);
    if (out.outcome == Outcome::kOk) out.value.assign(text, record.value_bytes);
    text += record.value_bytes;
    out.error = clean_text({text, record.error_bytes}, 128);
    text += record.error_bytes;
    out.message = clean_text({text, record.message_bytes}, kMaxMessageCharacters);
    view.records.push_back(std::move(out));
    position += (total + 15) & ~uint64_t{15};
    if (position > size) position = size;
  }
  return view;
}

}  // namespace azr
