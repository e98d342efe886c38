// What the C++ side of a zygote holds of its warmed interpreter: types to compare with, descriptors that read fields
// without running anybody's code, and the two helper functions.
//
// Ownership: one table of references that are never given back. Thread: the only one. Teardown: none, the process exits.
#pragma once

#include <string_view>

#include "library.h"
#include "python_api.h"

namespace azr {

struct Interpreter {
  py::Object* counter_type;
  py::Object* default_dict_type;
  py::Object* deque_type;
  /** None without the whole library, as the two readers of a fraction. */
  py::Object* decimal_type;
  py::Object* fraction_type;
  /** Bound `__get__` of fields, called with an instance. */
  py::Object* read_mro;
  py::Object* read_arguments;
  py::Object* read_numerator;
  py::Object* read_denominator;
  py::Object* bit_length;
  py::Object* greatest_divisor;
  /** gc.get_referents */
  py::Object* referents;
  /** Tuple of (class, name) of every builtin exception. */
  py::Object* exceptions;
  py::Object* parse_literal;
  py::Object* parse_arguments;
  py::Object* parse_positional;
  py::Object* analyse;
  py::Object* measure;
  py::Object* settle;
  /** Namespace of the module in which programs run. */
  py::Object* main_namespace;
  char version[32];
};

extern Interpreter interpreter;

/** Imports and prepares everything. Null, or one sentence about what failed. */
const char* prepare_interpreter(int variant, Library library);

/** Calls with one argument; a new reference or null with an exception set. */
py::Object* call_one(py::Object* callable, py::Object* argument);

/** The same with two. */
py::Object* call_two(py::Object* callable, py::Object* first, py::Object* second);

/** Fetches and drops the current exception; its text (borrowed until the next call) is the class name and first argument. */
std::string_view describe_exception();

}  // namespace azr
