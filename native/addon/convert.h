// Between JavaScript values and the engine's plain structures. Typed arrays are copied in both directions: the engine
// thread never reads memory that JavaScript can change. Throws a JavaScript TypeError for a value of the wrong type;
// src/engine/open.ts checks arguments first and gives the readable messages. JavaScript thread only.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "addon/napi_setup.h"
#include "engine/engine.h"

namespace azr {

template <typename Element>
std::vector<Element> ToVector(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  constexpr napi_typedarray_type kType = std::is_same_v<Element, float>     ? napi_float32_array
                                         : std::is_same_v<Element, double>  ? napi_float64_array
                                         : std::is_same_v<Element, int32_t> ? napi_int32_array
                                                                            : napi_uint8_array;
  // An array of smaller elements would be read past its end.
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != kType) {
    throw Napi::TypeError::New(value.Env(), "a typed array of another type was expected");
  }
  const auto array = value.As<Napi::TypedArrayOf<Element>>();
  return std::vector<Element>(array.Data(), array.Data() + array.ElementLength());
}

template <typename Element>
Napi::TypedArrayOf<Element> ToArray(Napi::Env env, const std::vector<Element>& values) {
  auto array = Napi::TypedArrayOf<Element>::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

inline double Number(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::Number>().DoubleValue(); }
inline int64_t Integer(const Napi::Object& object, const char* key) {
  return object.Get(key).As<Napi::Number>().Int64Value();
}
inline std::string Text(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::String>(); }
inline TokenRows Rows(const Napi::Object& object, const char* key) {
  const auto rows = object.Get(key).As<Napi::Object>();
  return {ToVector<int32_t>(rows.Get("tokens")), ToVector<int32_t>(rows.Get("lengths"))};
}

ModelShape ToShape(const Napi::Object& object);
WeightSettings ToWeightSettings(const Napi::Object& object);
GenerateSettings ToGenerateSettings(const Napi::Object& request);
UpdateBatch ToUpdateBatch(const Napi::Object& request);
UpdateSettings ToUpdateSettings(const Napi::Object& request);
LoraSettings ToLoraSettings(const Napi::Object& object);
StorageType ToStorageType(const Napi::Value& name);
std::vector<TensorSource> ToSources(const Napi::Array& array);
Napi::Value FromRows(Napi::Env env, const TokenRows& rows);
Napi::Value FromGenerate(Napi::Env env, const GenerateResult& result);
Napi::Value FromUpdate(Napi::Env env, const UpdateResult& result);

}  // namespace azr
