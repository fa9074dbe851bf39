// Arithmetic that wraps around on integers, where C++ leaves overflow undefined: it is done in unsigned integers.
#pragma once
#include <cstdint>
#include <type_traits>

namespace wrapping {

// At least 32 bits wide: two uint16 would be promoted to int, and their product can overflow that.
template <typename T>
using unsigned_t = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <typename T>
inline T add(T x, T y) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(unsigned_t<T>(x) + unsigned_t<T>(y));
  else return x + y;
}
template <typename T>
inline T subtract(T x, T y) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(unsigned_t<T>(x) - unsigned_t<T>(y));
  else return x - y;
}
template <typename T>
inline T multiply(T x, T y) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(unsigned_t<T>(x) * unsigned_t<T>(y));
  else return x * y;
}
template <typename T>
inline T negative(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(unsigned_t<T>(0) - unsigned_t<T>(x));
  else return -x;
}

template <typename T>
inline unsigned_t<T> magnitude(T x) {
  return x < 0 ? unsigned_t<T>(0) - unsigned_t<T>(x) : unsigned_t<T>(x);
}

}  // namespace wrapping
