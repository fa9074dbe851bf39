// unsorted_segment_sum, _prod, _max, _min: rows of data combined by their segment's number; segment_gather, the adjoint
// of the sum. Work is cut by columns, so that each row of the result is made in the order of the data, whatever the
// chunks.
#include <algorithm>
#include <limits>

#include "math_attributes.h"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

template <typename T>
using lane = std::conditional_t<is_float<T>, compute_t<T>, std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;

template <typename T>
struct Sum {
  using Lane = lane<T>;
  static Lane start() { return 0; }
  static Lane combine(Lane a, Lane b) { return a + b; }
};
template <typename T>
struct Prod {
  using Lane = lane<T>;
  static Lane start() { return 1; }
  static Lane combine(Lane a, Lane b) { return a * b; }
};
template <typename T>
struct Max {
  using Lane = compute_t<T>;
  static Lane start() { return std::numeric_limits<Lane>::lowest(); }
  static Lane combine(Lane a, Lane b) { return b > a || b != b ? b : a; }
};
template <typename T>
struct Min {
  using Lane = compute_t<T>;
  static Lane start() { return std::numeric_limits<Lane>::max(); }
  static Lane combine(Lane a, Lane b) { return b < a || b != b ? b : a; }
};
// What 16-bit floats start from must be one of them.
template <typename R, typename T>
typename R::Lane start_of() {
  if constexpr (std::is_same_v<T, half>) return std::clamp(R::start(), -65504.0f, 65504.0f);
  else if constexpr (std::is_same_v<T, bfloat16>)
    return std::clamp(R::start(), bit_cast<float>(0xff7f0000u), bit_cast<float>(0x7f7f0000u));
  else return R::start();
}

// Whether the result's own memory holds the sums: elsewhere 16-bit floats are rounded once, at the end, and small
// integers added as larger ones.
template <typename R, typename T>
constexpr bool kDirect = sizeof(T) == sizeof(typename R::Lane);

struct Rows {
  int64_t n, segments, columns;  // rows of data, rows of the result, elements of a row
};

constexpr int64_t kStrip = 16;  // columns, a cache line or more

int32_t plan_rows(ow_plan *plan, const ow_tensor *rows, const ow_tensor *ids, const ow_tensor *segments) {
  Rows *r = state<Rows>(plan);
  if (!r) return OW_NO_MEMORY;
  r->n = size(ids);
  r->segments = segments->shape[0];
  r->columns = extent(rows, ids->ndim, rows->ndim);
  const double elements = static_cast<double>((r->n + r->segments) * r->columns);
  plan->bytes = elements * static_cast<double>(itemsize(rows));
  const int64_t strips = (r->columns + kStrip - 1) / kStrip;
  divide(plan, strips, strips ? elements / static_cast<double>(strips) * 0.3 : 0);
  return OW_OK;
}

template <typename R, typename T>
int32_t prepare(ow_plan *plan) {
  if (const int32_t code = plan_rows(plan, plan->in[0], plan->in[1], plan->out[0])) return code;
  if (!kDirect<R, T>) plan->scratch_bytes = static_cast<uint64_t>(size(plan->out[0])) * sizeof(typename R::Lane);
  return OW_OK;
}
int32_t prepare_gather(ow_plan *plan) { return plan_rows(plan, plan->out[0], plan->in[1], plan->in[0]); }

// Whether row i's number may be used; negative ones drop the row.
template <typename I>
int32_t check(const ow_call *call, const I *ids, int64_t i, int64_t segments, bool sorted) {
  if (ids[i] >= segments)
    return OW_FAIL(call, OW_OUT_OF_RANGE, "segment_ids must be below num_segments = %lld, got %lld",
                   static_cast<long long>(segments), static_cast<long long>(ids[i]));
  if (sorted && (ids[i] < 0 || (i > 0 && ids[i] < ids[i - 1])))
    return OW_FAIL(call, OW_INVALID, "segment_ids must be sorted and not negative, got %lld after %lld",
                   static_cast<long long>(ids[i]), static_cast<long long>(i > 0 ? ids[i - 1] : 0));
  return OW_OK;
}

template <typename R, typename T, typename I>
int32_t reduce(const ow_call *call, int64_t first, int64_t last) {
  using Lane = typename R::Lane;
  constexpr bool direct = kDirect<R, T>;
  static_assert(UNSORTED_SEGMENT_SUM_SORTED == 0 && UNSORTED_SEGMENT_MAX_SORTED == 0, "one function serves all");
  const bool sorted = call->attr[UNSORTED_SEGMENT_SUM_SORTED].v.i;
  const Rows &r = *static_cast<const Rows *>(call->state);
  const Range strips(call, (r.columns + kStrip - 1) / kStrip, first, last);
  const int64_t from = strips.begin * kStrip, to = std::min(strips.end * kStrip, r.columns);
  const I *ids = data<I>(call->in[1]);
  // Signed and unsigned integers of one size may be read as each other.
  Lane *sums = static_cast<Lane *>(direct ? call->out[0]->data : call->scratch);
  for (int64_t s = 0; s < r.segments; ++s)
    std::fill(sums + s * r.columns + from, sums + s * r.columns + to, start_of<R, T>());
  for (int64_t i = 0; i < r.n; ++i) {
    if (const int32_t code = check(call, ids, i, r.segments, sorted)) return code;
    if (ids[i] < 0) continue;
    const T *x = data<T>(call->in[0]) + i * r.columns;
    Lane *y = sums + ids[i] * r.columns;
    OW_IVDEP
    for (int64_t j = from; j < to; ++j) y[j] = R::combine(y[j], static_cast<Lane>(static_cast<compute_t<T>>(x[j])));
  }
  if (!direct)
    for (int64_t s = 0; s < r.segments; ++s)
      for (int64_t j = s * r.columns + from; j < s * r.columns + to; ++j)
        data<T>(call->out[0])[j] = static_cast<T>(sums[j]);
  return OW_OK;
}

template <typename T, typename I>
int32_t gather(const ow_call *call, int64_t first, int64_t last) {
  const Rows &r = *static_cast<const Rows *>(call->state);
  const Range strips(call, (r.columns + kStrip - 1) / kStrip, first, last);
  const int64_t from = strips.begin * kStrip, to = std::min(strips.end * kStrip, r.columns);
  const I *ids = data<I>(call->in[1]);
  for (int64_t i = 0; i < r.n; ++i) {
    if (const int32_t code = check(call, ids, i, r.segments, false)) return code;
    T *y = data<T>(call->out[0]) + i * r.columns;
    if (ids[i] < 0) std::fill(y + from, y + to, T(0));
    else
      std::copy(data<T>(call->in[0]) + ids[i] * r.columns + from, data<T>(call->in[0]) + ids[i] * r.columns + to,
                y + from);
  }
  return OW_OK;
}

template <typename R, typename T, typename I>
void enter(const char *op) {
  Kernel(op, signature<T, I>("T,U,*->T")).prepare(prepare<R, T>).run(reduce<R, T, I>);
}

OW_REGISTER indices::each([](auto index) {
  using I = decltype(index);
  numbers::each([](auto zero) {
    using T = decltype(zero);
    enter<Sum<T>, T, I>("unsorted_segment_sum");
    enter<Prod<T>, T, I>("unsorted_segment_prod");
    enter<Max<T>, T, I>("unsorted_segment_max");
    enter<Min<T>, T, I>("unsorted_segment_min");
    Kernel("segment_gather", signature<T, I>("T,U->T")).prepare(prepare_gather).run(gather<T, I>);
  });
});

}  // namespace
