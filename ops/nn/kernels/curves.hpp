// curves.hpp: expm1 and erf that compilers vectorise, and elementwise kernels whose constants are attributes.
#pragma once
#include "nn_attributes.h"
#include "opwright/vecmath.hpp"

namespace opwright {

inline double expm1_below(double x) { return std::expm1(x < 0 ? x : 0); }

// e^min(x, 0) - 1 = 2^n (e^r - 1) + (2^n - 1), with the polynomial of Cephes' expf (S. Moshier) for (e^r - 1 - r) /
// r^2. Within 2 ulp.
inline float expm1_below(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer that sits in the low bits
  float c = x > 0.0f ? 0.0f : x;
  c = c < -80.0f ? -80.0f : c;
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
  p = p * (r * r) + r;
  const float power = bit_cast<float>((bit_cast<uint32_t>(shifted) - 0x4b400000u + 127u) << 23);
  return power * p + (power - 1.0f);
}

inline double erf(double x) { return std::erf(x); }

// x P(x^2) below 1, 1 - exp(-Q(|x|)) beyond; P and Q are least-maximum fits to erf(x) / x and -log(erfc(x)) on [0, 1]
// and [1, 3.95], where the float nearest to erf becomes 1. Within 3 ulp.
inline float erf(float x) {
  const float s = x * x, a = std::fabs(x), c = a < 3.95f ? a : 3.95f;
  float p = 7.8538577249e-5f;
  p = p * s - 8.0101925258e-4f;
  p = p * s + 5.1883275605e-3f;
  p = p * s - 2.6853811869e-2f;
  p = p * s + 1.1283585147e-1f;
  p = p * s - 3.7612625824e-1f;
  p = p * s + 1.1283791657f;
  float q = -1.8557486094e-4f;
  q = q * c + 2.9396154275e-3f;
  q = q * c - 2.1805349957e-2f;
  q = q * c + 1.0303743308e-1f;
  q = q * c + 6.3822560510e-1f;
  q = q * c + 1.1270400784f;
  q = q * c + 3.5370931215e-4f;
  const float far = std::copysign(1.0f - exp(-q), x);
  return a < 1.0f ? p * x : (x != x ? x : far);
}

// ---- attributes ----------------------------------------------------------------------------------------------------

template <typename T, typename F, size_t... I>
inline void map_over(void *out, const void *const *in, int64_t n, F f, std::index_sequence<I...>) {
  using C = compute_t<T>;
  T *y = static_cast<T *>(out);
  const T *x[] = {static_cast<const T *>(in[I])...};
  OW_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(f(static_cast<C>(x[I][i])...));
}
// out = f(in0, in1, ...), computed in compute_t.
template <typename T, size_t kIn, typename F>
inline void map(void *out, const void *const *in, int64_t n, F f) {
  map_over<T>(out, in, n, f, std::make_index_sequence<kIn>());
}

// A floating attribute of a tile function's node, in the type that T is computed in.
template <typename T>
inline compute_t<T> real(const void *state, int index) {
  return static_cast<compute_t<T>>(static_cast<const ow_value *>(state)[index].v.f);
}

// Registers the tile function op<T> for each floating type as the kernel of the op of that name, and what it computes
// as an expression.
#define OW_TILES(op, pattern, text)                                                      \
  OW_REGISTER floats::each([](auto zero) {                                               \
    using T = decltype(zero);                                                            \
    ::opwright::Kernel(#op, ::opwright::signature<T>(pattern)).tile(op<T>).scalar(text); \
  });

}  // namespace opwright
