// softmax: y = exp(x - max(x)) / sum, and its gradient dx = y (dy - <dy, y>).
#include "rows.hpp"

using namespace opwright;

namespace {

template <typename T>
void softmax(const T *const *in, T *y, int64_t n) {
  using C = compute_t<T>;
  const T *x = in[0];
  const C max = max_of(x, n);
  const C scale = static_cast<C>(1 / exp_sum(x, max, y, n));
  in_lanes(n, [&](int64_t i, auto lanes) {
    Lanes<C> e = exponentials(x + i, max, y + i, lanes);
    for (int j = 0; j < kLanes; ++j) e.v[j] *= scale;
    e.store(y + i, lanes);
  });
}

template <typename T>
void softmax_grad(const T *const *in, T *dx, int64_t n) {
  using C = compute_t<T>;
  const T *dy = in[0], *y = in[1];
  const C inner = static_cast<C>(sum_of<C>(n, [&](int64_t i, auto lanes, C *sums) {
    const Lanes<C> a(dy + i, lanes, C(0)), b(y + i, lanes, C(0));
    for (int j = 0; j < kLanes; ++j) sums[j] += a.v[j] * b.v[j];
  }));
  in_lanes(n, [&](int64_t i, auto lanes) {
    Lanes<C> a(dy + i, lanes, C(0));
    const Lanes<C> b(y + i, lanes, C(0));
    for (int j = 0; j < kLanes; ++j) a.v[j] = b.v[j] * (a.v[j] - inner);
    a.store(dx + i, lanes);
  });
}

template <typename C>
void softmax_panel(C *const *in, int64_t n) {
  C *x = in[0];
  const Lanes<C> max = panel_max(x, n);
  const Lanes<double> sum = panel_sum<C>(n, [&](int64_t i, int j) { return x[i] = opwright::exp(x[i] - max.v[j]); });
  Lanes<C> scale(C(0));
  for (int j = 0; j < kLanes; ++j) scale.v[j] = static_cast<C>(1 / sum.v[j]);
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) x[k * kLanes + j] *= scale.v[j];
}

template <typename C>
void softmax_grad_panel(C *const *in, int64_t n) {
  C *dy = in[0];
  const C *y = in[1];
  const Lanes<double> inner = panel_sum<C>(n, [&](int64_t i, int) { return dy[i] * y[i]; });
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) {
      const int64_t i = k * kLanes + j;
      dy[i] = y[i] * (dy[i] - static_cast<C>(inner.v[j]));
    }
}

OW_ROWS(softmax, 1, "T->T", softmax, softmax_panel)
OW_ROWS(softmax_grad, 2, "T,T->T", softmax_grad, softmax_grad_panel)

}  // namespace
