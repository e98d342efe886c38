// Descriptors under which a zygote finds what its supervisor gives it.
#pragma once

namespace azr {

inline constexpr int kControlDescriptor = 3;
inline constexpr int kRequestDescriptor = 4;
inline constexpr int kResultDescriptor = 5;

}  // namespace azr
