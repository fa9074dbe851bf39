// Denormals as the zeros that a run takes them for. Libm's functions that look at the bits would see them as they are
// and then compute with zeros: atan2 would give nan.
#pragma once
#include <cmath>
#include <limits>

namespace opwright {

template <typename C>
inline C flushed(C x) {
  return std::fabs(x) < std::numeric_limits<C>::min() ? std::copysign(C(0), x) : x;
}

}  // namespace opwright
