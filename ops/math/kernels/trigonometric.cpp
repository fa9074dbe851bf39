// Trigonometric and hyperbolic functions and their inverses.
#include "flushed.hpp"
#include "opwright/vecmath.hpp"

using namespace opwright;

namespace {

// A tile of small angles is not turned, and angles too large to be turned are left to <cmath>, each by itself: no
// result depends on its neighbours.
template <typename T, uint32_t quarter>
void sine_tile(void *out, const void *const *in, int64_t n, const void *) {
  using C = compute_t<T>;
  const T *x = static_cast<const T *>(in[0]);
  T *y = static_cast<T *>(out);
  const auto exactly = [](C v) { return quarter ? std::cos(v) : std::sin(v); };
  if constexpr (std::is_same_v<C, float>) {
    float most = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float a = std::fabs(static_cast<C>(x[i]));
      most = a > most ? a : most;
    }
    if (most <= kNotTurned) {
      OW_IVDEP
      for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(turned(static_cast<C>(x[i]), quarter));
    } else if (most <= kMostTurned) {
      OW_IVDEP
      for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(sine_of<quarter>(static_cast<C>(x[i])));
    } else {
      for (int64_t i = 0; i < n; ++i) {
        const C v = static_cast<C>(x[i]);
        y[i] = static_cast<T>(std::fabs(v) > kMostTurned ? exactly(v) : sine_of<quarter>(v));
      }
    }
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = exactly(x[i]);
  }
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("sin", signature<T>("T->T")).tile(sine_tile<T, 0>).scalar("sin(x0)");
  Kernel("cos", signature<T>("T->T")).tile(sine_tile<T, 1>).scalar("cos(x0)");
});

}  // namespace

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
