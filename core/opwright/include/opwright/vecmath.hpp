// opwright/vecmath.hpp: exp, log, tanh, sigmoid in branch-free C++ that compilers turn into vector code on every CPU.
// float: errors against the exact value stay below 2 ulp (tests/core/test_vecmath.py measures them); double and the
// rest go to <cmath>.
#pragma once
#include <cmath>

#include "opwright/kernel.hpp"

namespace opwright {

inline double exp(double x) { return std::exp(x); }
OW_DEVICE inline double log(double x) { return std::log(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

// exp(x) = 2^n exp(r), |r| <= ln(2)/2, with the minimax polynomial of Cephes' expf (S. Moshier).
inline float exp(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer that sits in the low bits
  float c = x > 89.0f ? 89.0f : x;
  c = c < -104.0f ? -104.0f : c;
  const float shifted = c * 1.44269504088896341f + kMagic;
  const float n = shifted - kMagic;
  float r = c - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  // 2^n in two factors, so that results near the ends of the range come out right.
  const int32_t whole = static_cast<int32_t>(bit_cast<uint32_t>(shifted) - 0x4b400000u), low = whole >> 1;
  const float a = bit_cast<float>(static_cast<uint32_t>(low + 127) << 23);
  const float b = bit_cast<float>(static_cast<uint32_t>(whole - low + 127) << 23);
  return p * a * b;
}

// log(x) = n ln(2) + log(m), sqrt(1/2) <= m < sqrt(2), with the polynomial of Cephes' logf.
OW_DEVICE inline float log(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const uint32_t bits = bit_cast<uint32_t>(tiny ? x * 8388608.0f : x);
  // Moves the exponent's border from 1 to sqrt(1/2).
  const uint32_t moved = bits - 0x3f3504f3u;
  const float n = static_cast<float>(static_cast<int32_t>(moved) >> 23) - (tiny ? 23.0f : 0.0f);
  const float m = bit_cast<float>((moved & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float square = m * m;
  float y = p * square * m + n * -2.12194440e-4f - 0.5f * square;
  y = m + y + n * 0.693359375f;
  y = x < INFINITY ? y : x;  // inf, nan
  y = x < 0.0f ? bit_cast<float>(0x7fc00000u) : y;
  return x == 0.0f ? -INFINITY : y;
}

// Cephes' tanhf: a polynomial up to 0.625, 1 - 2 / (exp(2x) + 1) beyond.
inline float tanh(float x) {
  const float a = std::fabs(x), s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const float near = p * s * x + x;
  const float far = std::copysign(1.0f - 2.0f / (exp(a + a) + 1.0f), x);
  return a < 0.625f ? near : (x != x ? x : far);
}

inline float sigmoid(float x) {
  const float e = exp(-std::fabs(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

}  // namespace opwright
