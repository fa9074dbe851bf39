// cumsum, cumprod, cumulative_logsumexp, linear_recurrence, running_extreme, shift: one pass along an axis.
#include <cmath>
#include <limits>

#include "axis.hpp"
#include "math_attributes.h"
#include "opwright/vecmath.hpp"

using namespace opwright;

namespace {

// Integers wrap around, which only unsigned ones may; sums of floats are kept in double.
template <typename T>
using wide = std::conditional_t<is_float<T>, double, uint64_t>;

template <typename T>
struct Sum {
  using State = wide<T>;
  static State start() { return 0; }
  static State next(State s, T x) { return s + static_cast<State>(static_cast<compute_t<T>>(x)); }
};

template <typename T>
struct Prod {
  using State = wide<T>;
  static State start() { return 1; }
  static State next(State s, T x) { return s * static_cast<State>(static_cast<compute_t<T>>(x)); }
};

// log(exp(s) + exp(x)) = max + log1p(exp(-|s - x|))
template <typename T>
struct LogSumExp {
  using State = double;
  static State start() { return -std::numeric_limits<double>::infinity(); }
  static State next(State s, T given) {
    const double x = static_cast<double>(static_cast<compute_t<T>>(given)), top = x > s || x != x ? x : s;
    return std::isinf(top) ? top : top + std::log1p(std::exp(-std::fabs(s - x)));
  }
};

int32_t prepare_scan(ow_plan *plan) { return prepare_axis(plan, 1); }
int32_t prepare_slow_scan(ow_plan *plan) { return prepare_axis(plan, 30); }

// The attributes of every scan are axis, exclusive, reverse, in this order.
static_assert(CUMSUM_AXIS == 0 && CUMSUM_EXCLUSIVE == 1 && CUMSUM_REVERSE == 2, "as the kernels read them");
static_assert(CUMPROD_REVERSE == 2 && CUMULATIVE_LOGSUMEXP_REVERSE == 2, "as the kernels read them");

template <typename S, typename T>
int32_t scan(const ow_call *call, int64_t first, int64_t last) {
  const Axis &a = *static_cast<const Axis *>(call->state);
  const bool exclusive = call->attr[1].v.i, reverse = call->attr[2].v.i;
  const Range units(call, a.units, first, last);
  const int64_t step = reverse ? -a.inner : a.inner;
  for (int64_t u = units.begin; u < units.end; ++u) {
    const Axis::Unit unit = a.unit(u);
    const int64_t start = unit.start + (reverse ? (a.n - 1) * a.inner : 0);
    const T *x = data<T>(call->in[0]) + start;
    T *y = data<T>(call->out[0]) + start;
    typename S::State s[Axis::kTile];
    std::fill_n(s, unit.lanes, S::start());
    for (int64_t i = 0; i < a.n; ++i, x += step, y += step) {
      OW_IVDEP
      for (int64_t j = 0; j < unit.lanes; ++j) {
        const typename S::State before = s[j], after = S::next(before, x[j]);
        y[j] = static_cast<T>(exclusive ? before : after);
        s[j] = after;
      }
    }
  }
  return OW_OK;
}

// y[i] = x[i] + decay[i] y[i - 1]
template <typename T>
int32_t recur(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Axis &a = *static_cast<const Axis *>(call->state);
  const bool reverse = call->attr[LINEAR_RECURRENCE_REVERSE].v.i;
  const Range units(call, a.units, first, last);
  const int64_t step = reverse ? -a.inner : a.inner;
  for (int64_t u = units.begin; u < units.end; ++u) {
    const Axis::Unit unit = a.unit(u);
    const int64_t start = unit.start + (reverse ? (a.n - 1) * a.inner : 0);
    const T *decay = data<T>(call->in[0]) + start, *x = data<T>(call->in[1]) + start;
    T *y = data<T>(call->out[0]) + start;
    C s[Axis::kTile];
    for (int64_t j = 0; j < unit.lanes; ++j) s[j] = 0;
    for (int64_t i = 0; i < a.n; ++i, decay += step, x += step, y += step) {
      OW_IVDEP
      for (int64_t j = 0; j < unit.lanes; ++j) {
        const C before = i == 0 ? C(0) : static_cast<C>(decay[j]) * s[j];  // the first decay may be infinite
        s[j] = static_cast<C>(x[j]) + before;
        y[j] = static_cast<T>(s[j]);
      }
    }
  }
  return OW_OK;
}

// The largest (smallest) so far, the first nan for good, and where it stood.
template <typename T>
int32_t extreme(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Axis &a = *static_cast<const Axis *>(call->state);
  const bool reverse = call->attr[RUNNING_EXTREME_REVERSE].v.i, max = call->attr[RUNNING_EXTREME_LARGEST].v.i;
  const Range units(call, a.units, first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const Axis::Unit unit = a.unit(u);
    C best[Axis::kTile];
    int64_t where[Axis::kTile];
    for (int64_t i = 0; i < a.n; ++i) {
      const int64_t at = reverse ? a.n - 1 - i : i, start = unit.start + at * a.inner;
      const T *x = data<T>(call->in[0]) + start;
      for (int64_t j = 0; j < unit.lanes; ++j) {
        const C v = static_cast<C>(x[j]);
        if (i == 0 || (best[j] == best[j] && (v != v || (max ? v > best[j] : v < best[j])))) {
          best[j] = v;
          where[j] = at;
        }
        data<T>(call->out[0])[start + j] = static_cast<T>(best[j]);
        data<int64_t>(call->out[1])[start + j] = where[j];
      }
    }
  }
  return OW_OK;
}

// y[i] = x[i - by], 0 where there is none.
template <typename T>
int32_t shift(const ow_call *call, int64_t first, int64_t last) {
  const Axis &a = *static_cast<const Axis *>(call->state);
  const int64_t by = std::clamp(call->attr[SHIFT_BY].v.i, -a.n, a.n);
  const Range units(call, a.units, first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const Axis::Unit unit = a.unit(u);
    const T *x = data<T>(call->in[0]) + unit.start;
    T *y = data<T>(call->out[0]) + unit.start;
    for (int64_t i = 0; i < a.n; ++i) {
      const int64_t from = i - by;
      if (from < 0 || from >= a.n)
        std::memset(static_cast<void *>(y + i * a.inner), 0, sizeof(T) * static_cast<size_t>(unit.lanes));
      else
        std::memcpy(static_cast<void *>(y + i * a.inner), x + from * a.inner,
                    sizeof(T) * static_cast<size_t>(unit.lanes));
    }
  }
  return OW_OK;
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("cumsum", signature<T>("T->T")).prepare(prepare_scan).run(scan<Sum<T>, T>);
  Kernel("cumprod", signature<T>("T->T")).prepare(prepare_scan).run(scan<Prod<T>, T>);
  Kernel("running_extreme", signature<T>("T->T,int64")).prepare(prepare_scan).run(extreme<T>);
});

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("cumulative_logsumexp", signature<T>("T->T")).prepare(prepare_slow_scan).run(scan<LogSumExp<T>, T>);
  Kernel("linear_recurrence", signature<T>("T,T->T")).prepare(prepare_scan).run(recur<T>);
});

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  Kernel("shift", signature<T>("T->T")).prepare(prepare_scan).run(shift<T>);
});

}  // namespace
