// Trigonometric and hyperbolic functions and their inverses.
#include "flushed.hpp"
#include "opwright/kernel.hpp"

using namespace opwright;

OW_UNARY(sin, floats, "sin(x0)", std::sin(x))
OW_UNARY(cos, floats, "cos(x0)", std::cos(x))
OW_UNARY(tan, floats, "tan(x0)", std::tan(x))
OW_UNARY(asin, floats, "asin(x0)", std::asin(x))
OW_UNARY(acos, floats, "acos(x0)", std::acos(x))
OW_UNARY(atan, floats, "atan(x0)", std::atan(x))
OW_BINARY(atan2, floats, "atan2(x0, x1)", std::atan2(opwright::flushed(x), opwright::flushed(y)))
OW_UNARY(sinh, floats, "sinh(x0)", std::sinh(x))
OW_UNARY(cosh, floats, "cosh(x0)", std::cosh(x))
OW_UNARY(asinh, floats, "asinh(x0)", std::asinh(x))
OW_UNARY(acosh, floats, "acosh(x0)", std::acosh(x))
OW_UNARY(atanh, floats, "atanh(x0)", std::atanh(x))

namespace {

// sin(pi x) / (pi x). The sine is taken of the distance to the nearest even integer, which is exact.
template <typename C>
inline C sine_quotient(C x) {
  constexpr C kPi = static_cast<C>(3.14159265358979323846);
  if (x == 0) return 1;
  return std::sin(kPi * (x - 2 * std::rint(x / 2))) / (kPi * x);
}

}  // namespace

OW_UNARY(sinc, floats,
         "x0 == 0 ? 1 : sin(3.14159265358979323846 * (x0 - 2 * rint(x0 / 2))) / (3.14159265358979323846 * x0)",
         sine_quotient(x))
