// The derivatives of log gamma, and Hurwitz's zeta function.
#include "special.hpp"

using namespace opwright;

namespace special {

// The recurrence psi(x) = psi(x + 1) - 1/x up to 10, then the asymptotic series, DLMF 5.11.2; below 0 the reflection
// psi(x) = psi(1 - x) - pi cot(pi x), DLMF 5.5.4.
double digamma(double x) {
  if (x == 0) return std::copysign(INFINITY, -x);
  if (!(x > -INFINITY)) return NAN;
  double result = 0;
  if (x < 0) {
    const double rest = x - std::rint(x);
    if (rest == 0) return NAN;
    result = -kPi / std::tan(kPi * rest);
    x = 1 - x;
  }
  for (; x < 10; ++x) result -= 1 / x;
  if (x == INFINITY) return x;
  const double z = 1 / (x * x);
  const double series =
      z * polynomial(z, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12);
  return result + (std::log(x) - 0.5 / x - series);
}

namespace {

// The sum of (q + k)^-s for q > 0, s > 1 by Euler-Maclaurin summation, DLMF 25.11.5: ten terms, an integral for the
// rest, and corrections with B_2j / (2j)!.
double positive_zeta(double s, double q) {
  constexpr double kCorrections[] = {1.0 / 12,
                                     -1.0 / 720,
                                     1.0 / 30240,
                                     -1.0 / 1209600,
                                     1.0 / 47900160,
                                     -691.0 / 1307674368000.0,
                                     1.0 / 74724249600.0,
                                     -3617.0 / 10670622842880000.0,
                                     43867.0 / 5109094217170944000.0,
                                     -174611.0 / 802857662698291200000.0,
                                     5.5090028283602295152e-18,
                                     -1.3954464685812523341e-19};
  double sum = 0;
  for (int k = 0; k < 10; ++k, ++q) {
    const double term = std::pow(q, -s);
    sum += term;
    if (term < 0.1 * kEpsilon * sum) return sum;
  }
  const double power = std::pow(q, -s);
  sum += power * q / (s - 1) + 0.5 * power;
  double factor = power * s / q;  // s (s + 1) ... (s + 2j - 2) q^(-s - 2j + 1)
  for (int j = 0; j < 12; ++j) {
    const double term = factor * kCorrections[j];
    sum += term;
    if (std::fabs(term) < kEpsilon * sum) break;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
  }
  return sum;
}

}  // namespace

double zeta(double s, double q) {
  if (s == 1) return INFINITY;
  if (!(s > 1)) return NAN;
  if (q > 0) return q < INFINITY ? positive_zeta(s, q) : 0;
  if (!(q > -INFINITY)) return NAN;
  const double above = q - std::floor(q);
  if (above == 0) return INFINITY;
  if (s != std::floor(s)) return NAN;
  // The sum over all integers, which depends on q's fraction alone, less the terms below q.
  const double sign = std::fmod(s, 2) == 0 ? 1 : -1;
  return positive_zeta(s, above) + sign * (positive_zeta(s, 1 - above) - positive_zeta(s, 1 - q));
}

namespace {

// The derivative of order n of digamma: (-1)^(n + 1) n! zeta(n + 1, x), DLMF 25.11.12.
double polygamma(double n, double x) {
  if (n == 0) return digamma(x);
  if (!(n > 0) || n != std::floor(n)) return NAN;
  const double size = std::exp(log_gamma(n + 1)) * zeta(n + 1, x);
  return std::fmod(n, 2) == 0 ? -size : size;
}

}  // namespace
}  // namespace special

// Loops, so they have no expression for generated code.
OW_UNARY(digamma, floats, nullptr, static_cast<C>(special::digamma(x)))
OW_BINARY(zeta, floats, nullptr, static_cast<C>(special::zeta(x, y)))
OW_BINARY(polygamma, floats, nullptr, static_cast<C>(special::polygamma(x, y)))
