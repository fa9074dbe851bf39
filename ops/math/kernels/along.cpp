// pick_along: y[.. i ..] = x[.. indices[.. i ..] ..]; place_along, its adjoint: y[.. indices[.. i ..] ..] += x[.. i
// ..].
#include "axis.hpp"
#include "math_attributes.h"

using namespace opwright;

namespace {

// The axis of both sides: the one that is indexed has n elements, the other as many as the indices.
struct Along {
  Axis picked, whole;
};

int32_t prepare(ow_plan *plan, const ow_tensor *picked, const ow_tensor *whole) {
  static_assert(PICK_ALONG_AXIS == 0 && PLACE_ALONG_AXIS == 0, "one prepare serves both");
  const int64_t axis = plan->attr[0].v.i;
  const Along *a = state<Along>(plan, Axis(picked, axis), Axis(whole, axis));
  if (!a) return OW_NO_MEMORY;
  const double elements = static_cast<double>(size(picked) + size(whole));
  plan->bytes = elements * static_cast<double>(itemsize(picked)) + 8 * static_cast<double>(size(picked));
  const int64_t units = a->picked.outer * a->picked.per_row;
  divide(plan, units, units ? elements * 2 / static_cast<double>(units) : 0);
  return OW_OK;
}

int32_t prepare_pick(ow_plan *plan) { return prepare(plan, plan->out[0], plan->in[0]); }
int32_t prepare_place(ow_plan *plan) { return prepare(plan, plan->in[0], plan->out[0]); }

template <typename I>
int32_t outside(const ow_call *call, I index, int64_t n) {
  return OW_FAIL(call, OW_OUT_OF_RANGE, "indices must lie in [0, %lld), got %lld", static_cast<long long>(n),
                 static_cast<long long>(index));
}

template <typename T, typename I>
int32_t pick(const ow_call *call, int64_t first, int64_t last) {
  const Along &a = *static_cast<const Along *>(call->state);
  const Range units(call, a.picked.outer * a.picked.per_row, first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t from = a.picked.unit(u).start, lanes = a.picked.unit(u).lanes;
    const T *x = data<T>(call->in[0]) + a.whole.unit(u).start;
    const I *index = data<I>(call->in[1]) + from;
    T *y = data<T>(call->out[0]) + from;
    for (int64_t i = 0; i < a.picked.n; ++i, index += a.picked.inner, y += a.picked.inner)
      for (int64_t j = 0; j < lanes; ++j) {
        if (index[j] < 0 || index[j] >= a.whole.n) return outside(call, index[j], a.whole.n);
        y[j] = x[index[j] * a.whole.inner + j];
      }
  }
  return OW_OK;
}

template <typename T, typename I>
int32_t place(const ow_call *call, int64_t first, int64_t last) {
  const Along &a = *static_cast<const Along *>(call->state);
  const Range units(call, a.picked.outer * a.picked.per_row, first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t from = a.picked.unit(u).start, lanes = a.picked.unit(u).lanes;
    const T *x = data<T>(call->in[0]) + from;
    const I *index = data<I>(call->in[1]) + from;
    T *y = data<T>(call->out[0]) + a.whole.unit(u).start;
    for (int64_t i = 0; i < a.whole.n; ++i) std::fill_n(y + i * a.whole.inner, lanes, T(0));
    for (int64_t i = 0; i < a.picked.n; ++i, index += a.picked.inner, x += a.picked.inner)
      for (int64_t j = 0; j < lanes; ++j) {
        if (index[j] < 0 || index[j] >= a.whole.n) return outside(call, index[j], a.whole.n);
        T &to = y[index[j] * a.whole.inner + j];
        to = static_cast<T>(static_cast<compute_t<T>>(to) + static_cast<compute_t<T>>(x[j]));
      }
  }
  return OW_OK;
}

OW_REGISTER indices::each([](auto index) {
  using I = decltype(index);
  all_types::each([](auto zero) {
    using T = decltype(zero);
    Kernel("pick_along", signature<T, I>("T,U->T")).prepare(prepare_pick).run(pick<T, I>);
  });
  floats::each([](auto zero) {
    using T = decltype(zero);
    Kernel("place_along", signature<T, I>("T,U,*->T")).prepare(prepare_place).run(place<T, I>);
  });
});

}  // namespace
