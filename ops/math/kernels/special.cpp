// The error function's family and the logarithm of gamma.
#include "special.hpp"

using namespace opwright;

namespace {

// In terms of erfc, which keeps its digits in the lower tail, where a rounding of x would be multiplied by x^2.
inline double normal_cdf(double x) { return 0.5 * std::erfc(-x * 0.707106781186547524401); }

// The quantile of the normal distribution: Wichura's algorithm AS 241, Applied Statistics 37 (1988), PPND16: relative
// error below 1e-16. q = p - 1/2, tail = min(p, 1 - p).
inline double quantile(double q, double tail) {
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q *
           special::polynomial(r, 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                               1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                               3.3430575583588128105e4, 2.5090809287301226727e3) /
           special::polynomial(r, 1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                               2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                               5.2264952788528545610e3);
  }
  const double r = std::sqrt(-std::log(tail)), near = r - 1.6, far = r - 5;
  const double x =
      r <= 5 ? special::polynomial(near, 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                                   3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4) /
                   special::polynomial(near, 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
                                       6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                                       5.47593808499534494600e-4, 1.05075007164441684324e-9)
             : special::polynomial(far, 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                                   2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                   2.71155556874348757815e-5, 2.01033439929228813265e-7) /
                   special::polynomial(far, 1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
                                       1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
                                       1.42151175831644588870e-7, 2.04426310338993978564e-15);
  return q < 0 ? -x : x;
}

// Outside [0, 1] nan, at its ends infinite.
inline double normal_quantile(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  return quantile(p - 0.5, p < 0.5 ? p : 1 - p);
}
// erf(x) = 2 Phi(x sqrt(2)) - 1. Half of x is exact, half of x + 1 is not.
inline double inverse_erf(double x) {
  if (!(x > -1 && x < 1)) return std::fabs(x) == 1 ? x * INFINITY : NAN;
  return quantile(0.5 * x, 0.5 * (1 - std::fabs(x))) * 0.707106781186547524401;
}

}  // namespace

OW_UNARY(erf, floats, "erf(x0)", opwright::erf(x))
OW_UNARY(erfc, floats, "erfc(x0)", std::erfc(x))
OW_UNARY(lgamma, floats, "lgamma(x0)", static_cast<C>(special::log_gamma(x)))
OW_UNARY(ndtr, floats, "0.5 * erfc(-x0 * 0.707106781186547524401)", static_cast<C>(normal_cdf(x)))
OW_UNARY(ndtri, floats, nullptr, static_cast<C>(normal_quantile(x)))
OW_UNARY(erfinv, floats, nullptr, static_cast<C>(inverse_erf(x)))
