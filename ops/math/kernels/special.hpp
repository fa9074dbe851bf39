// What the kernels of special functions share. All compute in double.
#pragma once
#include <limits>

#include "opwright/vecmath.hpp"

namespace special {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kPi = 3.14159265358979323846;
constexpr double kEuler = 0.577215664901532860607;
// Bounds loops whose length depends on data; what converges at all does so before.
constexpr int kMaxTerms = 100000;

// c0 + c1 x + c2 x^2 + ...
inline double polynomial(double, double c0) { return c0; }
template <typename... Rest>
inline double polynomial(double x, double c0, Rest... rest) {
  return c0 + x * polynomial(x, rest...);
}

// log |gamma(x)|. The C library's lgamma writes a global.
inline double log_gamma(double x) {
#if defined(__unix__) || defined(__APPLE__)
  int sign;
  return ::lgamma_r(x, &sign);
#else
  return std::lgamma(x);
#endif
}

double digamma(double x);

// sum (q + k)^-s, k = 0, 1, ...
double zeta(double s, double q);

}  // namespace special
