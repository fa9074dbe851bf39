// Logic on bools and on the bits of integers.
#include "opwright/kernel.hpp"
#include "wrapping.hpp"

using namespace opwright;

OW_BINARY(logical_and, types<bool>, "x0 && x1", x &&y)
OW_BINARY(logical_or, types<bool>, "x0 || x1", x || y)
OW_BINARY(logical_xor, types<bool>, "x0 != x1", x != y)
OW_UNARY(logical_not, types<bool>, "!x0", !x)

OW_BINARY(bitwise_and, ints, "x0 & x1", static_cast<C>(x &y))
OW_BINARY(bitwise_or, ints, "x0 | x1", static_cast<C>(x | y))
OW_BINARY(bitwise_xor, ints, "x0 ^ x1", static_cast<C>(x ^ y))
OW_UNARY(invert, ints, "~x0", static_cast<C>(~x))

namespace {

// Whether a shift by y moves all bits out: then C++ leaves the result undefined.
template <typename C>
inline bool beyond(C y) {
  return y < 0 || y >= static_cast<C>(8 * sizeof(C));
}
template <typename C>
inline C shifted_left(C x, C y) {
  return beyond(y) ? C(0) : static_cast<C>(wrapping::unsigned_t<C>(x) << y);
}
template <typename C>
inline C shifted_right(C x, C y) {
  return beyond(y) ? static_cast<C>(x < 0 ? -1 : 0) : static_cast<C>(x >> y);
}

}  // namespace

OW_BINARY(left_shift, ints, "x1 < 0 || x1 >= 8 * sizeof(x1) ? 0 : x0 << x1", shifted_left(x, y))
OW_BINARY(right_shift, ints, "x1 < 0 || x1 >= 8 * sizeof(x1) ? (x0 < 0 ? -1 : 0) : x0 >> x1", shifted_right(x, y))
