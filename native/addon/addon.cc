// Entry point of azr.node: the class NativeEngine and what was compiled in.

#include <ATen/Version.h>

#include "addon/engine_wrap.h"
#include "addon/napi_setup.h"

namespace azr {
namespace {

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeEngine", EngineWrap::Define(env));
  exports.Set("buildConfiguration", Napi::String::New(env, at::show_config()));
  return exports;
}

}  // namespace
}  // namespace azr

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) { return azr::Initialize(env, exports); }
NODE_API_MODULE(azr, Initialize)
