// The entry points of the running CPython, looked up by name: this shared object is built without Python's headers and
// works with every interpreter from 3.11 on that has them.
//
// Ownership: one table, filled once by load(). Thread: the one that holds the interpreter. Teardown: none.
#pragma once

#include <cstddef>
#include <cstdint>

namespace azr::py {

/** Only the two fields that every object has in builds with a global lock; verified at start. */
struct Object {
  intptr_t reference_count;
  Object* type;
};

struct CompilerFlags {
  int flags;
  int feature_version;
};

inline constexpr int kFileInput = 257;
/** PyCF_IGNORE_COOKIE and PyCF_SOURCE_IS_UTF8: the text is UTF-8 whatever its coding line says. */
inline constexpr int kIgnoreCookie = 0x0800 | 0x0100;
inline constexpr int kAddDotZero = 2;

// name, result, parameters
#define AZR_PYTHON_FUNCTIONS(X)                                                                   \
  X(Py_IncRef, void, (Object*))                                                                   \
  X(Py_DecRef, void, (Object*))                                                                   \
  X(Py_CompileStringExFlags, Object*, (const char*, const char*, int, CompilerFlags*, int))       \
  X(PyEval_EvalCode, Object*, (Object*, Object*, Object*))                                        \
  X(PyEval_GetBuiltins, Object*, ())                                                              \
  X(PyObject_Call, Object*, (Object*, Object*, Object*))                                          \
  X(PyObject_CallObject, Object*, (Object*, Object*))                                             \
  X(PyObject_Repr, Object*, (Object*))                                                            \
  X(PyObject_GetIter, Object*, (Object*))                                                         \
  X(PyObject_GetAttrString, Object*, (Object*, const char*))                                      \
  X(PyObject_Malloc, void*, (size_t))                                                             \
  X(PyObject_Free, void, (void*))                                                                 \
  X(PyIter_Next, Object*, (Object*))                                                              \
  X(PyImport_ImportModule, Object*, (const char*))                                                \
  X(PyModule_New, Object*, (const char*))                                                         \
  X(PyModule_GetDict, Object*, (Object*))                                                         \
  X(PyImport_GetModuleDict, Object*, ())                                                          \
  X(PyErr_Fetch, void, (Object**, Object**, Object**))                                            \
  X(PyErr_Clear, void, ())                                                                        \
  X(PyErr_Occurred, Object*, ())                                                                  \
  X(PyErr_NormalizeException, void, (Object**, Object**, Object**))                               \
  X(PyLong_FromLongLong, Object*, (long long))                                                    \
  X(PyLong_AsLongLongAndOverflow, long long, (Object*, int*))                                     \
  X(PyFloat_FromDouble, Object*, (double))                                                        \
  X(PyFloat_AsDouble, double, (Object*))                                                          \
  X(PyOS_double_to_string, char*, (double, char, int, int, int*))                                 \
  X(PyMem_Free, void, (void*))                                                                    \
  X(PyUnicode_FromStringAndSize, Object*, (const char*, intptr_t))                                \
  X(PyUnicode_AsUTF8AndSize, const char*, (Object*, intptr_t*))                                   \
  X(PyUnicode_GetLength, intptr_t, (Object*))                                                     \
  X(PyBytes_Size, intptr_t, (Object*))                                                            \
  X(PyTuple_New, Object*, (intptr_t))                                                             \
  X(PyTuple_Size, intptr_t, (Object*))                                                            \
  X(PyTuple_GetItem, Object*, (Object*, intptr_t))                                                \
  X(PyTuple_SetItem, int, (Object*, intptr_t, Object*))                                           \
  X(PyList_New, Object*, (intptr_t))                                                              \
  X(PyList_Size, intptr_t, (Object*))                                                             \
  X(PyList_GetItem, Object*, (Object*, intptr_t))                                                 \
  X(PyList_Append, int, (Object*, Object*))                                                       \
  X(PyDict_New, Object*, ())                                                                      \
  X(PyDict_Size, intptr_t, (Object*))                                                             \
  X(PyDict_Next, int, (Object*, intptr_t*, Object**, Object**))                                   \
  X(PyDict_SetItem, int, (Object*, Object*, Object*))                                             \
  X(PyDict_SetItemString, int, (Object*, const char*, Object*))                                   \
  X(PyDict_GetItemString, Object*, (Object*, const char*))                                        \
  X(PyGC_Disable, int, ())                                                                        \
  X(PyGC_Enable, int, ())                                                                         \
  X(PyThreadState_Get, void*, ())                                                                 \
  X(PyThreadState_New, void*, (void*))                                                            \
  X(PyThreadState_Swap, void*, (void*))                                                           \
  X(PyThreadState_Clear, void, (void*))                                                           \
  X(PyThreadState_Delete, void, (void*))                                                          \
  X(PyInterpreterState_Get, void*, ())

// name, type of the variable
#define AZR_PYTHON_DATA(X)       \
  X(_Py_NoneStruct)              \
  X(_Py_TrueStruct)              \
  X(_Py_FalseStruct)             \
  X(PyType_Type)                 \
  X(PyLong_Type)                 \
  X(PyFloat_Type)                \
  X(PyComplex_Type)              \
  X(PyUnicode_Type)              \
  X(PyBytes_Type)                \
  X(PyTuple_Type)                \
  X(PyList_Type)                 \
  X(PyDict_Type)                 \
  X(PySet_Type)                  \
  X(PyFrozenSet_Type)            \
  X(PyODict_Type)

struct Table {
#define X(name, result, parameters) result(*name) parameters;
  AZR_PYTHON_FUNCTIONS(X)
#undef X
#define X(name) Object* name;
  AZR_PYTHON_DATA(X)
#undef X
};

extern Table api;

/** Fills the table. The name of the first missing entry point, or null. */
const char* load();

}  // namespace azr::py
