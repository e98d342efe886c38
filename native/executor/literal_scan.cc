#include "literal_scan.h"

#include <stdlib.h>
#include <string.h>

#include "interpreter.h"

namespace azr {
namespace {

using py::api;
using py::Object;

constexpr int kMaxDepth = 20;

class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  /** Comma-separated values up to the end of the text. */
  Object* arguments() {
    Object* list = api.PyList_New(0);
    if (list == nullptr || !elements(list, '\0', 0, nullptr)) return nullptr;
    const intptr_t count = api.PyList_Size(list);
    Object* tuple = api.PyTuple_New(count);
    for (intptr_t i = 0; tuple != nullptr && i < count; ++i) {
      Object* item = api.PyList_GetItem(list, i);
      api.Py_IncRef(item);
      api.PyTuple_SetItem(tuple, i, item);
    }
    return tuple;
  }

 private:
  void blank() {
    while (at_ < end_ && *at_ == ' ') ++at_;
  }
  bool accept(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  /** What may follow a number or a word here; anything else (1e5, 0x1, 1_000, 1j, True.x) is for the other parser. */
  bool value_ends() const {
    if (at_ == end_) return true;
    return *at_ == ',' || *at_ == ' ' || *at_ == ']' || *at_ == ')' || *at_ == '}' || *at_ == ':';
  }
  bool at_close(char close) { return close == '\0' ? at_ == end_ : at_ < end_ && *at_ == close; }

  bool elements(Object* list, char close, int depth, bool* comma);
  Object* value(int depth);
  Object* number();
  Object* string(char quote);
  Object* word();
  Object* bracket(int depth);
  Object* parenthesis(int depth);
  Object* brace(int depth);
  bool pairs(Object* dictionary, Object* key, int depth);

  const char* at_;
  const char* end_;
};

bool Scanner::elements(Object* list, char close, int depth, bool* comma) {
  for (;;) {
    blank();
    if (at_close(close)) break;
    Object* item = value(depth);
    if (item == nullptr || api.PyList_Append(list, item) != 0) return false;
    api.Py_DecRef(item);
    blank();
    if (at_close(close)) break;
    if (!accept(',')) return false;
    if (comma != nullptr) *comma = true;
  }
  if (close != '\0') ++at_;
  return true;
}

Object* Scanner::number() {
  const char* start = at_;
  if (at_ < end_ && *at_ == '-') ++at_;
  const char* first = at_;
  while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
  const ptrdiff_t digits = at_ - first;
  if (digits == 0 || digits > 17) return nullptr;
  if (at_ < end_ && *at_ == '.') {
    const char* fraction = ++at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    if (at_ == fraction || at_ - first > 40) return nullptr;
    // The C library rounds correctly, as Python does, and the locale is C.
    char copy[64];
    memcpy(copy, start, static_cast<size_t>(at_ - start));
    copy[at_ - start] = 0;
    if (!value_ends()) return nullptr;
    return api.PyFloat_FromDouble(strtod(copy, nullptr));
  }
  if (!value_ends() || (digits > 1 && *first == '0')) return nullptr;
  long long number = 0;
  for (const char* digit = first; digit < at_; ++digit) number = number * 10 + (*digit - '0');
  return api.PyLong_FromLongLong(*start == '-' ? -number : number);
}

Object* Scanner::string(char quote) {
  const char* start = at_;
  while (at_ < end_ && *at_ != quote) {
    const unsigned char character = static_cast<unsigned char>(*at_);
    if (character < 0x20 || character > 0x7e || character == '\\') return nullptr;
    ++at_;
  }
  if (at_ == end_) return nullptr;
  const size_t size = static_cast<size_t>(at_ - start);
  ++at_;
  // A further quote would be a triple-quoted or a joined string.
  const char* next = at_;
  while (next < end_ && *next == ' ') ++next;
  if (next < end_ && (*next == '\'' || *next == '"')) return nullptr;
  return api.PyUnicode_FromStringAndSize(start, static_cast<intptr_t>(size));
}

Object* Scanner::word() {
  const struct {
    std::string_view name;
    Object* value;
  } words[] = {{"True", api._Py_TrueStruct}, {"False", api._Py_FalseStruct}, {"None", api._Py_NoneStruct}};
  for (const auto& entry : words) {
    const size_t size = entry.name.size();
    if (static_cast<size_t>(end_ - at_) < size || std::string_view(at_, size) != entry.name) continue;
    at_ += size;
    if (!value_ends()) return nullptr;
    api.Py_IncRef(entry.value);
    return entry.value;
  }
  return nullptr;
}

Object* Scanner::bracket(int depth) {
  Object* list = api.PyList_New(0);
  return list != nullptr && elements(list, ']', depth, nullptr) ? list : nullptr;
}

Object* Scanner::parenthesis(int depth) {
  Object* list = api.PyList_New(0);
  bool comma = false;
  if (list == nullptr || !elements(list, ')', depth, &comma)) return nullptr;
  const intptr_t count = api.PyList_Size(list);
  if (count == 1 && !comma) {
    Object* only = api.PyList_GetItem(list, 0);
    api.Py_IncRef(only);
    return only;
  }
  Object* tuple = api.PyTuple_New(count);
  for (intptr_t i = 0; tuple != nullptr && i < count; ++i) {
    Object* item = api.PyList_GetItem(list, i);
    api.Py_IncRef(item);
    api.PyTuple_SetItem(tuple, i, item);
  }
  return tuple;
}

bool Scanner::pairs(Object* dictionary, Object* key, int depth) {
  for (;;) {
    if (!accept(':')) return false;
    blank();
    Object* item = value(depth);
    if (item == nullptr || api.PyDict_SetItem(dictionary, key, item) != 0) return false;
    api.Py_DecRef(key);
    api.Py_DecRef(item);
    blank();
    if (accept('}')) return true;
    if (!accept(',')) return false;
    blank();
    if (accept('}')) return true;
    key = value(depth);
    if (key == nullptr) return false;
    blank();
  }
}

Object* Scanner::brace(int depth) {
  blank();
  if (accept('}')) return api.PyDict_New();
  Object* first = value(depth);
  if (first == nullptr) return nullptr;
  blank();
  // Sets are left to the other parser: they are rare as inputs.
  if (at_ == end_ || *at_ != ':') return nullptr;
  Object* dictionary = api.PyDict_New();
  return dictionary != nullptr && pairs(dictionary, first, depth) ? dictionary : nullptr;
}

Object* Scanner::value(int depth) {
  if (at_ == end_ || depth > kMaxDepth) return nullptr;
  const char first = *at_;
  if ((first >= '0' && first <= '9') || first == '-') return number();
  switch (first) {
    case '[':
      ++at_;
      return bracket(depth + 1);
    case '(':
      ++at_;
      return parenthesis(depth + 1);
    case '{':
      ++at_;
      return brace(depth + 1);
    case '\'':
    case '"':
      ++at_;
      return string(first);
    default:
      return word();
  }
}

}  // namespace

Object* scan_arguments(std::string_view text) {
  Object* tuple = Scanner(text).arguments();
  if (tuple == nullptr && api.PyErr_Occurred() != nullptr) api.PyErr_Clear();
  return tuple;
}

}  // namespace azr
