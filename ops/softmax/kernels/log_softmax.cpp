// log_softmax: y = x - max(x) - log(sum(exp(x - max(x)))), and its gradient dx = dy - exp(y) sum(dy).
#include "rows.hpp"

using namespace opwright;

namespace {

template <typename T>
void log_softmax(const T *const *in, T *y, int64_t n) {
  using C = compute_t<T>;
  const T *x = in[0];
  const C max = max_of(x, n);
  const C log_sum = static_cast<C>(std::log(sum_of<C>(n, [&](int64_t i, auto lanes, C *sums) {
    const Lanes<C> in_(x + i, lanes, static_cast<C>(-INFINITY));
    for (int j = 0; j < computed<C>(lanes); ++j) sums[j] += opwright::exp(in_.v[j] - max);
  })));
  in_lanes(n, [&](int64_t i, auto lanes) {
    Lanes<C> out(x + i, lanes, C(0));
    for (int j = 0; j < kLanes; ++j) out.v[j] = out.v[j] - max - log_sum;
    out.store(y + i, lanes);
  });
}

template <typename T>
void log_softmax_grad(const T *const *in, T *dx, int64_t n) {
  using C = compute_t<T>;
  const T *dy = in[0], *y = in[1];
  const C total = static_cast<C>(sum_of<C>(n, [&](int64_t i, auto lanes, C *sums) {
    const Lanes<C> a(dy + i, lanes, C(0));
    for (int j = 0; j < kLanes; ++j) sums[j] += a.v[j];
  }));
  in_lanes(n, [&](int64_t i, auto lanes) {
    Lanes<C> a(dy + i, lanes, C(0));
    const Lanes<C> b(y + i, lanes, static_cast<C>(-INFINITY));
    for (int j = 0; j < computed<C>(lanes); ++j) a.v[j] -= opwright::exp(b.v[j]) * total;
    a.store(dx + i, lanes);
  });
}

template <typename C>
void log_softmax_panel(C *const *in, int64_t n) {
  C *x = in[0];
  const Lanes<C> max = panel_max(x, n);
  const Lanes<double> sum = panel_sum<C>(n, [&](int64_t i, int j) { return opwright::exp(x[i] - max.v[j]); });
  Lanes<C> log_sum(C(0));
  for (int j = 0; j < kLanes; ++j) log_sum.v[j] = opwright::log(static_cast<C>(sum.v[j]));
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) x[k * kLanes + j] = x[k * kLanes + j] - max.v[j] - log_sum.v[j];
}

template <typename C>
void log_softmax_grad_panel(C *const *in, int64_t n) {
  C *dy = in[0];
  const C *y = in[1];
  const Lanes<double> total = panel_sum<C>(n, [&](int64_t i, int) { return dy[i]; });
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) {
      const int64_t i = k * kLanes + j;
      dy[i] -= opwright::exp(y[i]) * static_cast<C>(total.v[j]);
    }
}

OW_ROWS(log_softmax, 1, "T->T", log_softmax, log_softmax_panel)
OW_ROWS(log_softmax_grad, 2, "T,T->T", log_softmax_grad, log_softmax_grad_panel)

}  // namespace
