// Activations in straight pieces, and their gradients. nan stays nan.
#include "curves.hpp"

using namespace opwright;

namespace {

OW_UNARY(relu, numbers, "x0 < 0 ? 0 : x0", x < C(0) ? C(0) : x)
OW_BINARY(relu_grad, numbers, "x1 > 0 ? x0 : 0", y > C(0) ? x : C(0))
OW_UNARY(relu6, numbers, "x0 < 0 ? 0 : x0 > 6 ? 6 : x0", x<C(0) ? C(0) : x> C(6) ? C(6) : x)
OW_UNARY(hard_swish, floats, "x0 * fmin(fmax(x0 + 3, 0.0), 6.0) / 6",
         x *(x<C(-3) ? C(0) : x> C(3) ? C(1) : (x + C(3)) / C(6)))
OW_BINARY(prelu, floats, "x0 > 0 ? x0 : x1 * x0", x > C(0) ? x : y * x)

template <typename T>
void leaky_relu(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C alpha = real<T>(state, LEAKY_RELU_ALPHA);
  map<T, 1>(out, in, n, [=](C x) { return x > C(0) ? x : alpha * x; });
}
template <typename T>
void leaky_relu_grad(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C alpha = real<T>(state, LEAKY_RELU_GRAD_ALPHA);
  map<T, 2>(out, in, n, [=](C dy, C x) { return x > C(0) ? dy : alpha * dy; });
}
template <typename T>
void prelu_grad(void *out, const void *const *in, int64_t n, const void *) {
  using C = compute_t<T>;
  map<T, 3>(out, in, n, [](C dy, C x, C alpha) { return x > C(0) ? dy : alpha * dy; });
}
template <typename T>
void hard_tanh(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C low = real<T>(state, HARD_TANH_MIN_VAL), high = real<T>(state, HARD_TANH_MAX_VAL);
  map<T, 1>(out, in, n, [=](C x) { return x < low ? low : x > high ? high : x; });
}
template <typename T>
void band_grad(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C low = real<T>(state, BAND_GRAD_LOW), high = real<T>(state, BAND_GRAD_HIGH);
  map<T, 2>(out, in, n, [=](C dy, C x) { return (x > low) & (x < high) ? dy : C(0); });
}
template <typename T>
void threshold(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C limit = real<T>(state, THRESHOLD_THRESHOLD), value = real<T>(state, THRESHOLD_VALUE);
  map<T, 1>(out, in, n, [=](C x) { return x <= limit ? value : x; });
}
template <typename T>
void softshrink(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C limit = real<T>(state, SOFTSHRINK_LAMBD);
  map<T, 1>(out, in, n, [=](C x) { return std::fabs(x) <= limit ? C(0) : x > C(0) ? x - limit : x + limit; });
}
template <typename T>
void hardshrink(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C limit = real<T>(state, HARDSHRINK_LAMBD);
  map<T, 1>(out, in, n, [=](C x) { return std::fabs(x) <= limit ? C(0) : x; });
}
template <typename T>
void shrink_grad(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C limit = real<T>(state, SHRINK_GRAD_LAMBD);
  map<T, 2>(out, in, n, [=](C dy, C x) { return std::fabs(x) > limit ? dy : C(0); });
}

OW_TILES(leaky_relu, "T->T", "x0 > 0 ? x0 : a0 * x0")
OW_TILES(leaky_relu_grad, "T,T->T", "x1 > 0 ? x0 : a0 * x0")
OW_TILES(prelu_grad, "T,T,T->T", "x1 > 0 ? x0 : x2 * x0")
OW_TILES(hard_tanh, "T->T", "x0 < a0 ? a0 : x0 > a1 ? a1 : x0")
OW_TILES(band_grad, "T,T->T", "x1 > a0 && x1 < a1 ? x0 : 0")
OW_TILES(threshold, "T->T", "x0 <= a0 ? a1 : x0")
OW_TILES(softshrink, "T->T", "fabs(x0) <= a0 ? 0 : x0 > 0 ? x0 - a0 : x0 + a0")
OW_TILES(hardshrink, "T->T", "fabs(x0) <= a0 ? 0 : x0")
OW_TILES(shrink_grad, "T,T->T", "fabs(x1) > a0 ? x0 : 0")

}  // namespace
