// Softmax cross-entropies: loss = sum_k l_k (log(s) - (x_k - max)), s = sum(exp(x - max)), and backprop, which is
// softmax(x) - l as in TensorFlow: the loss's derivative where the labels sum to 1.
#include "rows.hpp"

using namespace opwright;

namespace {

// What one pass over a row sums up, in pieces that stay exact enough in C.
struct Sums {
  double exponentials = 0, below = 0, labels = 0;  // exp(x - max), l (max - x), l
};

template <typename T, typename C = compute_t<T>>
Sums sums_of(const T *labels, const T *x, C max, T *e, int64_t n) {
  Sums total;
  for (int64_t at = 0; at < n; at += kPiece) {
    Lanes<C> sums(C(0)), below(C(0)), weights(C(0));
    in_lanes(std::min(kPiece, n - at), [&](int64_t i, auto lanes) {
      Lanes<C> in(x + at + i, lanes, static_cast<C>(-INFINITY));
      const Lanes<C> l(labels + at + i, lanes, C(0));
      for (int j = 0; j < kLanes; ++j) {
        below.v[j] += l.v[j] == C(0) ? C(0) : l.v[j] * (max - in.v[j]);  // where a label is 0, a logit may be -inf
        weights.v[j] += l.v[j];
      }
      for (int j = 0; j < computed<C>(lanes); ++j) {
        in.v[j] = opwright::exp(in.v[j] - max);
        sums.v[j] += in.v[j];
      }
      if constexpr (std::is_same_v<T, C>) in.store(e + at + i, lanes);
    });
    total.exponentials += sums.sum(), total.below += below.sum(), total.labels += weights.sum();
  }
  return total;
}

template <typename T>
void cross_entropy(const T *labels, const T *x, T *loss, T *backprop, int64_t n) {
  using C = compute_t<T>;
  const C max = max_of(x, n);
  const Sums sums = sums_of(labels, x, max, backprop, n);
  *loss = static_cast<T>(static_cast<C>(n ? sums.below + sums.labels * std::log(sums.exponentials) : 0));
  const C scale = static_cast<C>(1 / sums.exponentials);
  in_lanes(n, [&](int64_t i, auto lanes) {
    Lanes<C> e = exponentials(x + i, max, backprop + i, lanes);
    const Lanes<C> l(labels + i, lanes, C(0));
    for (int j = 0; j < kLanes; ++j) e.v[j] = e.v[j] * scale - l.v[j];
    e.store(backprop + i, lanes);
  });
}

template <typename T>
void sparse_cross_entropy(int64_t label, const T *x, T *loss, T *backprop, int64_t n) {
  using C = compute_t<T>;
  const C max = max_of(x, n);
  const C below = max - static_cast<C>(x[label]);  // before backprop, which may lie over the logits, is written
  const double sum = exp_sum(x, max, backprop, n);
  *loss = static_cast<T>(static_cast<C>(std::log(sum) + static_cast<double>(below)));
  const C scale = static_cast<C>(1 / sum);
  in_lanes(n, [&](int64_t i, auto lanes) {
    Lanes<C> e = exponentials(x + i, max, backprop + i, lanes);
    for (int j = 0; j < kLanes; ++j) e.v[j] *= scale;
    const int64_t at = label - i;
    if (at >= 0 && at < kLanes) e.v[at] -= C(1);
    e.store(backprop + i, lanes);
  });
}

// exp(x - max) / sum, in the panel's place, and log(sum) of each row.
template <typename C>
Lanes<C> softmax_of(C *x, const Lanes<C> &max, int64_t n) {
  const Lanes<double> sum = panel_sum<C>(n, [&](int64_t i, int j) { return x[i] = opwright::exp(x[i] - max.v[j]); });
  Lanes<C> scale(C(0)), log_sum(C(0));
  for (int j = 0; j < kLanes; ++j) scale.v[j] = static_cast<C>(1 / sum.v[j]);
  for (int j = 0; j < kLanes; ++j) log_sum.v[j] = opwright::log(static_cast<C>(sum.v[j]));
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) x[k * kLanes + j] *= scale.v[j];
  return log_sum;
}

// A panel of logits becomes backprop; returns the losses.
template <typename C>
Lanes<C> cross_entropy_panel(const C *labels, C *x, int64_t n) {
  Lanes<C> loss(C(0)), weights(C(0));
  const Lanes<C> max = panel_max(x, n);
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) {
      const C l = labels[k * kLanes + j];
      loss.v[j] += l == C(0) ? C(0) : l * (max.v[j] - x[k * kLanes + j]);
      weights.v[j] += l;
    }
  const Lanes<C> log_sum = softmax_of(x, max, n);
  for (int j = 0; j < kLanes && n; ++j) loss.v[j] += weights.v[j] * log_sum.v[j];
  for (int64_t i = 0; i < n * kLanes; ++i) x[i] -= labels[i];
  return loss;
}

template <typename C>
Lanes<C> sparse_cross_entropy_panel(const int64_t *labels, C *x, int64_t n) {
  Lanes<C> loss = panel_max(x, n);
  const Lanes<C> max = loss;
  for (int j = 0; j < kLanes; ++j) loss.v[j] -= x[labels[j] * kLanes + j];
  const Lanes<C> log_sum = softmax_of(x, max, n);
  for (int j = 0; j < kLanes; ++j) loss.v[j] += log_sum.v[j];
  for (int j = 0; j < kLanes; ++j) x[labels[j] * kLanes + j] -= C(1);
  return loss;
}

// Inputs are (labels, logits) in both.
template <typename T>
int32_t prepare(ow_plan *plan) {
  const Rows *rows = state<Rows>(plan, rows_along(plan->in[1], -1));
  if (!rows) return OW_NO_MEMORY;
  const double elements = static_cast<double>(rows->outer * rows->n);
  plan->flops = 16.0 * elements;
  plan->bytes = 3 * sizeof(T) * elements;
  if (rows->panels) plan->worker_scratch_bytes = static_cast<uint64_t>(2 * kLanes * rows->n) * sizeof(compute_t<T>);
  divide(plan, rows->units(), 20 + nanoseconds(*rows, std::is_same_v<T, double>));
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Rows &rows = *static_cast<const Rows *>(call->state);
  const Range units(call, rows.units(), first, last);
  const T *labels = data<const T>(call->in[0]), *logits = data<const T>(call->in[1]);
  T *loss = data<T>(call->out[0]), *backprop = data<T>(call->out[1]);
  for (int64_t u = units.begin; u < units.end; ++u) {
    if (rows.panels) {
      const Place at(rows, u);
      C *l = static_cast<C *>(call->worker_scratch), *x = l + kLanes * rows.n;
      load(labels, at, rows.n, l);
      load(logits, at, rows.n, x);
      cross_entropy_panel(l, x, rows.n).store(loss + u * kLanes, at.width);
      store(backprop, at, rows.n, x);
    } else {
      cross_entropy(labels + u * rows.n, logits + u * rows.n, loss + u, backprop + u * rows.n, rows.n);
    }
  }
  return OW_OK;
}

template <typename I>
int32_t check(const ow_call *call, const I *labels, int64_t from, int64_t to, int64_t n) {
  for (int64_t r = from; r < to; ++r)
    if (labels[r] < 0 || static_cast<int64_t>(labels[r]) >= n)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "labels must lie in [0, %lld), the number of classes, got %lld in row %lld",
                     static_cast<long long>(n), static_cast<long long>(labels[r]), static_cast<long long>(r));
  return OW_OK;
}

template <typename T, typename I>
int32_t run_sparse(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Rows &rows = *static_cast<const Rows *>(call->state);
  const Range units(call, rows.units(), first, last);
  const I *labels = data<const I>(call->in[0]);
  const T *logits = data<const T>(call->in[1]);
  T *loss = data<T>(call->out[0]), *backprop = data<T>(call->out[1]);
  const int64_t step = rows.panels ? kLanes : 1;
  const int32_t status = check(call, labels, units.begin * step, std::min(units.end * step, rows.outer), rows.n);
  if (status != OW_OK) return status;
  for (int64_t u = units.begin; u < units.end; ++u) {
    if (rows.panels) {
      const Place at(rows, u);
      C *x = static_cast<C *>(call->worker_scratch);
      int64_t here[kLanes] = {};
      std::copy(labels + u * kLanes, labels + u * kLanes + at.width, here);
      load(logits, at, rows.n, x);
      sparse_cross_entropy_panel(here, x, rows.n).store(loss + u * kLanes, at.width);
      store(backprop, at, rows.n, x);
    } else {
      sparse_cross_entropy(static_cast<int64_t>(labels[u]), logits + u * rows.n, loss + u, backprop + u * rows.n,
                           rows.n);
    }
  }
  return OW_OK;
}

constexpr int8_t kOverLogits[] = {1, 1, -1};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("softmax_cross_entropy_with_logits", signature<T>("T,T->T,T"))
      .prepare(prepare<T>)
      .run(run<T>)
      .inplace(kOverLogits);
  indices::each([](auto index) {
    using I = decltype(index);
    Kernel("sparse_softmax_cross_entropy_with_logits", signature<T, I>("U,T->T,T"))
        .prepare(prepare<T>)
        .run(run_sparse<T, I>)
        .inplace(kOverLogits);
  });
});

}  // namespace
