// elu, selu, celu: exponential below 0. One gradient serves all three, written in y, which is linear in e^x there.
#include "curves.hpp"

using namespace opwright;

namespace {

constexpr double kScale = 1.0507009873554805, kAlpha = 1.6732632423543772;  // Klambauer et al. 2017

OW_UNARY(elu, floats, "x0 < 0 ? expm1(x0) : x0", x < C(0) ? expm1_below(x) : x)
OW_UNARY(selu, floats, "x0 < 0 ? 1.7580993408473766 * expm1(x0) : 1.0507009873554805 * x0",
         x < C(0) ? static_cast<C>(kScale * kAlpha) * expm1_below(x) : static_cast<C>(kScale) * x)

template <typename T>
void celu(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C alpha = real<T>(state, CELU_ALPHA), inverse = C(1) / alpha;
  map<T, 1>(out, in, n, [=](C x) { return x < C(0) ? alpha * expm1_below(x * inverse) : x; });
}
template <typename T>
void elu_grad(void *out, const void *const *in, int64_t n, const void *state) {
  using C = compute_t<T>;
  const C slope = real<T>(state, ELU_GRAD_SLOPE), base = real<T>(state, ELU_GRAD_BASE);
  const C scale = real<T>(state, ELU_GRAD_SCALE);
  map<T, 2>(out, in, n, [=](C dy, C y) { return dy * (y < C(0) ? slope * y + base : scale); });
}

OW_TILES(celu, "T->T", "x0 < 0 ? a0 * expm1(x0 / a0) : x0")
OW_TILES(elu_grad, "T,T->T", "x0 * (x1 < 0 ? a0 * x1 + a1 : a2)")

}  // namespace
