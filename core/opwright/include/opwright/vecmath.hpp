// opwright/vecmath.hpp: exp, log, tanh, sigmoid, erf, sin, cos, pow in branch-free C++ that compilers turn into vector
// code on every CPU. float: errors against the exact value stay below 2 ulp, sigmoid's below 2.5
// (ops/math/tests/test_accuracy.py measures them); results and arguments below the smallest normal number count as 0,
// as everywhere in a step. double and the rest go to <cmath>.
//
// Polynomials are evaluated in pairs (Estrin's scheme): a chain of multiply-adds would wait for each in turn.
#pragma once
#include <cmath>

#include "opwright/kernel.hpp"

namespace opwright {

inline double exp(double x) { return std::exp(x); }
OW_DEVICE inline double log(double x) { return std::log(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double erf(double x) { return std::erf(x); }
inline double pow(double x, double y) { return std::pow(x, y); }
inline double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

// exp(x) = 2^n exp(r), |r| <= ln(2)/2, with the minimax polynomial of Cephes' expf (S. Moshier).
inline float exp(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer that sits in the low bits
  const float shifted = x * 1.44269504088896341f + kMagic;
  const float n = shifted - kMagic;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  const float s = r * r;
  const float low = 1.6666665459e-1f * r + 5.0000001201e-1f;
  const float middle = 8.3334519073e-3f * r + 4.1665795894e-2f;
  const float high = 1.9875691500e-4f * r + 1.3981999507e-3f;
  const float p = ((high * s + middle) * s + low) * s + r + 1.0f;
  float y = bit_cast<float>(bit_cast<uint32_t>(p) + (bit_cast<uint32_t>(shifted) << 23));
  y = x >= -87.3365448f ? y : 0.0f;
  return x <= 88.7228317f ? y : x + INFINITY;  // and nan
}

// log(x) = n ln(2) + log(m), sqrt(1/2) <= m < sqrt(2), with the polynomial of Cephes' logf.
OW_DEVICE inline float log(float x) {
  // Moves the exponent's border from 1 to sqrt(1/2).
  const uint32_t moved = bit_cast<uint32_t>(x) - 0x3f3504f3u;
  const float n = static_cast<float>(static_cast<int32_t>(moved) >> 23);
  const float m = bit_cast<float>((moved & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float s = m * m, f = s * s;
  const float low = 2.0000714765e-1f * m - 2.4999993993e-1f;
  const float middle = 1.4249322787e-1f * m - 1.6668057665e-1f;
  const float high = 1.1676998740e-1f * m - 1.2420140846e-1f;
  const float top = 7.0376836292e-2f * m - 1.1514610310e-1f;
  const float p = ((top * s + high) * f + (middle * s + low)) * m + 3.3333331174e-1f;
  float y = p * s * m + (n * -2.12194440e-4f - 0.5f * s);
  y = m + y + n * 0.693359375f;
  y = x < INFINITY ? y : x;  // inf, nan
  return x >= 1.17549435e-38f || x != x ? y : (x < 0.0f ? bit_cast<float>(0x7fc00000u) : -INFINITY);
}

// Cephes' tanhf: a polynomial up to 0.625, 1 - 2 / (exp(2x) + 1) beyond.
inline float tanh(float x) {
  const float a = std::fabs(x), s = x * x;
  const float low = -5.37397155531e-2f * s + 1.33314422036e-1f;
  const float high = -5.70498872745e-3f * s + 2.06390887954e-2f;
  const float near = ((high * (s * s) + low) * s - 3.33332819422e-1f) * s * x + x;
  const float far = std::copysign(1.0f - 2.0f / (exp(a + a) + 1.0f), x);
  return a < 0.625f ? near : (x != x ? x : far);
}

// erf(x) = x P(x^2) up to 0.78, 1 - exp(-Q(|x|)) beyond, where Q is -log(1 - erf) up to 3.95, from which on erf
// rounds to 1. P and Q are minimax polynomials, found by reweighted least squares (C. Lawson, 1961).
inline float erf(float x) {
  const float a = std::fabs(x), b = a < 3.95f ? a : 3.95f, s = x * x, t = s * s, u = b * b;
  const float p =
      ((9.293582115788013e-05f * s - 0.0008328537223860621f) * t + (0.005215094890445471f * s - 0.0268643107265234f)) *
          t +
      (0.11283773183822632f * s - 0.37612637877464294f);
  const float near = (p * s + 0.0033791670955126f + 1.125f) * x;
  const float q = ((-0.0002092863287543878f * b + 0.0031705948058515787f) * u +
                   (-0.02271982654929161f * b + 0.10492216795682907f)) *
                      u +
                  (0.6360911130905151f * b + 1.1283007860183716f);
  const float far = std::copysign(1.0f - exp(-(q * b + 4.998168151360005e-05f)), x);
  return a < 0.78f ? near : (x != x ? x : far);
}

// sin(r + quadrant pi / 2) for |r| <= pi / 4: minimax polynomials of sin or of cos by turns.
inline float turned(float r, uint32_t quadrant) {
  const float s = r * r, t = s * s;
  const float sine = ((-0.00019510870333760977f * s + 0.008332131430506706f) * s - 0.16666653752326965f) * s * r + r;
  const float cosine =
      (2.4431239580735564e-05f * s - 0.0013887305976822972f) * t * s + (0.04166664555668831f * t - 0.5f * s) + 1.0f;
  const float y = quadrant & 1 ? cosine : sine;
  return bit_cast<float>(bit_cast<uint32_t>(y) ^ (quadrant & 2) << 30);
}

// sin(x) (quarter = 0) or cos(x) (quarter = 1) for |x| <= kMostTurned: the distance to the nearest multiple of pi / 2
// is taken in double, with pi / 2 in three parts as in fdlibm. Up to kNotTurned that multiple is 0.
constexpr float kNotTurned = 0.785f, kMostTurned = 1e6f;
constexpr double kWholeMagic = 6755399441055744.0;  // 1.5 * 2^52: as kMagic above
template <uint32_t quarter>
inline float sine_of(float x) {
  const double d = x, k = d * 0.63661977236758134308 + kWholeMagic, n = k - kWholeMagic;
  const float r = static_cast<float>(((d - n * 1.57079632673412561417) - n * 6.07710050630396597660e-11) -
                                     n * 2.02226624879595063154e-21);
  return turned(r, static_cast<uint32_t>(bit_cast<uint64_t>(k)) + quarter);
}

// x^y = 2^(y log2 |x|) in double, with minimax polynomials, and C99's signs and special values.
inline float pow(float x, float y) {
  const uint32_t bits = bit_cast<uint32_t>(x) & 0x7fffffffu, moved = bits - 0x3f3504f3u;
  const float a = bit_cast<float>(bits);
  const double m = bit_cast<float>((moved & 0x007fffffu) + 0x3f3504f3u), z = (m - 1) / (m + 1), s = z * z;
  double l = (((0.3409552392727858 * s + 0.4116609770032151) * s + 0.5770837728746467) * (s * s) +
              (0.9617966724028485 * s + 2.8853900817907947)) *
             z;
  l += static_cast<int32_t>(moved) >> 23;
  l = a < 1.17549435e-38f ? -INFINITY : l;
  l = a < INFINITY ? l : a;  // inf, nan
  const double wide = y;
  double t = (l == 0.0) | (wide == 0.0) ? 0.0 : l * wide;
  t = t > 300.0 ? 300.0 : t;
  t = t < -300.0 ? -300.0 : t;
  const double k = t + kWholeMagic, f = t - (k - kWholeMagic), g = f * f;
  const double p =
      ((0.00015478021833459366 * f + 0.0013400431666543422) * f + 0.009617994515823458) * (g * g) +
      ((0.055503272157676434 * f + 0.24022651505039883) * g + (0.6931472067096452 * f + 0.999999999919069));
  const float r = static_cast<float>(bit_cast<double>(bit_cast<uint64_t>(p) + (bit_cast<uint64_t>(k) << 52)));
  // The sign of x counts where y is an odd integer; from 2^24 on all are even.
  const bool large = std::fabs(y) >= 16777216.0f;
  const double whole = wide + kWholeMagic;
  const bool integer = large | (whole - kWholeMagic == wide);
  const uint32_t odd = large ? 0u : static_cast<uint32_t>(bit_cast<uint64_t>(whole));
  const uint32_t sign = odd << 31 & bit_cast<uint32_t>(x);
  const float made = bit_cast<float>(bit_cast<uint32_t>(r) ^ (integer ? sign : 0u));
  return (x < 0.0f) & (a < INFINITY) & !integer ? bit_cast<float>(0x7fc00000u) : made;
}

inline float sigmoid(float x) {
  const float e = exp(-std::fabs(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

}  // namespace opwright
