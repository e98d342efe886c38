#include "failure.h"

#include <stdio.h>
#include <string.h>

#include "interpreter.h"

namespace azr {
namespace {

using py::api;
using py::Object;

constexpr size_t kTextLimit = 400;
char label_text[128];
char message_text[512];
char described[700];

std::string_view utf8(Object* text) {
  intptr_t size = 0;
  const char* data = api.PyUnicode_AsUTF8AndSize(text, &size);
  if (data != nullptr) return {data, static_cast<size_t>(size)};
  api.PyErr_Clear();
  return {};
}

/** Cuts on a character boundary. */
std::string_view cut(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit);
}

const char* builtin_name(Object* type) {
  const intptr_t count = api.PyTuple_Size(interpreter.exceptions);
  for (intptr_t i = 0; i < count; ++i) {
    Object* pair = api.PyTuple_GetItem(interpreter.exceptions, i);
    if (api.PyTuple_GetItem(pair, 0) == type) {
      return api.PyUnicode_AsUTF8AndSize(api.PyTuple_GetItem(pair, 1), nullptr);
    }
  }
  return nullptr;
}

void find_label(Object* type) {
  snprintf(label_text, sizeof label_text, "SystemError");
  if (type == nullptr || interpreter.read_mro == nullptr) return;
  if (const char* direct = builtin_name(type)) {
    snprintf(label_text, sizeof label_text, "%s", direct);
    return;
  }
  Object* order = call_one(interpreter.read_mro, type);
  if (order == nullptr || order->type != api.PyTuple_Type) {
    api.PyErr_Clear();
    return;
  }
  const intptr_t count = api.PyTuple_Size(order);
  for (intptr_t i = 0; i < count; ++i) {
    if (const char* name = builtin_name(api.PyTuple_GetItem(order, i))) {
      snprintf(label_text, sizeof label_text, "%s", name);
      return;
    }
  }
}

/** Text of one plain argument: strings as they are, small numbers in decimal. */
size_t append_plain(char* out, size_t space, Object* value) {
  if (value->type == api.PyUnicode_Type) {
    const std::string_view text = cut(utf8(value), space);
    memcpy(out, text.data(), text.size());
    return text.size();
  }
  if (value->type == api.PyLong_Type) {
    int overflow = 0;
    const long long number = api.PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) {
      const int length = snprintf(out, space, "%lld", number);
      return length > 0 && static_cast<size_t>(length) < space ? static_cast<size_t>(length) : 0;
    }
  }
  return 0;
}

size_t find_message(Object* value) {
  Object* arguments = call_one(interpreter.read_arguments, value);
  if (arguments == nullptr || arguments->type != api.PyTuple_Type) {
    api.PyErr_Clear();
    return 0;
  }
  const intptr_t count = api.PyTuple_Size(arguments);
  size_t length = 0;
  for (intptr_t i = 0; i < count && i < 3 && length < kTextLimit; ++i) {
    char* at = message_text + length;
    const bool first = length == 0;
    const size_t gap = first ? 0 : 2;
    const size_t added = append_plain(at + gap, kTextLimit > length + gap ? kTextLimit - length - gap : 0,
                                      api.PyTuple_GetItem(arguments, i));
    if (added == 0) continue;
    if (!first) memcpy(at, ": ", 2);
    length += added + gap;
  }
  return length;
}

}  // namespace

Failure take_failure() {
  Object *type = nullptr, *value = nullptr, *trace = nullptr;
  api.PyErr_Fetch(&type, &value, &trace);
  if (type != nullptr) api.PyErr_NormalizeException(&type, &value, &trace);
  // Making the exception may itself have failed, and then `type` is that failure's.
  find_label(type);
  size_t length = 0;
  if (value != nullptr && interpreter.read_arguments != nullptr) length = find_message(value);
  api.PyErr_Clear();
  return {label_text, {message_text, length}};
}

std::string_view describe_exception() {
  const Failure failure = take_failure();
  // The helper functions raise a plain Exception when a sentence says it all.
  if (failure.label == "Exception") return failure.message;
  const int length = snprintf(described, sizeof described, "%.*s: %.*s", static_cast<int>(failure.label.size()),
                              failure.label.data(), static_cast<int>(failure.message.size()), failure.message.data());
  return {described, static_cast<size_t>(length)};
}

}  // namespace azr
