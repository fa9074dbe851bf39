// silu, gelu, mish and their first derivatives.
#include "curves.hpp"

using namespace opwright;

namespace {

constexpr double kRootHalf = 0.70710678118654752440;  // sqrt(1 / 2)
constexpr double kDensity = 0.39894228040143267794;   // 1 / sqrt(2 pi)
constexpr double kTwice = 1.59576912160573071176;     // 2 sqrt(2 / pi)
constexpr double kCubic = 0.044715;                   // Hendrycks and Gimpel 2016

template <typename T>
void silu(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C beta = real<T>(state, SILU_BETA);
  map<T, 1>(out, in, n, [=](C x) { return x * opwright::sigmoid(beta * x); });
}
template <typename T>
void silu_grad(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C beta = real<T>(state, SILU_GRAD_BETA);
  map<T, 2>(out, in, n, [=](C dy, C x) {
    const C s = opwright::sigmoid(beta * x);
    return dy * (s * (C(1) + beta * x * (C(1) - s)));
  });
}

// The normal distribution function, or its approximation sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)) = (1 + tanh) / 2.
template <typename C>
inline C normal(C x) {
  return C(0.5) + C(0.5) * opwright::erf(x * static_cast<C>(kRootHalf));
}
template <typename C>
inline C nearly_normal(C x) {
  return opwright::sigmoid(static_cast<C>(kTwice) * x * (C(1) + static_cast<C>(kCubic) * x * x));
}

template <typename T>
void gelu(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  if (static_cast<const ow_value *>(state)[GELU_APPROXIMATE].v.i)
    map<T, 1>(out, in, n, [](C x) { return x * nearly_normal(x); });
  else map<T, 1>(out, in, n, [](C x) { return x * normal(x); });
}
template <typename T>
void gelu_grad(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  if (static_cast<const ow_value *>(state)[GELU_GRAD_APPROXIMATE].v.i)
    map<T, 2>(out, in, n, [](C dy, C x) {
      const C s = nearly_normal(x), slope = static_cast<C>(kTwice) * (C(1) + static_cast<C>(3 * kCubic) * x * x);
      return dy * (s + x * s * (C(1) - s) * slope);
    });
  else
    map<T, 2>(out, in, n, [](C dy, C x) {
      return dy * (normal(x) + x * static_cast<C>(kDensity) * opwright::exp(C(-0.5) * x * x));
    });
}

// tanh(log(1 + e^x)) = m / (m + 2) with m = e^x (e^x + 2), which is 1 from x = 20 on.
template <typename C>
inline C tanh_softplus(C x) {
  const C e = opwright::exp(x < C(20) ? x : C(20)), m = e * (e + C(2));
  return m / (m + C(2));
}
template <typename T>
void mish(void *out, const void *const *in, int64_t n, const void *) {
  using C = compute_t<T>;
  map<T, 1>(out, in, n, [](C x) { return x * tanh_softplus(x); });
}
template <typename T>
void mish_grad(void *out, const void *const *in, int64_t n, const void *) {
  using C = compute_t<T>;
  map<T, 2>(out, in, n, [](C dy, C x) {
    const C t = tanh_softplus(x);
    return dy * (t + x * opwright::sigmoid(x) * (C(1) - t * t));
  });
}

// The pieces as expressions.
#define OW_SIGMOID(x) "(1 / (1 + exp(-(" x "))))"
#define OW_NORMAL(x) "(0.5 + 0.5 * erf(" x " * 0.70710678118654752440))"
#define OW_NEARLY_NORMAL(x) OW_SIGMOID("1.59576912160573071176 * " x " * (1 + 0.044715 * " x " * " x ")")
#define OW_EXP(x) "exp(fmin(" x ", 20.0))"
#define OW_TANH_SOFTPLUS(x) "(" OW_EXP(x) " * (" OW_EXP(x) " + 2) / (" OW_EXP(x) " * (" OW_EXP(x) " + 2) + 2))"

OW_TILES(silu, "T->T", "x0 * " OW_SIGMOID("a0 * x0"))
OW_TILES(silu_grad, "T,T->T", "x0 * (" OW_SIGMOID("a0 * x1") " * (1 + a0 * x1 * (1 - " OW_SIGMOID("a0 * x1") ")))")
OW_TILES(gelu, "T->T", "a0 ? x0 * " OW_NEARLY_NORMAL("x0") " : x0 * " OW_NORMAL("x0"))
OW_TILES(gelu_grad, "T,T->T",
         "x0 * (a0 ? " OW_NEARLY_NORMAL("x1") " + x1 * " OW_NEARLY_NORMAL("x1") " * (1 - " OW_NEARLY_NORMAL(
             "x1") ") * 1.59576912160573071176 * (1 + 0.134145 * x1 * x1) : " OW_NORMAL("x1")
             " + x1 * 0.39894228040143267794 * exp(-0.5 * x1 * x1))")
OW_TILES(mish, "T->T", "x0 * " OW_TANH_SOFTPLUS("x0"))
OW_TILES(mish_grad, "T,T->T",
         "x0 * (" OW_TANH_SOFTPLUS("x1") " + x1 * " OW_SIGMOID("x1") " * (1 - " OW_TANH_SOFTPLUS(
             "x1") " * " OW_TANH_SOFTPLUS("x1") "))")

}  // namespace
