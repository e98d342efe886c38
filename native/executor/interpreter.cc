#include "interpreter.h"

#include <stdio.h>
#include <string.h>

#include <string>
#include <string_view>

#include "failure.h"

namespace azr {

Interpreter interpreter;

namespace {

using py::api;
using py::Object;

const char kSetupText[] =
#include "zygote_setup.py.inc"
    ;
const char kLiteralText[] =
#include "literal.py.inc"
    ;
const char kAnalyseText[] =
// Four parts of one text; the order counts.
#include "analyse_scopes.py.inc"
#include "analyse_names.py.inc"
#include "analyse.py.inc"
#include "measure.py.inc"
    ;

Object* string(std::string_view text) {
  return api.PyUnicode_FromStringAndSize(text.data(), static_cast<intptr_t>(text.size()));
}

/** Executes helper text in `space`, or in a new namespace. New reference, or null with an exception set. */
Object* execute(const char* text, const char* name, Object* space = nullptr) {
  if (space == nullptr) space = api.PyDict_New();
  if (space == nullptr) return nullptr;
  api.PyDict_SetItemString(space, "__builtins__", api.PyEval_GetBuiltins());
  api.PyDict_SetItemString(space, "__name__", string(name));
  py::CompilerFlags flags{py::kIgnoreCookie, -1};
  Object* code = api.Py_CompileStringExFlags(text, name, py::kFileInput, &flags, 2);
  if (code == nullptr) return nullptr;
  Object* result = api.PyEval_EvalCode(code, space, space);
  return result == nullptr ? nullptr : space;
}

/** What zygote_setup.py.inc is told. */
Object* setup_arguments(int variant, Library library) {
  Object* space = api.PyDict_New();
  if (space == nullptr) return nullptr;
  api.PyDict_SetItemString(space, "AZR_SEED", api.PyLong_FromLongLong(20'240'101 + 7919 * variant));
  api.PyDict_SetItemString(space, "AZR_MODULES", string(modules_of(library)));
  api.PyDict_SetItemString(space, "AZR_ALL_MODULES", string(modules_of(Library::kWhole)));
  api.PyDict_SetItemString(space, "AZR_WHOLE", library == Library::kWhole ? api._Py_TrueStruct : api._Py_FalseStruct);
  api.PyDict_SetItemString(space, "AZR_OUTGROWN_STATUS", api.PyLong_FromLongLong(kOutgrownStatus));
  return space;
}

/** Takes a name out of a namespace, with a reference that is kept for ever. */
Object* keep(Object* space, const char* name) {
  Object* value = api.PyDict_GetItemString(space, name);
  if (value != nullptr) api.Py_IncRef(value);
  return value;
}

/** A fresh module in place of the start-up script's. */
Object* make_main_namespace() {
  Object* module = api.PyModule_New("__main__");
  if (module == nullptr) return nullptr;
  api.PyDict_SetItemString(api.PyImport_GetModuleDict(), "__main__", module);
  Object* space = api.PyModule_GetDict(module);
  Object* builtins = api.PyImport_ImportModule("builtins");
  api.PyDict_SetItemString(space, "__builtins__", builtins);
  return space;
}

char problem_text[256];

const char* problem(const char* what) {
  const std::string_view why = describe_exception();
  snprintf(problem_text, sizeof problem_text, "%s: %.*s", what, static_cast<int>(why.size()), why.data());
  return problem_text;
}

}  // namespace

namespace {

Object* call(Object* callable, Object* const* values, intptr_t count) {
  Object* arguments = api.PyTuple_New(count);
  if (arguments == nullptr) return nullptr;
  for (intptr_t i = 0; i < count; ++i) {
    api.Py_IncRef(values[i]);
    api.PyTuple_SetItem(arguments, i, values[i]);
  }
  Object* result = api.PyObject_CallObject(callable, arguments);
  api.Py_DecRef(arguments);
  return result;
}

}  // namespace

Object* call_one(Object* callable, Object* argument) { return call(callable, &argument, 1); }

Object* call_two(Object* callable, Object* first, Object* second) {
  Object* const values[2] = {first, second};
  return call(callable, values, 2);
}

const char* prepare_interpreter(int variant, Library library) {
  Object* setup = execute(kSetupText, "azr_setup", setup_arguments(variant, library));
  if (setup == nullptr) return problem("cannot prepare the interpreter");
  Object* lacking = api.PyDict_GetItemString(setup, "PROBLEM");
  const char* lack = lacking == nullptr ? nullptr : api.PyUnicode_AsUTF8AndSize(lacking, nullptr);
  if (lack != nullptr && *lack != 0) {
    snprintf(problem_text, sizeof problem_text, "%s", lack);
    return problem_text;
  }
  interpreter.counter_type = keep(setup, "COUNTER");
  interpreter.default_dict_type = keep(setup, "DEFAULT_DICT");
  interpreter.deque_type = keep(setup, "DEQUE");
  interpreter.decimal_type = keep(setup, "DECIMAL");
  interpreter.fraction_type = keep(setup, "FRACTION");
  interpreter.read_mro = keep(setup, "MRO");
  interpreter.read_arguments = keep(setup, "ARGUMENTS");
  interpreter.read_numerator = keep(setup, "NUMERATOR");
  interpreter.read_denominator = keep(setup, "DENOMINATOR");
  interpreter.bit_length = keep(setup, "BIT_LENGTH");
  interpreter.greatest_divisor = keep(setup, "GREATEST_DIVISOR");
  interpreter.referents = keep(setup, "REFERENTS");
  interpreter.exceptions = keep(setup, "EXCEPTIONS");
  interpreter.settle = keep(setup, "settle");
  Object* version = api.PyDict_GetItemString(setup, "VERSION");
  const char* text = version == nullptr ? nullptr : api.PyUnicode_AsUTF8AndSize(version, nullptr);
  if (text == nullptr) return problem("cannot read the interpreter's version");
  snprintf(interpreter.version, sizeof interpreter.version, "%s", text);

  Object* literal = execute(kLiteralText, "azr_literal");
  if (literal == nullptr) return problem("cannot prepare the literal parser");
  interpreter.parse_literal = keep(literal, "parse_literal");
  interpreter.parse_arguments = keep(literal, "parse_arguments");
  interpreter.parse_positional = keep(literal, "parse_positional");

  Object* analysis = execute(kAnalyseText, "azr_analyse");
  if (analysis == nullptr) return problem("cannot prepare the program analysis");
  interpreter.analyse = keep(analysis, "analyse");
  interpreter.measure = keep(analysis, "measure");

  interpreter.main_namespace = make_main_namespace();
  if (interpreter.main_namespace == nullptr) return problem("cannot make the module that programs run in");
  return nullptr;
}

}  // namespace azr
