// Division in its kinds. Integers divided by 0 give 0: a tile function has no way to fail.
#include "opwright/kernel.hpp"
#include "wrapping.hpp"

using namespace opwright;

namespace {

// Whether y is -1, by which the least integer cannot be divided.
template <typename C>
inline bool flips(C y) {
  return std::is_signed_v<C> && y == static_cast<C>(-1);
}
template <typename C>
inline C truncated(C x, C y) {
  if constexpr (is_float<C>) return std::trunc(x / y);
  else return y == 0 ? C(0) : flips(y) ? wrapping::negative(x) : static_cast<C>(x / y);
}
template <typename C>
inline C truncated_rest(C x, C y) {
  if constexpr (is_float<C>) return std::fmod(x, y);
  else return y == 0 || flips(y) ? C(0) : static_cast<C>(x % y);
}
template <typename C>
inline C floored(C x, C y) {
  if constexpr (is_float<C>) return std::floor(x / y);
  else return static_cast<C>(truncated(x, y) - ((x < 0) != (y < 0) && truncated_rest(x, y) != 0));
}
// The rest has the sign of y.
template <typename C>
inline C floored_rest(C x, C y) {
  const C rest = truncated_rest(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? static_cast<C>(rest + y) : rest;
}

}  // namespace

OW_BINARY(realdiv, floats, "x0 / x1", x / y)
OW_BINARY(divide_no_nan, floats, "x1 == 0 ? 0 : x0 / x1", y == 0 ? C(0) : x / y)
OW_BINARY(multiply_no_nan, floats, "x1 == 0 ? 0 : x0 * x1", y == 0 ? C(0) : x * y)
OW_BINARY(xdivy, floats, "x0 == 0 ? 0 : x0 / x1", x == 0 ? C(0) : x / y)
OW_UNARY(reciprocal, floats, "1 / x0", 1 / x)

namespace floating {
OW_BINARY(floordiv, floats, "floor(x0 / x1)", floored(x, y))
OW_BINARY(truncatediv, floats, "trunc(x0 / x1)", truncated(x, y))
OW_BINARY(truncatemod, floats, "fmod(x0, x1)", truncated_rest(x, y))
OW_BINARY(floormod, floats, "fmod(x0, x1) != 0 && (fmod(x0, x1) < 0) != (x1 < 0) ? fmod(x0, x1) + x1 : fmod(x0, x1)",
          floored_rest(x, y))
}  // namespace floating

namespace integral {
OW_BINARY(truncatediv, ints, "x1 == 0 ? 0 : x1 == -1 ? -x0 : x0 / x1", truncated(x, y))
OW_BINARY(truncatemod, ints, "x1 == 0 || x1 == -1 ? 0 : x0 % x1", truncated_rest(x, y))
OW_BINARY(floordiv, ints, "x1 == 0 ? 0 : x1 == -1 ? -x0 : x0 / x1 - ((x0 < 0) != (x1 < 0) && x0 % x1 != 0)",
          floored(x, y))
OW_BINARY(floormod, ints,
          "x1 == 0 || x1 == -1 ? 0 : x0 % x1 != 0 && (x0 % x1 < 0) != (x1 < 0) ? x0 % x1 + x1 : x0 % x1",
          floored_rest(x, y))
}  // namespace integral
