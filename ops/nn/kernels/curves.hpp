// curves.hpp: expm1 that compilers vectorise, and elementwise kernels whose constants are attributes.
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
