#include "encode_value.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <string_view>

#include "interpreter.h"

namespace azr {
namespace {

using py::api;
using py::Object;

constexpr int kMaxDepth = 64;
constexpr size_t kMaxNodes = 1'000'000;
/** Python's own cap for text of integers, and as many bits as that many digits may need. */
constexpr size_t kMaxIntegerDigits = 4300;
constexpr long long kMaxIntegerBits = 14'285;

struct Item {
  Object* key;
  Object* value;
};
bool by_key(const Item& a, const Item& b) { return a.key < b.key; }

class Encoder {
 public:
  Encoder(char* out, size_t capacity) : out_(out), capacity_(capacity) {}

  bool value(Object* object);

  Outcome outcome = Outcome::kOk;
  const char* message = "";
  size_t size() const { return size_; }

 private:
  bool fail(Outcome what, const char* why) {
    outcome = what;
    message = why;
    return false;
  }
  bool text(std::string_view part) {
    if (part.size() > capacity_ - size_) return fail(Outcome::kOutputLimit, "the value's text is too long");
    memcpy(out_ + size_, part.data(), part.size());
    size_ += part.size();
    return true;
  }
  bool out_of_memory() {
    api.PyErr_Clear();
    return fail(Outcome::kMemoryLimit, "no memory left to encode the value");
  }
  bool enter(Object* object);
  void leave() { --depth_; }

  bool scalar(Object* object);
  bool integer(Object* object);
  bool real(Object* object);
  bool builtin_repr(Object* object);
  bool sequence(Object* object, bool tuple);
  bool items(Object* object, std::string_view before, std::string_view after);
  bool mapping(Object* object, std::string_view before, std::string_view after);
  bool ordered_mapping(Object* object);
  bool ordered_items(const Item* items, size_t count, Object* parts);
  bool forged_order() { return fail(Outcome::kUnrepresentable, "an OrderedDict whose order is not that of its keys"); }
  bool set(Object* object, bool frozen);
  bool decimal(Object* object);
  bool fraction(Object* object);
  bool key(Object* object);
  bool sort_elements(size_t start, const size_t* ends, size_t count);

  char* out_;
  size_t capacity_;
  size_t size_ = 0;
  size_t nodes_ = 0;
  int depth_ = 0;
  /** How many keys or members of sets we are inside of. */
  int keys_ = 0;
  Object* path_[kMaxDepth];
};

bool Encoder::enter(Object* object) {
  for (int i = 0; i < depth_; ++i) {
    if (path_[i] == object) return fail(Outcome::kUnrepresentable, "the value contains itself");
  }
  if (depth_ == kMaxDepth) return fail(Outcome::kUnrepresentable, "the value is nested deeper than 64 levels");
  path_[depth_++] = object;
  return true;
}

/** Only for exact builtin types, whose text is made by the interpreter alone. */
bool Encoder::builtin_repr(Object* object) {
  Object* repr = api.PyObject_Repr(object);
  if (repr == nullptr) return out_of_memory();
  intptr_t length = 0;
  const char* data = api.PyUnicode_AsUTF8AndSize(repr, &length);
  const bool done = data != nullptr ? text({data, static_cast<size_t>(length)}) : out_of_memory();
  api.Py_DecRef(repr);
  return done;
}

bool Encoder::integer(Object* object) {
  int overflow = 0;
  long long number = api.PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow == 0) {
    char digits[24];
    char* at = digits + sizeof digits;
    const bool negative = number < 0;
    unsigned long long rest = negative ? 0ull - static_cast<unsigned long long>(number)
                                       : static_cast<unsigned long long>(number);
    do {
      *--at = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (negative) *--at = '-';
    return text({at, static_cast<size_t>(digits + sizeof digits - at)});
  }
  Object* bits = call_one(interpreter.bit_length, object);
  if (bits == nullptr) return out_of_memory();
  const long long count = api.PyLong_AsLongLongAndOverflow(bits, &overflow);
  api.Py_DecRef(bits);
  if (overflow != 0 || count > kMaxIntegerBits) {
    return fail(Outcome::kOutputLimit, "an integer has more than 4300 digits");
  }
  // The program may have lowered Python's own cap below ours, or lifted it.
  const size_t start = size_;
  if (!builtin_repr(object)) return fail(Outcome::kOutputLimit, "an integer has more digits than its text may have");
  if (size_ - start > kMaxIntegerDigits + (out_[start] == '-' ? 1 : 0)) {
    return fail(Outcome::kOutputLimit, "an integer has more than 4300 digits");
  }
  return true;
}

bool Encoder::real(Object* object) {
  char* digits = api.PyOS_double_to_string(api.PyFloat_AsDouble(object), 'r', 0, py::kAddDotZero, nullptr);
  if (digits == nullptr) return out_of_memory();
  const bool done = text(digits);
  api.PyMem_Free(digits);
  return done;
}

bool Encoder::items(Object* object, std::string_view before, std::string_view after) {
  if (!enter(object) || !text(before)) return false;
  Object* iterator = api.PyObject_GetIter(object);
  if (iterator == nullptr) return out_of_memory();
  bool first = true;
  while (Object* item = api.PyIter_Next(iterator)) {
    if (!first && !text(", ")) return false;
    first = false;
    if (!value(item)) return false;
    api.Py_DecRef(item);
  }
  if (api.PyErr_Occurred() != nullptr) return out_of_memory();
  api.Py_DecRef(iterator);
  leave();
  return text(after);
}

bool Encoder::sequence(Object* object, bool tuple) {
  if (!enter(object) || !text(tuple ? "(" : "[")) return false;
  const intptr_t count = tuple ? api.PyTuple_Size(object) : api.PyList_Size(object);
  for (intptr_t i = 0; i < count; ++i) {
    if (i > 0 && !text(", ")) return false;
    if (!value(tuple ? api.PyTuple_GetItem(object, i) : api.PyList_GetItem(object, i))) return false;
  }
  leave();
  return text(!tuple ? "]" : count == 1 ? ",)" : ")");
}

bool Encoder::mapping(Object* object, std::string_view before, std::string_view after) {
  if (!enter(object) || !text(before)) return false;
  intptr_t position = 0;
  Object *key = nullptr, *item = nullptr;
  bool first = true;
  while (api.PyDict_Next(object, &position, &key, &item) != 0) {
    if (!first && !text(", ")) return false;
    first = false;
    if (!this->key(key) || !text(": ") || !value(item)) return false;
  }
  leave();
  return text(after);
}

/** A dictionary's items, by the addresses of their keys. Null without memory; the caller frees it. */
Item* items_by_key(Object* dictionary, size_t* count) {
  size_t space = 16;
  Item* items = static_cast<Item*>(malloc(space * sizeof(Item)));
  intptr_t position = 0;
  Item next;
  *count = 0;
  while (items != nullptr && api.PyDict_Next(dictionary, &position, &next.key, &next.value) != 0) {
    if (*count == space) {
      space *= 2;
      Item* grown = static_cast<Item*>(realloc(items, space * sizeof(Item)));
      if (grown == nullptr) free(items);
      items = grown;
      if (items == nullptr) break;
    }
    items[(*count)++] = next;
  }
  if (items != nullptr) std::sort(items, items + *count, by_key);
  return items;
}

/**
 * OrderedDict keeps an order of its own beside the dictionary's. It is read the way the collector reads it: going through the keys and looking
 * them up would hash and compare them, which is the program's code for keys of classes that it has changed.
 */
bool Encoder::ordered_mapping(Object* object) {
  if (!enter(object) || !text("OrderedDict({")) return false;
  size_t count = 0;
  Item* items = items_by_key(object, &count);
  Object* parts = items == nullptr ? nullptr : call_one(interpreter.referents, object);
  const bool done = parts == nullptr ? out_of_memory() : ordered_items(items, count, parts);
  free(items);
  if (!done) return false;
  api.Py_DecRef(parts);
  leave();
  return text("})");
}

/** `parts`: attributes, if there are any; then the keys in their order; then the dictionary's values, or keys and values. */
bool Encoder::ordered_items(const Item* items, size_t count, Object* parts) {
  const auto find = [&](size_t at) {
    const Item wanted{api.PyList_GetItem(parts, static_cast<intptr_t>(at)), nullptr};
    const Item* found = std::lower_bound(items, items + count, wanted, by_key);
    return found != items + count && found->key == wanted.key ? found : nullptr;
  };
  const size_t total = static_cast<size_t>(api.PyList_Size(parts));
  const size_t start = total > 0 && api.PyList_GetItem(parts, 0)->type == api.PyDict_Type ? 1 : 0;
  if (total != start + 2 * count && total != start + 3 * count) return forged_order();
  // Keys that only the order knows would stand where the dictionary's begin.
  for (size_t at = start + count; total == start + 3 * count && at < total; at += 2) {
    if (find(at) == nullptr && find(at + 1) == nullptr) return forged_order();
  }
  for (size_t i = 0; i < count; ++i) {
    const Item* item = find(start + i);
    if (item == nullptr) return forged_order();
    if (i > 0 && !text(", ")) return false;
    if (!key(item->key) || !text(": ") || !value(item->value)) return false;
  }
  return true;
}

bool Encoder::sort_elements(size_t start, const size_t* ends, size_t count) {
  struct Part {
    size_t from;
    size_t size;
  };
  const size_t bytes = size_ - start;
  Part* parts = static_cast<Part*>(malloc(count * sizeof(Part) + bytes + 1));
  if (parts == nullptr) return out_of_memory();
  char* copy = reinterpret_cast<char*>(parts + count);
  memcpy(copy, out_ + start, bytes);
  size_t from = 0;
  for (size_t i = 0; i < count; ++i) {
    parts[i] = {from, ends[i] - start - from};
    from = ends[i] - start;
  }
  std::sort(parts, parts + count, [copy](const Part& a, const Part& b) {
    return std::string_view(copy + a.from, a.size) < std::string_view(copy + b.from, b.size);
  });
  size_ = start;
  bool done = true;
  for (size_t i = 0; i < count && done; ++i) {
    done = (i == 0 || text(", ")) && text({copy + parts[i].from, parts[i].size});
  }
  free(parts);
  return done;
}

bool Encoder::set(Object* object, bool frozen) {
  if (!enter(object)) return false;
  Object* iterator = api.PyObject_GetIter(object);
  if (iterator == nullptr) return out_of_memory();
  if (frozen && !text("frozenset(")) return false;
  const size_t opening = size_;
  if (!text("{")) return false;
  const size_t start = size_;
  size_t count = 0, space = 0;
  size_t* ends = nullptr;
  while (Object* item = api.PyIter_Next(iterator)) {
    if (!key(item)) {
      free(ends);
      return false;
    }
    api.Py_DecRef(item);
    if (count == space) {
      space = space == 0 ? 64 : 2 * space;
      size_t* grown = static_cast<size_t*>(realloc(ends, space * sizeof(size_t)));
      if (grown == nullptr) {
        free(ends);
        return out_of_memory();
      }
      ends = grown;
    }
    ends[count++] = size_;
  }
  if (api.PyErr_Occurred() != nullptr) {
    free(ends);
    return out_of_memory();
  }
  api.Py_DecRef(iterator);
  leave();
  if (count == 0) {
    size_ = opening;
    return text(frozen ? ")" : "set()");
  }
  const bool sorted = sort_elements(start, ends, count);
  free(ends);
  return sorted && text(frozen ? "})" : "}");
}

/** A key or a member: a program may have given a class of the library a hash, the grammar has not. */
bool Encoder::key(Object* object) {
  keys_ += 1;
  const bool done = value(object);
  keys_ -= 1;
  return done;
}

/** The letter of the exponent hangs on the program's decimal context; canonical text has the capital. */
bool Encoder::decimal(Object* object) {
  const size_t start = size_;
  if (!builtin_repr(object)) return false;
  for (size_t i = start + strlen("Decimal('"); i < size_; ++i) {
    if (out_[i] == 'e' && out_[i - 1] >= '0' && out_[i - 1] <= '9') out_[i] = 'E';
  }
  return true;
}

/** Its two fields are an ordinary object's and may hold anything by now. */
bool Encoder::fraction(Object* object) {
  Object* parts[2] = {call_one(interpreter.read_numerator, object),
                      call_one(interpreter.read_denominator, object)};
  for (Object* part : parts) {
    if (part == nullptr || part->type != api.PyLong_Type) {
      api.PyErr_Clear();
      return fail(Outcome::kUnrepresentable, "a Fraction whose parts are not integers");
    }
  }
  if (!text("Fraction(") || !integer(parts[0]) || !text(", ")) return false;
  const size_t start = size_;
  if (!integer(parts[1])) return false;
  Object* divisor = call_two(interpreter.greatest_divisor, parts[0], parts[1]);
  if (divisor == nullptr) return out_of_memory();
  int overflow = 0;
  const bool lowest = api.PyLong_AsLongLongAndOverflow(divisor, &overflow) == 1 && overflow == 0;
  api.Py_DecRef(divisor);
  if (!lowest || out_[start] == '-' || out_[start] == '0') {
    return fail(Outcome::kUnrepresentable, "a Fraction that is not in lowest terms");
  }
  return text(")");
}

bool Encoder::scalar(Object* object) {
  const size_t room = capacity_ - size_;
  Object* type = object->type;
  if (type == api.PyUnicode_Type && static_cast<size_t>(api.PyUnicode_GetLength(object)) > room) {
    return fail(Outcome::kOutputLimit, "the value's text is too long");
  }
  if (type == api.PyBytes_Type && static_cast<size_t>(api.PyBytes_Size(object)) > room) {
    return fail(Outcome::kOutputLimit, "the value's text is too long");
  }
  return builtin_repr(object);
}

bool Encoder::value(Object* object) {
  if (++nodes_ > kMaxNodes) return fail(Outcome::kOutputLimit, "the value has more than a million parts");
  if (object == api._Py_NoneStruct) return text("None");
  if (object == api._Py_TrueStruct) return text("True");
  if (object == api._Py_FalseStruct) return text("False");
  Object* type = object->type;
  if (type == api.PyLong_Type) return integer(object);
  if (type == api.PyFloat_Type) return real(object);
  if (type == api.PyUnicode_Type || type == api.PyBytes_Type || type == api.PyComplex_Type) return scalar(object);
  if (type == api.PyTuple_Type) return sequence(object, true);
  if (type == api.PyFrozenSet_Type) return set(object, true);
  if (type == interpreter.fraction_type) return fraction(object);
  if (type == interpreter.decimal_type) return decimal(object);
  if (keys_ > 0) return fail(Outcome::kUnrepresentable, "a key or member of a set that is not hashable");
  if (type == api.PyList_Type) return sequence(object, false);
  if (type == api.PyDict_Type || type == interpreter.default_dict_type) return mapping(object, "{", "}");
  if (type == api.PySet_Type) return set(object, false);
  if (type == interpreter.counter_type) return mapping(object, "Counter({", "})");
  if (type == interpreter.deque_type) return items(object, "deque([", "])");
  if (type == api.PyODict_Type) return ordered_mapping(object);
  return fail(Outcome::kUnrepresentable, "a value of a type that has no literal");
}

}  // namespace

Encoded encode_value(Object* value, char* out, size_t capacity) {
  Encoder encoder(out, capacity);
  const bool done = encoder.value(value);
  return {done ? Outcome::kOk : encoder.outcome, done ? encoder.size() : 0, encoder.message};
}

}  // namespace azr
