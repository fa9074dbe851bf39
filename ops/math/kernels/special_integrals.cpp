// Functions defined by integrals: Dawson's, the exponential integral, the dilogarithm, Fresnel's.
#include "special.hpp"

using namespace opwright;

namespace special {
namespace {

// e^(-x^2) times the integral of e^(t^2) from 0 to x, by Rybicki's sum (Computers in Physics 3 (1989) 85): 1/sqrt(pi)
// times the sum over odd n of e^-(x - n h)^2 / n, whose error is about e^-(pi / 2h)^2. Near 0 its Taylor series; for
// large x, where x - n h has no digits left, the asymptotic one, DLMF 7.12.3.
double dawson(double x) {
  const double size = std::fabs(x);
  if (!(size > 0.5)) {
    double term = x, sum = x;
    for (int n = 1; n < 30; ++n) sum += term *= -2 * x * x / (2 * n + 1);
    return sum;
  }
  if (size > 12) {
    double term = 1, sum = 1;
    for (int k = 1; k < 16; ++k) sum += term *= (2 * k - 1) / (2 * x * x);
    return 0.5 / x * sum;
  }
  constexpr double kStep = 0.2;
  // Odd numbers around x / h; further than 6.4 from x the terms vanish.
  const double middle = 2 * std::rint(0.5 * size / kStep);
  double sum = 0;
  for (int k = -33; k <= 33; k += 2) {
    const double n = middle + k, distance = size - n * kStep;
    sum += std::exp(-distance * distance) / n;
  }
  return std::copysign(sum / std::sqrt(kPi), x);
}

// Ei(x): the power series, DLMF 6.6.2, the asymptotic one for x > 40, DLMF 6.12.2, and for x < -1 the continued
// fraction of -E1(-x), DLMF 6.9.1, by Lentz's algorithm.
double exponential_integral(double x) {
  if (x == 0) return -INFINITY;
  if (x > 40) {
    if (x == INFINITY) return x;
    double term = 1, sum = 1;
    for (int k = 1; k < 60 && term > 0.1 * kEpsilon; ++k) sum += term *= k / x;
    return std::exp(0.5 * x) * (std::exp(0.5 * x) / x) * sum;
  }
  if (x < -1) {
    if (x < -750) return -0.0;
    double b = 1 - x, value = b, numerators = b, denominators = 0;
    for (int k = 1; k < 500; ++k) {
      const double top = -static_cast<double>(k) * k;
      b += 2;
      denominators = 1 / (b + top * denominators);
      numerators = b + top / numerators;
      const double factor = numerators * denominators;
      value *= factor;
      if (std::fabs(factor - 1) <= kEpsilon) break;
    }
    return -std::exp(x) / value;
  }
  double term = 1, sum = 0;
  for (int k = 1; k < 300; ++k) {
    term *= x / k;
    sum += term / k;
    if (std::fabs(term) <= 0.1 * kEpsilon * std::fabs(sum)) break;
  }
  return kEuler + std::log(std::fabs(x)) + sum;
}

// Li2(z) for z <= 1/2 by the series in u = -log(1 - z): u - u^2/4 + sum B_2k u^(2k + 1) / (2k + 1)!, Lewin (1981) 1.9.
double dilogarithm(double z) {
  const double u = -std::log1p(-z), square = u * u;
  return u * (1 - 0.25 * u +
              square * polynomial(square, 1.0 / 36, -1.0 / 3600, 1.0 / 211680, -1.0 / 10886400, 1.0 / 526901760,
                                  -4.0647616451442255e-11, 8.9216910204564526e-13, -1.9939295860721076e-14,
                                  4.5189800296199182e-16, -1.0356517612181247e-17));
}
// Li2(1 - x), from arguments between -1 and 1/2 by DLMF 25.12.4 and 25.12.6.
double spence(double x) {
  constexpr double kSixth = kPi * kPi / 6;
  if (!(x >= 0)) return NAN;
  if (x == 0) return kSixth;
  if (x == INFINITY) return -x;
  if (x < 0.5) return kSixth - std::log(x) * std::log1p(-x) - dilogarithm(x);
  if (x <= 2) return dilogarithm(1 - x);
  const double log_less = std::log(x - 1);
  return -kSixth - 0.5 * log_less * log_less - dilogarithm(1 / (1 - x));
}

// Integrals of cos and sin of pi t^2 / 2 from 0 to x. For |x| < 1.6 their power series, DLMF 7.6.4, 7.6.6; beyond by
// the auxiliary functions, DLMF 7.5.3-4, whose integrals, DLMF 7.7.10-11 with t = s^2, the trapezoidal rule does in a
// few dozen exponentials.
struct Fresnel {
  double cosine, sine;
};
Fresnel fresnel(double x) {
  const double size = std::fabs(x), square = size * size;
  if (!(size >= 1.6)) {
    const double t = 0.5 * kPi * square;
    double term = size, cosine = size, sine = 0;  // term = x t^k / k!
    for (int i = 1; i < 40; ++i) {
      term *= t / i;
      const double part = term / (2 * i + 1);
      (i % 2 ? sine : cosine) += i % 4 < 2 ? part : -part;
    }
    return {std::copysign(cosine, x), std::copysign(sine, x)};
  }
  if (size > 1e16) return {std::copysign(0.5, x), std::copysign(0.5, x)};
  // exp(-pi x^2 s^2 / 2) is wide as 1/x, 1/(1 + s^4) as 1.
  const double step = 0.1 / (size < 3 ? 1 : size / 3);
  double f = 0.5, g = 0;
  for (int i = 1; i < 200; ++i) {
    const double s = i * step, exponent = 0.5 * kPi * square * s * s;
    if (exponent > 40) break;
    const double part = std::exp(-exponent) / (1 + s * s * s * s);
    f += part;
    g += part * s * s;
  }
  f *= step * std::sqrt(2.0) / kPi;
  g *= step * std::sqrt(2.0) / kPi;
  const double angle = 0.5 * kPi * (std::fmod(square, 4) + std::fma(size, size, -square));  // x^2 without rounding
  const double c = std::cos(angle), s = std::sin(angle);
  return {std::copysign(0.5 + f * s - g * c, x), std::copysign(0.5 - f * c - g * s, x)};
}

}  // namespace
}  // namespace special

// Loops, so they have no expression for generated code.
OW_UNARY(dawsn, floats, nullptr, static_cast<C>(special::dawson(x)))
OW_UNARY(expint, floats, nullptr, static_cast<C>(special::exponential_integral(x)))
OW_UNARY(spence, floats, nullptr, static_cast<C>(special::spence(x)))
OW_UNARY(fresnel_cos, floats, nullptr, static_cast<C>(special::fresnel(x).cosine))
OW_UNARY(fresnel_sin, floats, nullptr, static_cast<C>(special::fresnel(x).sine))
