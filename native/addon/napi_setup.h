// The one place that includes node-addon-api, with the settings that all of native/addon relies on: Node-API 8, C++
// exceptions of every type become JavaScript exceptions, nothing thrown while an environment is going away.
#pragma once

#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#ifndef NAPI_CPP_EXCEPTIONS
#define NAPI_CPP_EXCEPTIONS
#endif
#ifndef NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#endif
#ifndef NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#endif
#define NODE_ADDON_API_DISABLE_DEPRECATED

#include <napi.h>
