#include "python_api.h"

#include <dlfcn.h>

namespace azr::py {

Table api;

const char* load() {
#define X(name, result, parameters)                                               \
  api.name = reinterpret_cast<result(*) parameters>(dlsym(RTLD_DEFAULT, #name)); \
  if (api.name == nullptr) return #name;
  AZR_PYTHON_FUNCTIONS(X)
#undef X
#define X(name)                                                           \
  api.name = reinterpret_cast<Object*>(dlsym(RTLD_DEFAULT, #name));       \
  if (api.name == nullptr) return #name;
  AZR_PYTHON_DATA(X)
#undef X
  // A build without a global lock keeps other fields in front of the type; there this comparison fails.
  Object* number = api.PyLong_FromLongLong(1);
  const bool usual_layout = number->type == api.PyLong_Type && api.PyLong_Type->type == api.PyType_Type;
  api.Py_DecRef(number);
  return usual_layout ? nullptr : "a build with a global interpreter lock";
}

}  // namespace azr::py
