// The incomplete gamma and beta functions.
#include "special.hpp"

using namespace opwright;

namespace special {
namespace {

// A value and its derivative.
struct Dual {
  double v, d = 0;
  Dual(double value) : v(value) {}
  Dual(double value, double slope) : v(value), d(slope) {}
};
inline Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
inline Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
inline Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.v * b.d + a.d * b.v}; }
inline Dual operator/(Dual a, Dual b) {
  const double q = a.v / b.v;
  return {q, (a.d - q * b.d) / b.v};
}
inline bool is_small(double term, double sum) { return std::fabs(term) <= kEpsilon * std::fabs(sum); }
inline bool is_small(Dual term, Dual sum) { return is_small(term.v, sum.v) && is_small(term.d, sum.d); }

// log(1 + x) - x for |x| < 1/2 or so: by the series of atanh(x / (2 + x)), as the difference would lose digits.
double log1p_less(double x) {
  const double r = x / (2 + x), square = r * r;
  double power = r * square, sum = 0;
  for (int k = 3; k < 40; k += 2, power *= square) sum += power / k;
  return 2 * sum - x * r;
}

// log gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2) for x >= 10: Stirling's series, DLMF 5.11.1.
double stirling(double x) {
  const double z = 1 / (x * x);
  return polynomial(z, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360, 1.0 / 156) / x;
}

// log gamma(1 + a), accurate near a = 0: DLMF 5.7.3 with zeta(k) - 1 in place of zeta(k).
double log_gamma1p(double a) {
  if (std::fabs(a) > 0.5) return log_gamma(1 + a);
  constexpr double kZetaLess1[] = {
      0.64493406684822643647,     0.2020569031595942854,      0.082323233711138191516,    0.036927755143369926331,
      0.017343061984449139715,    0.0083492773819228268398,   0.0040773561979443393787,   0.0020083928260822144179,
      0.00099457512781808533715,  0.0004941886041194645587,   0.00024608655330804829864,  0.00012271334757848914675,
      0.000061248135058704829259, 0.000030588236307020493552, 0.000015282259408651871733, 7.6371976378997622736e-6,
      3.8172932649998398565e-6,   1.9082127165539389257e-6,   9.5396203387279611315e-7,   4.7693298678780646312e-7,
      2.3845050272773299e-7,      1.1921992596531107307e-7,   5.9608189051259479612e-8,   2.9803503514652280186e-8};
  double power = a, sum = (1 - kEuler) * a - std::log1p(a);
  for (int k = 2; k < 26; ++k) {
    power *= -a;
    sum -= power * kZetaLess1[k - 2] / k;
  }
  return sum;
}

// log(x^a e^-x / gamma(a)); for large a from Stirling's series, in which the large terms have cancelled.
double log_density(double a, double x) {
  if (a < 10) return a * std::log(x) - x - log_gamma(a);
  const double distance = (x - a) / a;
  const double powers = std::fabs(distance) < 0.5 ? log1p_less(distance) : std::log(x / a) - distance;
  return 0.5 * std::log(a / (2 * kPi)) + a * powers - stirling(a);
}

// P / density: the sum of x^k / (a (a + 1) ... (a + k)), DLMF 8.7.1.
template <typename S>
S lower_series(S a, double x) {
  S term = S(1) / a, sum = term;
  for (int k = 1; k < kMaxTerms; ++k) {
    term = term * (S(x) / (a + S(k)));
    sum = sum + term;
    if (is_small(term, sum)) break;
  }
  return sum;
}

// Q / density: 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))), DLMF 8.9.2, by the algorithm
// of Lentz (1976): products of the ratios of successive numerators and denominators.
template <typename S>
S upper_fraction(S a, double x) {
  S b = S(x + 1) - a, value = b, numerators = b, denominators(0);
  for (int k = 1; k < kMaxTerms; ++k) {
    const S top = S(k) * (a - S(k));
    b = b + S(2);
    denominators = S(1) / (b + top * denominators);
    numerators = b + top / numerators;
    const S before = value;
    value = value * (numerators * denominators);
    if (is_small(value - before, value)) break;
  }
  return S(1) / value;
}

// Q for x < 1.5 and a not above Gautschi's border: 1 - x^a / gamma(1 + a) (1 + a sum (-x)^k / (k! (a + k))),
// DLMF 8.7.1.
double upper_series(double a, double x) {
  double term = 1, sum = 0;
  for (int k = 1; k < 60; ++k) {
    term *= -x / k;
    sum += term / (a + k);
    if (is_small(term, sum)) break;
  }
  const double log_power = a * std::log(x) - log_gamma1p(a);
  return -std::expm1(log_power) - std::exp(log_power) * a * sum;
}

// Whether P is the smaller of P and Q: Gautschi's border, ACM TOMS 5 (1979) 466.
bool lower_is_smaller(double a, double x) { return a > (x < 0.25 ? std::log(0.5) / std::log(x) : x + 0.25); }

struct Gammas {
  double lower, upper;
};

// P and Q for a >= 1e6: Temme's uniform expansion, DLMF 8.12.3-4, with c_0 and c_1 as their Taylor series in eta.
Gammas uniform(double a, double x) {
  const double distance = (x - a) / a, half_square = -log1p_less(distance), exponent = a * half_square;
  if (exponent > 800) return distance > 0 ? Gammas{1, 0} : Gammas{0, 1};
  const double eta = std::copysign(std::sqrt(2 * half_square), distance);
  const double c0 = polynomial(eta, -1.0 / 3, 1.0 / 12, -2.0 / 135, 1.0 / 864, 1.0 / 2835, -139.0 / 777600);
  const double c1 = polynomial(eta, -1.0 / 540, -1.0 / 288, 1.0 / 378);
  const double rest = std::exp(-exponent) / std::sqrt(2 * kPi * a) * (c0 + c1 / a);
  const double at = std::copysign(std::sqrt(exponent), eta);
  return {0.5 * std::erfc(-at) - rest, 0.5 * std::erfc(at) + rest};
}

// P and Q, the smaller of them to full relative precision. nan unless a > 0 and x >= 0.
Gammas incomplete_gamma(double a, double x) {
  if (!(a > 0 && x >= 0) || (a == INFINITY && x == INFINITY)) return {NAN, NAN};
  if (x == 0 || a == INFINITY) return {0, 1};
  if (x == INFINITY) return {1, 0};
  if (a >= 1e6) return uniform(a, x);
  if (lower_is_smaller(a, x)) {
    const double p = lower_series(a, x) * std::exp(log_density(a, x));
    return {p, 1 - p};
  }
  const double q = x < 1.5 ? upper_series(a, x) : upper_fraction(a, x) * std::exp(log_density(a, x));
  return {1 - q, q};
}

// dP/da, by carrying derivatives through the series and the fraction.
double lower_slope(double a, double x) {
  if (!(a > 0 && x >= 0 && a < INFINITY)) return NAN;
  if (x == 0 || x == INFINITY) return 0;
  const double density = std::exp(log_density(a, x));
  const Dual factor(density, density * (std::log(x) - digamma(a)));
  if (x < 1.5 || lower_is_smaller(a, x)) return (lower_series(Dual(a, 1), x) * factor).d;
  return -(upper_fraction(Dual(a, 1), x) * factor).d;
}

// log(p / (p + q)).
double log_share(double p, double q) { return p > q ? std::log1p(-q / (p + q)) : std::log(p / (p + q)); }

// log(x^a y^b / B(a, b)), y = 1 - x. With large a or b, Stirling's series is put in for their gammas and the large
// terms cancelled by hand.
double log_beta_density(double a, double b, double x, double y) {
  const double sum = a + b, log_x = log_share(x, y), log_y = log_share(y, x);
  if (a < 10 && b < 10) return a * log_x + b * log_y + log_gamma(sum) - log_gamma(a) - log_gamma(b);
  const double corrections = stirling(sum) - (a < 10 ? 0 : stirling(a)) - (b < 10 ? 0 : stirling(b));
  if (a < 10)  // log(gamma(a + b) / gamma(b)) = (b - 1/2) log(1 + a/b) + a log(a + b) - a + ...
    return a * (log_x + std::log(sum)) + b * log_y + (b - 0.5) * std::log1p(a / b) - a - log_gamma(a) + corrections;
  if (b < 10)
    return b * (log_y + std::log(sum)) + a * log_x + (a - 0.5) * std::log1p(b / a) - b - log_gamma(b) + corrections;
  const double distance = x * b - y * a;  // (a + b) (x - mean)
  const double powers = std::fabs(distance) < 0.5 * (a < b ? a : b)
                            ? a * log1p_less(distance / a) + b * log1p_less(-distance / b)
                            : a * (log_x - log_share(a, b)) + b * (log_y - log_share(b, a));
  return powers + 0.5 * std::log(a * b / (2 * kPi * sum)) + corrections;
}

// density / I_x(a, b) for x below the mean: the continued fraction of DiDonato and Morris (ACM TOMS 18 (1992) 360, eq.
// 9), whose terms do not cancel; Lentz's algorithm.
double beta_fraction(double a, double b, double x, double y) {
  const double above = a * y - b * x;
  double value = a * (above + 1) / (a + 1), numerators = value, denominators = 0;
  for (int m = 1; m < kMaxTerms; ++m) {
    const double odd = a + 2 * m - 1;
    const double top = (a + m - 1) / odd * ((a + b + m - 1) / odd) * m * (b - m) * x * x;
    const double base = m + m * (b - m) * x / odd + (a + m) * (above + 1 + m * (1 + y)) / (odd + 2);
    denominators = 1 / (base + top * denominators);
    numerators = base + top / numerators;
    const double factor = numerators * denominators;
    value *= factor;
    if (std::fabs(factor - 1) <= kEpsilon) break;
  }
  return value;
}

// I_x(a, b); nan unless a, b > 0 and 0 <= x <= 1.
double incomplete_beta(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1) || a == INFINITY || b == INFINITY) return NAN;
  if (x == 0 || x == 1) return x;
  const double y = 1 - x, density = std::exp(log_beta_density(a, b, x, y));
  if (b * x <= a * y) return density / beta_fraction(a, b, x, y);
  return 1 - density / beta_fraction(b, a, y, x);
}

struct Betainc {
  template <typename C>
  C operator()(C a, C b, C x) const {
    return static_cast<C>(incomplete_beta(a, b, x));
  }
};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("betainc", signature<T>("T,T,T->T")).tile(tile_of<Betainc, T, T, T, T>);
});

}  // namespace
}  // namespace special

// Loops, so they have no expression for generated code.
OW_BINARY(igamma, floats, nullptr, static_cast<C>(special::incomplete_gamma(x, y).lower))
OW_BINARY(igammac, floats, nullptr, static_cast<C>(special::incomplete_gamma(x, y).upper))
OW_BINARY(igamma_grad_a, floats, nullptr, static_cast<C>(special::lower_slope(x, y)))
