// Bessel functions of orders 0 and 1, plain and (i*e, k*e) scaled by e^-|x| or e^x.
#include "special.hpp"

using namespace opwright;

namespace special {
namespace {

// e^-x I_n(x) for x >= 0: the power series, DLMF 10.25.2, whose terms are positive, or for x > 20 the asymptotic one,
// DLMF 10.40.1.
double scaled_i(int n, double x) {
  double term = 1, sum = 1;
  if (x <= 20) {
    const double t = 0.25 * x * x;
    for (int k = 1; k < 100 && term > 0.1 * kEpsilon * sum; ++k) sum += term *= t / (k * (k + n));
    return sum * std::exp(-x) * (n ? 0.5 * x : 1);
  }
  if (x == INFINITY) return 0;
  for (int k = 1; k < 40 && std::fabs(term) > 0.1 * kEpsilon; ++k)
    sum += term *= ((2 * k - 1) * (2 * k - 1) - 4.0 * n) / (8 * k * x);
  return sum / std::sqrt(2 * kPi * x);
}
double i0e(double x) { return scaled_i(0, std::fabs(x)); }
double i1e(double x) { return std::copysign(scaled_i(1, std::fabs(x)), x); }
// scaled e^|x| in two factors, so that the result overflows only where it must.
double grown(double scaled, double x) {
  const double half = std::exp(0.5 * std::fabs(x));
  return half < INFINITY ? scaled * half * half : std::copysign(INFINITY, scaled);
}
double i0(double x) { return x != x ? x : grown(i0e(x), x); }
double i1(double x) { return x != x ? x : grown(i1e(x), x); }

// K_0 and K_1 for x <= 1 by their series, DLMF 10.31.1-2, with harmonic numbers as digammas.
double small_k(int n, double x) {
  const double t = 0.25 * x * x, log_half = std::log(0.5 * x) + kEuler;
  double term = 1, sum = n ? 0 : -log_half, harmonic = 0;
  if (n) sum = log_half - 0.5;
  for (int k = 1; k < 20; ++k) {
    term *= t / (k * (k + n));
    harmonic += 1.0 / k;
    sum += term * (n ? log_half - harmonic - 0.5 / (k + 1) : harmonic - log_half);
  }
  return n ? 1 / x + 0.5 * x * sum : sum;
}

// e^x K_n(x) for x > 1: the integral of e^(x - x cosh t) cosh(n t), DLMF 10.32.9, by the trapezoidal rule, which
// converges exponentially; the step shrinks with the integrand's width.
double large_k(int n, double x) {
  if (x == INFINITY) return 0;
  const double step = 0.5 / std::sqrt(x + 4);
  double sum = 0.5;
  for (int k = 1; k < 200; ++k) {
    const double half = std::sinh(0.5 * k * step), exponent = 2 * x * half * half;  // x (cosh t - 1)
    if (exponent > 40) break;
    sum += std::exp(-exponent) * (n ? 1 + 2 * half * half : 1);
  }
  return sum * step;
}

double k(int n, double x, bool scaled) {
  if (!(x > 0)) return x == 0 ? INFINITY : NAN;
  if (x <= 1) return small_k(n, x) * (scaled ? std::exp(x) : 1);
  return large_k(n, x) * (scaled ? 1 : std::exp(-x));
}

// POSIX's functions of these names.
double j(int n, double x) { return n ? ::j1(x) : ::j0(x); }
double y(int n, double x) {
  if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
  return n ? ::y1(x) : ::y0(x);
}

}  // namespace
}  // namespace special

// Loops, so they have no expression for generated code.
OW_UNARY(bessel_i0, floats, nullptr, static_cast<C>(special::i0(x)))
OW_UNARY(bessel_i0e, floats, nullptr, static_cast<C>(special::i0e(x)))
OW_UNARY(bessel_i1, floats, nullptr, static_cast<C>(special::i1(x)))
OW_UNARY(bessel_i1e, floats, nullptr, static_cast<C>(special::i1e(x)))
OW_UNARY(bessel_k0, floats, nullptr, static_cast<C>(special::k(0, x, false)))
OW_UNARY(bessel_k0e, floats, nullptr, static_cast<C>(special::k(0, x, true)))
OW_UNARY(bessel_k1, floats, nullptr, static_cast<C>(special::k(1, x, false)))
OW_UNARY(bessel_k1e, floats, nullptr, static_cast<C>(special::k(1, x, true)))
OW_UNARY(bessel_j0, floats, "j0(x0)", static_cast<C>(special::j(0, x)))
OW_UNARY(bessel_j1, floats, "j1(x0)", static_cast<C>(special::j(1, x)))
OW_UNARY(bessel_y0, floats, "y0(x0)", static_cast<C>(special::y(0, x)))
OW_UNARY(bessel_y1, floats, "y1(x0)", static_cast<C>(special::y(1, x)))
