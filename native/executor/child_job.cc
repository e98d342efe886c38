#include "child_job.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>

#include "encode_value.h"
#include "failure.h"
#include "interpreter.h"
#include "literal_scan.h"

namespace azr {
namespace {

using py::api;
using py::Object;

void commit_failure(SlotWriter& slot, Outcome outcome) {
  const Failure failure = take_failure();
  if (failure.label == "MemoryError" && outcome == Outcome::kRuntimeError) {
    slot.commit(Outcome::kMemoryLimit, 0, "", failure.message);
    return;
  }
  slot.commit(outcome, 0, outcome == Outcome::kBadRequest ? "" : failure.label, failure.message);
}

void commit_value(const Command& command, Object* value, SlotWriter& slot) {
  // Finalizers of the program must not run between the parts of a value.
  const int collecting = api.PyGC_Disable();
  const size_t capacity = std::min<size_t>(command.output_bytes, slot.value_capacity());
  const Encoded encoded = encode_value(value, slot.value_space(), capacity);
  slot.commit(encoded.outcome, encoded.bytes, "", encoded.message);
  if (collecting != 0) api.PyGC_Enable();
}

/** Arguments of one call; `positional` is null when the text was refused, and then the reason is kept. */
struct Arguments {
  Object* positional = nullptr;
  Object* keywords = nullptr;
  char refusal[kMaxMessageCharacters + 1] = {};
};

void parse_input(std::string_view text, Arguments* out) {
  out->positional = scan_arguments(text);
  if (out->positional != nullptr) return;
  Object* string = api.PyUnicode_FromStringAndSize(text.data(), static_cast<intptr_t>(text.size()));
  Object* pair = string == nullptr ? nullptr : call_one(interpreter.parse_arguments, string);
  if (pair == nullptr) {
    const std::string_view why = describe_exception();
    snprintf(out->refusal, sizeof out->refusal, "%.*s", static_cast<int>(why.size()), why.data());
    return;
  }
  out->positional = api.PyTuple_GetItem(pair, 0);
  out->keywords = api.PyTuple_GetItem(pair, 1);
  if (out->keywords == api._Py_NoneStruct) out->keywords = nullptr;
}

/** What befell the program as a whole befalls each input, save those that would have been refused whatever it does. */
void commit_all(SlotWriter& slot, const Arguments* arguments, uint32_t count, Outcome outcome, const Failure& failure) {
  for (uint32_t i = 0; i < count; ++i) {
    if (arguments[i].positional == nullptr) {
      slot.commit(Outcome::kBadRequest, 0, "", arguments[i].refusal);
    } else {
      slot.commit(outcome, 0, failure.label, failure.message);
    }
  }
}

/** Null with a failure. */
Object* compile_program(std::string_view text, Failure* failure) {
  if (memchr(text.data(), 0, text.size()) != nullptr) {
    *failure = {"SyntaxError", "source code string cannot contain null bytes"};
    return nullptr;
  }
  py::CompilerFlags flags{py::kIgnoreCookie, -1};
  Object* code = api.Py_CompileStringExFlags(text.data(), "<program>", py::kFileInput, &flags, -1);
  if (code == nullptr) *failure = take_failure();
  return code;
}

Object* find_function() {
  Object* function = api.PyDict_GetItemString(interpreter.main_namespace, "f");
  if (function != nullptr) api.Py_IncRef(function);
  return function;
}

void call_function(const Command& command, const Arguments& arguments, bool last, SlotWriter& slot) {
  if (arguments.positional == nullptr) {
    slot.commit(Outcome::kBadRequest, 0, "", arguments.refusal);
    return;
  }
  Object* function = find_function();
  if (function == nullptr) {
    slot.commit(Outcome::kRuntimeError, 0, "NameError", "name 'f' is not defined");
    return;
  }
  Object* value = api.PyObject_Call(function, arguments.positional, arguments.keywords);
  api.Py_DecRef(function);
  if (value == nullptr) {
    commit_failure(slot, Outcome::kRuntimeError);
    return;
  }
  commit_value(command, value, slot);
  // The last value goes down with the process: its finalizers have nothing left to say.
  if (!last) api.Py_DecRef(value);
}

}  // namespace

void run_program(const Command& command, Reader task, SlotWriter& slot) {
  const std::string_view program = task.string_z();
  const uint32_t count = task.u32();
  if (!task.ok() || count > kMaxInputs) return;
  // All inputs become values before any line of the program runs, so that no line can take part in reading them.
  static Arguments single;
  Arguments* arguments = count == 1 ? &single : new Arguments[count];
  uint32_t refused = 0;
  for (uint32_t i = 0; i < count; ++i) {
    parse_input(task.string_z(), &arguments[i]);
    refused += arguments[i].positional == nullptr ? 1 : 0;
  }
  Failure failure;
  if (refused == count) {
    commit_all(slot, arguments, count, Outcome::kBadRequest, failure);
    return;
  }
  Object* code = compile_program(program, &failure);
  if (code == nullptr) {
    commit_all(slot, arguments, count, Outcome::kCompileError, failure);
    return;
  }
  Object* space = interpreter.main_namespace;
  Object* result = api.PyEval_EvalCode(code, space, space);
  if (result == nullptr) {
    failure = take_failure();
    const bool memory = failure.label == "MemoryError";
    if (memory) failure.label = "";
    commit_all(slot, arguments, count, memory ? Outcome::kMemoryLimit : Outcome::kRuntimeError, failure);
    return;
  }
  for (uint32_t i = 0; i < count; ++i) call_function(command, arguments[i], i + 1 == count, slot);
}

void parse_text(const Command& command, Reader task, SlotWriter& slot) {
  const std::string_view text = task.string_z();
  if (!task.ok()) return;
  Object* string = api.PyUnicode_FromStringAndSize(text.data(), static_cast<intptr_t>(text.size()));
  Object* parser = command.detail == 1 ? interpreter.parse_positional : interpreter.parse_literal;
  Object* value = string == nullptr ? nullptr : call_one(parser, string);
  if (value != nullptr) {
    commit_value(command, value, slot);
    return;
  }
  const std::string_view why = describe_exception();
  slot.commit(Outcome::kBadRequest, 0, "", why);
}

void answer_text(const Command& command, Reader task, SlotWriter& slot) {
  const std::string_view text = task.string_z();
  if (!task.ok()) return;
  Object* string = api.PyUnicode_FromStringAndSize(text.data(), static_cast<intptr_t>(text.size()));
  Object* function = command.kind == JobKind::kMeasure ? interpreter.measure : interpreter.analyse;
  Object* json = string == nullptr ? nullptr : call_one(function, string);
  intptr_t size = 0;
  const char* data = json == nullptr ? nullptr : api.PyUnicode_AsUTF8AndSize(json, &size);
  if (data == nullptr) {
    commit_failure(slot, Outcome::kBadRequest);
    return;
  }
  const size_t capacity = std::min<size_t>(command.output_bytes, slot.value_capacity());
  if (static_cast<size_t>(size) > capacity) {
    slot.commit(Outcome::kBadRequest, 0, "", "the answer is larger than 1 MiB");
    return;
  }
  memcpy(slot.value_space(), data, static_cast<size_t>(size));
  slot.commit(Outcome::kOk, static_cast<size_t>(size), "", "");
}

}  // namespace azr
